// Node peers.  usage: node peers.mjs <pgboss|graphile|dbos|absurd> <bulk|single|drain|latency|workflow> k=v ...
// env: PEER_MODULES (folder holding node_modules), PEER_URL (postgres url without database), PEER_POSTMASTER (its pid), ABSURDCTL (path)
import { createRequire } from 'node:module';
import { readFileSync, readdirSync } from 'node:fs';
import { execFileSync, spawn } from 'node:child_process';
const require = createRequire(process.env.PEER_MODULES + '/x.js');
const pg = require('pg');
const URL_ = process.env.PEER_URL;
const [peer, cmd, ...rest] = process.argv.slice(2);
const kv = Object.fromEntries(rest.map(x => x.split('=')));
const I = (k, d) => kv[k] === undefined ? d : Number(kv[k]);
const tag = process.argv.slice(3).join(' ');
const sleep = ms => new Promise(r => setTimeout(r, ms));
const nowUs = () => (performance.timeOrigin + performance.now()) * 1000;
const payload = n => ({ n, t: nowUs(), to: 'user@example.test', note: 'about one hundred bytes of json' });
let done = 0, latMode = false; const lat = [];
const handled = p => { if (latMode) lat.push(nowUs() - p.t); done++; };
async function q(db, sql, args) { const c = new pg.Client(`${URL_}/${db}`); await c.connect(); try { return (await c.query(sql, args)).rows; } finally { await c.end(); } }
async function fresh(db) { await q('postgres', `drop database if exists ${db} with (force)`); await q('postgres', `create database ${db}`); await q('postgres', 'checkpoint'); }
// CPU seconds of the server and its backends, of ourselves and our children, of the whole machine
const POSTMASTER = Number(process.env.PEER_POSTMASTER);
function cpu() { let pg_ = 0, own = 0; for (const d of readdirSync('/proc')) { if (!/^[0-9]+$/.test(d)) continue; let t; try { t = readFileSync(`/proc/${d}/stat`, 'utf8'); } catch { continue; } const f = t.slice(t.lastIndexOf(') ') + 2).split(' '), is = pid => Number(d) === pid || Number(f[1]) === pid, s = f.slice(11, 15).reduce((x, y) => x + Number(y), 0) / 100; if (is(POSTMASTER)) pg_ += s; else if (is(process.pid)) own += s; }
  const all = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/ +/).slice(1).map(Number); return [pg_, own, (all[0] + all[1] + all[2] + all[5] + all[6] + all[7]) / 100]; }
async function meter(db) { const w = async () => Number((await q(db, `select (pg_current_wal_insert_lsn()-'0/0'::pg_lsn)::bigint w`))[0].w); const w0 = await w(), c0 = cpu(), t0 = performance.now();
  return async (what, jobs) => { const el = (performance.now() - t0) / 1e3, c = cpu().map((x, i) => x - c0[i]), w1 = await w(), j = Math.max(jobs, 1); const r = x => Math.round(x * 100) / 100;
    console.log(JSON.stringify({ peer: peer + '-node', what, args: tag, jobs, secs: r(el), per_s: Math.round(j / el), server_us: r(c[0] * 1e6 / j), client_us: r(c[1] * 1e6 / j), wal_b: Math.round((w1 - w0) / j), cores: r((c[0] + c[1]) / el), other_cores: r((c[2] - c[0] - c[1]) / el) })); }; }
async function waitDone(db, n, leftSql, secs) { const end = Date.now() + secs * 1000; const c = new pg.Client(`${URL_}/${db}`); await c.connect();
  try { while (done < n) { if (Date.now() > end) return false; await sleep(5); } for (;;) { if (Number((await c.query(leftSql)).rows[0].c) === 0) return true; if (Date.now() > end) return false; await sleep(10); } } finally { await c.end(); } }
function reportLat() { lat.sort((a, b) => a - b); const p = x => lat.length ? Math.round(lat[Math.floor((lat.length - 1) * x)] / 10) / 100 : null; console.log(JSON.stringify({ peer: peer + '-node', what: 'latency', args: tag, jobs: lat.length, p50_ms: p(.5), p95_ms: p(.95), p99_ms: p(.99), max_ms: p(1) })); }
async function pin(db) { const c = new pg.Client(`${URL_}/${db}`); await c.connect(); await c.query('begin isolation level repeatable read; select count(*) from pg_class'); return c; }
const n = I('n', 100000), conc = I('conc', 50), secs = I('secs', 90);
setTimeout(() => { console.log(JSON.stringify({ peer: peer + '-node', what: cmd + '-HARDTIMEOUT', args: tag, jobs: done })); process.exit(3); }, I('hard', 240) * 1000).unref();

// Bulk calls of `ch` jobs, two callers at once unless told otherwise
const pages = async (k, ch, put) => { let i = 0; await Promise.all(Array.from({ length: I('callers', 2) }, async () => { while (i < k) { const at = i, m = Math.min(ch, k - at); i += m; await put(Array.from({ length: m }, (_, j) => payload(at + j))); } })); };
// Each peer: { db, init(), bulk(n), one(p), start(), stop(), left }
const peers = {
  // pg-boss: createQueue (standard policy), insert() in chunks, work() with batchSize + burstWhenBatchFull + localConcurrency; latency mode: NOTIFY on.
  pgboss: () => { const { PgBoss } = require('pg-boss'); let boss; const db = 'peer_pgboss'; const notify = I('notify', 0) === 1;
    return { db, left: `select count(*) c from pgboss.job where state < 'completed'`,
      async init() { boss = new PgBoss({ connectionString: `${URL_}/${db}`, max: I('pool', 20), supervise: false, schedule: false, ...(notify ? { useListenNotify: true, listenNotify: true, notify: true } : {}) }); boss.on('error', e => console.error(String(e))); await boss.start(); await boss.createQueue('bench', notify ? { notify: true } : {}); },
      bulk: k => pages(k, I('chunk', 5000), ps => boss.insert('bench', ps.map(data => ({ data })))),
      one: p => boss.send('bench', p),
      async start() { const b = I('batch', 500); await boss.work('bench', { batchSize: b, localConcurrency: I('lc', 4), pollingIntervalSeconds: 0.5, burstWhenBatchFull: b > 1 }, async js => { for (const j of js) handled(j.data); }); },
      stop: () => boss.offWork('bench') }; },
  // graphile-worker: addJobs() in chunks, one runner with concurrentJobs, localQueue and completeJobBatchDelay as its performance page recommends
  graphile: () => { const gw = require('graphile-worker'); let u, r; const db = 'peer_graphile_js'; const logger = new gw.Logger(() => () => {});
    return { db, left: `select count(*) c from graphile_worker._private_jobs`,
      async init() { u = await gw.makeWorkerUtils({ connectionString: `${URL_}/${db}`, maxPoolSize: I('pool', 20), logger }); await u.migrate(); },
      bulk: k => pages(k, I('chunk', 5000), ps => u.addJobs(ps.map(payload => ({ identifier: 'bench', payload })))),
      one: p => u.addJob('bench', p),
      async start() { r = await gw.run({ connectionString: `${URL_}/${db}`, logger, noHandleSignals: true, taskList: { bench: async p => { handled(p); } }, preset: { worker: { connectionString: `${URL_}/${db}`, concurrentJobs: conc, maxPoolSize: I('pool', 20), pollInterval: I('poll', 2000), ...(I('lq', 500) > 0 ? { localQueue: { size: I('lq', 500) } } : {}), completeJobBatchDelay: I('cb', 0), failJobBatchDelay: I('cb', 0) } } }); },
      stop: () => r.stop() }; },
  // DBOS Transact TS: client.enqueue (no bulk API) with `prod` in flight; a DB-backed queue with workerConcurrency and a short polling interval
  dbos: () => { const { DBOS, DBOSClient } = require('@dbos-inc/dbos-sdk'); let client; const db = 'peer_dbos_js';
    const step = async () => 1;
    const one_ = DBOS.registerWorkflow(async p => { handled(p); }, { name: 'bench' });
    const wf3 = DBOS.registerWorkflow(async p => { await DBOS.runStep(step, { name: 'a' }); await DBOS.runStep(step, { name: 'b' }); await DBOS.runStep(step, { name: 'c' }); handled(p); }, { name: 'wf3' });
    const enq = (name, p) => client.enqueue({ workflowName: name, queueName: 'bench' }, p);
    const many = async (name, k) => { let i = 0; await Promise.all(Array.from({ length: I('prod', 64) }, async () => { while (i < k) await enq(name, payload(i++)); })); };
    return { db, wf: true, left: `select count(*) c from dbos.workflow_status where status in ('ENQUEUED','PENDING')`,
      async init() { DBOS.setConfig({ name: 'bench', systemDatabaseUrl: `${URL_}/${db}`, systemDatabasePoolSize: I('pool', 20), logLevel: 'error', runAdminServer: false, applicationVersion: 'v1' }); await DBOS.launch(); await DBOS.shutdown(); client = await DBOSClient.create({ systemDatabaseUrl: `${URL_}/${db}`, systemDatabasePoolSize: I('pool', 20) }); },
      bulk: k => many('bench', k), bulkWf: k => many('wf3', k), one: p => enq('bench', p),
      async start() { await DBOS.launch(); const w = I('wc', 500); await DBOS.registerQueue('bench', { minPollingIntervalMs: I('poll', 10), ...(w > 0 ? { workerConcurrency: w } : {}) }); },
      stop: () => DBOS.shutdown() }; },
  // Absurd: spawn per task (no bulk API) with `prod` in flight; startWorker({concurrency, batchSize, pollInterval})
  absurd: () => { const { Absurd } = require('absurd-sdk'); let app, w; const db = 'peer_absurd'; let pool;
    const many = async (name, k) => { let i = 0; await Promise.all(Array.from({ length: I('prod', 16) }, async () => { while (i < k) await app.spawn(name, payload(i++)); })); };
    return { db, wf: true, left: `select count(*) c from absurd.t_bench where state in ('pending','running','sleeping')`,
      async init() { if (cmd !== 'work') execFileSync(process.env.ABSURDCTL, ['init', '-d', `${URL_}/${db}`], { stdio: ['ignore', 'ignore', 'inherit'] }); pool = new pg.Pool({ connectionString: `${URL_}/${db}`, max: I('pool', 20) }); app = new Absurd({ db: pool, queueName: 'bench' }); await app.createQueue('bench');
        app.registerTask({ name: 'bench' }, async p => { handled(p); }); app.registerTask({ name: 'wf3' }, async (p, ctx) => { await ctx.step('a', async () => 1); await ctx.step('b', async () => 1); await ctx.step('c', async () => 1); handled(p); }); },
      bulk: k => many('bench', k), bulkWf: k => many('wf3', k), one: p => app.spawn('bench', p),
      async start() { w = await app.startWorker({ concurrency: conc, batchSize: I('batch', conc), pollInterval: I('poll', 0.01), onError: e => console.error(String(e)) }); },
      stop: () => w.close() }; },
};
const P = peers[peer](); if (cmd !== 'work') await fresh(P.db); await P.init();
// procs=2: this program once more with the command `work`, which only runs a worker 
const procs = I('procs', 1); const kids = []; const more = async () => { if (procs < 2) return; const at = Date.now() + 2000; for (let k = 1; k < procs; k++) kids.push(spawn(process.argv[0], [process.argv[1], peer, 'work', ...rest], { stdio: 'inherit', env: { ...process.env, START_AT: String(at) } })); await sleep(at - Date.now()); };
process.on('exit', () => kids.forEach(k => k.kill('SIGKILL')));
if (cmd === 'work') { await sleep(Math.max(0, Number(process.env.START_AT) - Date.now())); await P.start(); await sleep(150000); }
else if (cmd === 'bulk') { const m = await meter(P.db); await P.bulk(n); await m('bulk', n); }
else if (cmd === 'single') { const m = await meter(P.db); const end = Date.now() + I('secs', 5) * 1000; let k = 0; await Promise.all(Array.from({ length: I('prod', 16) }, async () => { while (Date.now() < end) { await P.one(payload(k)); k++; } })); await m('single', k); }
else if (cmd === 'drain' || cmd === 'workflow') {
  if (kv.pin === '1') await pin(P.db); let tot = 0;
  for (let r = 0; r < I('rounds', 1); r++) {
    await (cmd === 'workflow' ? P.bulkWf(n) : P.bulk(n)); await q(P.db, 'vacuum analyze'); tot += n; const b = done;
    await more(); const m = await meter(P.db); await P.start(); const ok = await waitDone(P.db, procs > 1 ? 0 : tot, P.left, secs); await m(`${cmd === 'workflow' ? 'workflow3-' : 'drain'}${r}${ok ? '' : '-timeout'}`, procs > 1 ? n : done - b); if (!ok) break; if (r + 1 < I('rounds', 1)) await P.stop();
  }
} else if (cmd === 'latency') {
  // pick-up latency at idle: enqueue one, wait until its handler starts, pause, again
  await P.start(); await sleep(1000); latMode = true; const tot = I('n', 300);
  for (let k = 0; k < tot; k++) { await P.one(payload(k)); const end = performance.now() + 10000; while (lat.length <= k && performance.now() < end) await sleep(1); await sleep(I('gap', 20)); }
  reportLat();
}
process.exit(0);
