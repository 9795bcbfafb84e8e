// Restate peer (its own log, no Postgres).  usage: node restate.mjs <workflow|drain|latency> n= prod=    starts a private restate-server, data under RESTATE_DIR
// Invocations begin as soon as they are accepted, so "through" = from the first send to the last finished handler.
import { createRequire } from 'node:module';
import { spawn } from 'node:child_process';
import { rmSync, mkdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
Promise.withResolvers ??= function () { let resolve, reject; const promise = new this((a, b) => { resolve = a; reject = b; }); return { promise, resolve, reject }; }; // node 20: the SDK expects 22
const M = process.env.PEER_MODULES, require = createRequire(M + '/x.js');
process.env.RESTATE_LOGGING ??= 'ERROR'; // otherwise the SDK prints two lines per invocation
const restate = require('@restatedev/restate-sdk');
const [cmd, ...rest] = process.argv.slice(2); const kv = Object.fromEntries(rest.map(x => x.split('='))); const I = (k, d) => kv[k] === undefined ? d : Number(kv[k]);
const sleep = ms => new Promise(r => setTimeout(r, ms)), nowUs = () => (performance.timeOrigin + performance.now()) * 1000;
const dir = process.env.RESTATE_DIR; rmSync(dir, { recursive: true, force: true }); mkdirSync(dir, { recursive: true });
const bin = `${M}/node_modules/@restatedev/restate-server-linux-x64/bin/restate-server`;
const srv = spawn(bin, ['--base-dir', dir, '--node-name', 'n1'], { stdio: 'ignore', env: { ...process.env, RUST_LOG: 'error', RESTATE_DEFAULT_NUM_PARTITIONS: kv.parts ?? '24', DO_NOT_TRACK: '1', RESTATE_DISABLE_TELEMETRY: 'true' } }); process.on('exit', () => srv.kill('SIGKILL'));
const agent = new http.Agent({ keepAlive: true, maxSockets: I('prod', 64) });
const post = (port, path, body) => new Promise((ok, bad) => { const b = JSON.stringify(body); const r = http.request({ host: '127.0.0.1', port, path, method: 'POST', agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(b) } }, x => { let t = ''; x.on('data', d => t += d); x.on('end', () => x.statusCode < 300 ? ok(t) : bad(new Error(x.statusCode + t))); }); r.on('error', bad); r.end(b); });
let done = 0; const lat = []; let latMode = false; const handled = p => { if (latMode) lat.push(nowUs() - p.t); done++; };
const svc = restate.service({ name: 'bench', handlers: {
  wf3: async (ctx, p) => { await ctx.run('a', () => 1); await ctx.run('b', () => 1); await ctx.run('c', () => 1); handled(p); },
  noop: async (ctx, p) => { handled(p); } } });
await restate.serve({ services: [svc], port: 9080 });
for (let k = 0; ; k++) { try { await post(9070, '/deployments', { uri: 'http://127.0.0.1:9080' }); break; } catch (e) { if (k > 100) { console.error(String(e)); process.exit(1); } await sleep(300); } }
const cpuOf = pid => { const t = readFileSync(`/proc/${pid}/stat`, 'utf8'); const f = t.slice(t.lastIndexOf(') ') + 2).split(' '); return (Number(f[11]) + Number(f[12])) / 100; };
const busy = () => { const all = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/ +/).slice(1).map(Number); return (all[0] + all[1] + all[2] + all[5] + all[6] + all[7]) / 100; };
const n = I('n', 5000); const payload = k => ({ n: k, t: nowUs(), to: 'user@example.test', note: 'about one hundred bytes of json' });
if (cmd === 'latency') { await sleep(1000); latMode = true; for (let k = 0; k < I('n', 300); k++) { await post(8080, '/bench/noop/send', payload(k)); while (lat.length <= k) await sleep(1); await sleep(20); }
  lat.sort((a, b) => a - b); const p = x => Math.round(lat[Math.floor((lat.length - 1) * x)] / 10) / 100; console.log(JSON.stringify({ peer: 'restate', what: 'latency', args: rest.join(' '), jobs: lat.length, p50_ms: p(.5), p99_ms: p(.99), max_ms: p(1) }));
} else { const h = cmd === 'workflow' ? 'wf3' : 'noop'; for (let k = 0; k < 200; k++) await post(8080, `/bench/${h}/send`, payload(k)); while (done < 200) await sleep(5); done = 0;
  const t0 = performance.now(), c0 = cpuOf(srv.pid), u0 = process.cpuUsage(), b0 = busy(); let i = 0; let sent = 0; await Promise.all(Array.from({ length: I('prod', 64) }, async () => { while (i < n) { await post(8080, `/bench/${h}/send`, payload(i++)); sent = performance.now(); } }));
  const end = Date.now() + I('secs', 90) * 1000; while (done < n && Date.now() < end) await sleep(2); const el = (performance.now() - t0) / 1e3, u = process.cpuUsage(u0), server = cpuOf(srv.pid) - c0, own = (u.user + u.system) / 1e6, r = x => Math.round(x * 100) / 100;
  const costs = { server_us: Math.round(server * 1e6 / n), client_us: Math.round(own * 1e6 / n), cores: r((server + own) / el), other_cores: r((busy() - b0 - server - own) / el) };
  console.log(JSON.stringify({ peer: 'restate', what: (cmd === 'workflow' ? 'workflow3' : 'drain') + (done < n ? '-timeout' : ''), args: rest.join(' '), jobs: done, secs: Math.round(el * 100) / 100, per_s: Math.round(done / el), accepted_per_s: Math.round(n / ((sent - t0) / 1e3)), ...costs })); }
process.exit(0);
