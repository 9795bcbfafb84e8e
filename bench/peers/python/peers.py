"""Python peers.  usage: peers.py <procrastinate|pgqueuer|dbos> <bulk|single|drain|latency|workflow> k=v ...
env: PEER_URL (postgres url without database), PEER_POSTMASTER (its pid)"""
import asyncio, json, os, sys, time, threading, urllib.parse
import psycopg
URL = os.environ["PEER_URL"]
peer, cmd, *rest = sys.argv[1:]
kv = dict(x.split("=", 1) for x in rest)
I = lambda k, d: type(d)(kv.get(k, d))
n, conc, secs, rounds = I("n", 20000), I("conc", 50), I("secs", 60 if cmd in ("drain", "workflow") else (20 if cmd == "latency" else 5)), I("rounds", 1)
tag = " ".join(sys.argv[2:])
now_us = lambda: time.time() * 1e6
payload = lambda i: {"n": i, "t": now_us(), "to": "user@example.test", "note": "about one hundred bytes of json"}
done, lat, latmode, lock = 0, [], False, threading.Lock()
def handled(p):
    global done
    if latmode: lat.append(now_us() - p["t"])
    with lock: done += 1
def q(db, sql):
    with psycopg.connect(f"{URL}/{db}", autocommit=True) as c:
        cur = c.execute(sql); return cur.fetchall() if cur.description else None
def fresh(db): q("postgres", f"drop database if exists {db} with (force)"); q("postgres", f"create database {db}"); q("postgres", "checkpoint")
def cpu():  # CPU seconds of the server and its backends, of ourselves and our children, of the whole machine
    import glob; pg = own = 0; server, me = os.environ["PEER_POSTMASTER"], str(os.getpid())
    for f in glob.glob("/proc/[0-9]*/stat"):
        try: t = open(f).read()
        except OSError: continue
        h, _, r = t.rpartition(") "); r = r.split(); of = (h.split()[0], r[1]); s = sum(map(int, r[11:15])) / 100
        if server in of: pg += s
        elif me in of: own += s
    m = list(map(int, open("/proc/stat").readline().split()[1:]))
    return pg, own, (m[0] + m[1] + m[2] + m[5] + m[6] + m[7]) / 100
class Meter:
    def __init__(s, db): s.db = db; s.w = s.wal(); s.c = cpu(); s.t = time.perf_counter()
    def wal(s): return int(q(s.db, "select (pg_current_wal_insert_lsn()-'0/0'::pg_lsn)::bigint")[0][0])
    def stop(s, what, jobs):
        el = time.perf_counter() - s.t; pg, own, busy = (b - a for a, b in zip(s.c, cpu())); w = s.wal(); j = max(jobs, 1)
        print(json.dumps(dict(peer=peer + "-py", what=what, args=tag, jobs=jobs, secs=round(el, 2), per_s=round(j / el), server_us=round(pg * 1e6 / j, 1), client_us=round(own * 1e6 / j, 1), wal_b=round((w - s.w) / j), cores=round((pg + own) / el, 2), other_cores=round((busy - pg - own) / el, 2))), flush=True)
def report_lat():
    v = sorted(lat); p = lambda x: round(v[int((len(v) - 1) * x)] / 1000, 2) if v else None
    print(json.dumps(dict(peer=peer + "-py", what="latency", args=tag, jobs=len(v), p50_ms=p(.5), p95_ms=p(.95), p99_ms=p(.99), max_ms=p(1))), flush=True)
async def wait_done(db, tot, left, secs):
    end = time.time() + secs
    while done < tot:
        if time.time() > end: return False
        await asyncio.sleep(0.01)
    async with await psycopg.AsyncConnection.connect(f"{URL}/{db}", autocommit=True) as c:
        while True:
            if (await (await c.execute(left)).fetchone())[0] == 0: return True
            if time.time() > end: return False
            await asyncio.sleep(0.01)
def pin(db):
    c = psycopg.connect(f"{URL}/{db}"); c.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ; c.execute("select count(*) from pg_class"); return c
threading.Timer(float(kv.get("hard", 240)), lambda: (print(json.dumps(dict(peer=peer + "-py", what=cmd + "-HARDTIMEOUT", args=tag, jobs=done)), flush=True), os._exit(3))).start()

async def pages(k, ch, put):  # bulk calls of `ch` jobs, two callers at once unless told otherwise
    starts = iter(range(0, k, ch))
    async def caller():
        for i in starts: await put([payload(i + j) for j in range(min(ch, k - i))])
    await asyncio.gather(*[caller() for _ in range(I("callers", 2))])

class Procrastinate:  # batch_defer_async in chunks of 1000; worker concurrency = conc, listen_notify on
    db = "peer_procrastinate"; left = "select count(*) from procrastinate_jobs where status in ('todo','doing')"
    async def init(s):
        from procrastinate import App, PsycopgConnector
        s.app = App(connector=PsycopgConnector(conninfo=f"{URL}/{s.db}", min_size=4, max_size=I("pool", 20)))
        @s.app.task(name="bench")
        async def bench(**p): handled(p)
        s.bench = bench; await s.app.open_async(); (await s.app.schema_manager.apply_schema_async()) if cmd != 'work' else None
    async def bulk(s, k): await pages(k, 1000, lambda ps: s.bench.batch_defer_async(*ps))
    async def one(s, p): await s.bench.defer_async(**p)
    async def start(s): s.t = asyncio.create_task(s.app.run_worker_async(concurrency=conc, install_signal_handlers=False, fetch_job_polling_interval=I("poll", 1.0), **({"delete_jobs": "always"} if I("del", 0) else {})))
    async def stop(s): s.t.cancel(); await asyncio.gather(s.t, return_exceptions=True)
class PgQueuer:  # asyncpg + uvloop, enqueue() with lists, batch_size
    db = "peer_pgqueuer"; left = "select count(*) from pgqueuer"
    async def init(s):
        import asyncpg; from pgqueuer import PgQueuer as Q; from pgqueuer.db import AsyncpgPoolDriver, AsyncpgDriver; from pgqueuer.queries import Queries
        s.Q, s.AD, s.asyncpg = Q, AsyncpgDriver, asyncpg
        s.pool = await asyncpg.create_pool(f"{URL}/{s.db}", min_size=4, max_size=I("pool", 20)); s.drv = AsyncpgPoolDriver(s.pool); s.qs = Queries(s.drv); (await s.qs.install()) if cmd != 'work' else None
    async def bulk(s, k):
        await pages(k, I("chunk", 1000), lambda ps: s.qs.enqueue(["bench"] * len(ps), [json.dumps(p).encode() for p in ps], [0] * len(ps)))
    async def one(s, p): await s.qs.enqueue("bench", json.dumps(p).encode())
    async def start(s):
        from datetime import timedelta
        drv = s.AD(await s.asyncpg.connect(f"{URL}/{s.db}")) if I("drv", 0) else s.drv
        s.pgq = s.Q(drv)
        @s.pgq.entrypoint("bench")
        async def bench(job): handled(json.loads(job.payload))
        s.t = asyncio.create_task(s.pgq.run(batch_size=I("batch", 500), dequeue_timeout=timedelta(seconds=I("poll", 5))))
    async def stop(s): s.pgq.shutdown.set(); await asyncio.wait([s.t], timeout=10)
def alchemy(url):  # SQLAlchemy takes the folder of a socket as a parameter only
    u = urllib.parse.urlsplit(url); host = urllib.parse.unquote(u.netloc.rpartition("@")[2].rpartition(":")[0])
    return f"postgresql+psycopg://{u.username}@{u.path}?host={host}&port={u.port}"
class Dbos:  # client.enqueue from `prod` threads (no bulk API); DB-backed queue with worker_concurrency and a short polling interval; async workflow functions
    db = "peer_dbos_py"; left = "select count(*) from dbos.workflow_status where status in ('ENQUEUED','PENDING')"
    async def init(s):
        from dbos import DBOS, DBOSClient
        s.DBOS = DBOS; s.cfg = dict(name="bench", system_database_url=alchemy(f"{URL}/{s.db}"), sys_db_pool_size=I("pool", 20), log_level="ERROR", application_version="v1", run_admin_server=False)
        def mk(): DBOS(config=s.cfg)
        mk()
        if I("sync", 0):
            @DBOS.step(name="a")
            def a(): return 1
            @DBOS.workflow(name="bench")
            def bench(p): handled(p)
            @DBOS.workflow(name="wf3")
            def wf3(p): a(); a(); a(); handled(p)
        else:
            @DBOS.step(name="a")
            async def a(): return 1
            @DBOS.workflow(name="bench")
            async def bench(p): handled(p)
            @DBOS.workflow(name="wf3")
            async def wf3(p): await a(); await a(); await a(); handled(p)
        await asyncio.to_thread(DBOS.launch); 
        await asyncio.to_thread(DBOS.destroy, workflow_completion_timeout_sec=0) if cmd not in ("bulk", "single") else None
        mk(); s.client = DBOSClient(system_database_url=s.cfg["system_database_url"])
    def enq(s, name, p): s.client.enqueue({"workflow_name": name, "queue_name": "bench"}, p)
    async def many(s, name, k):
        it = iter(range(k)); L = threading.Lock()
        def w():
            while True:
                with L: i = next(it, None)
                if i is None: return
                s.enq(name, payload(i))
        await asyncio.gather(*[asyncio.to_thread(w) for _ in range(16)])
    async def bulk(s, k): await s.many("bench", k)
    async def bulk_wf(s, k): await s.many("wf3", k)
    async def one(s, p): await asyncio.to_thread(s.enq, "bench", p)
    async def start(s):
        await asyncio.to_thread(s.DBOS.launch); w = I("wc", 200)
        await s.DBOS.register_queue_async("bench", worker_concurrency=w if w else None, polling_interval_sec=I("poll", 0.01))
    async def stop(s): await asyncio.to_thread(s.DBOS.destroy)
async def main():
    global latmode
    P = {"procrastinate": Procrastinate, "pgqueuer": PgQueuer, "dbos": Dbos}[peer](); (fresh(P.db) if cmd != 'work' else None); await P.init()
    if cmd == "work": await asyncio.sleep(max(0, float(os.environ["START_AT"]) - time.time())); await P.start(); await asyncio.sleep(150)
    procs = I("procs", 1); kids = []
    def more():  # procs=2: this program once more with the command `work`, which only runs a worker
        import subprocess
        if procs < 2: return
        at = time.time() + 3
        for _ in range(1, procs): kids.append(subprocess.Popen([sys.executable, sys.argv[0], peer, "work", *rest], env=dict(os.environ, START_AT=str(at))))
        time.sleep(at - time.time())
    if cmd == "bulk": m = Meter(P.db); await P.bulk(n); m.stop("bulk", n)
    elif cmd == "single":
        m = Meter(P.db); end = time.time() + secs; k = 0
        async def prod():
            nonlocal k
            while time.time() < end: await P.one(payload(k)); k += 1
        await asyncio.gather(*[prod() for _ in range(I("prod", 16))]); m.stop("single", k)
    elif cmd in ("drain", "workflow"):
        p = pin(P.db) if I("pin", 0) else None; tot = 0
        for r in range(rounds):
            await (P.bulk_wf(n) if cmd == "workflow" else P.bulk(n)); q(P.db, "vacuum analyze"); tot += n; b = done
            more(); m = Meter(P.db); await P.start(); ok = await wait_done(P.db, 0 if procs > 1 else tot, P.left, secs); m.stop(f"{'workflow3-' if cmd == 'workflow' else 'drain'}{r}{'' if ok else '-timeout'}", n if procs > 1 else done - b); [k.kill() for k in kids]
            if not ok: break
            if r + 1 < rounds: await P.stop()
    elif cmd == "latency":
        # pick-up latency at idle: enqueue one, wait until its handler starts, pause, again
        await P.start(); await asyncio.sleep(1); latmode = True
        for k in range(I("n", 300) if "n" in kv else 300):
            await P.one(payload(k)); end = time.time() + 10
            while len(lat) <= k and time.time() < end: await asyncio.sleep(0.001)
            await asyncio.sleep(0.02)
        report_lat()
    sys.stdout.flush(); os._exit(0)
if peer == "pgqueuer":
    import uvloop; uvloop.install()
asyncio.run(main())
