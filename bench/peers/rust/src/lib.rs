//! Shared measuring code: every peer binary has the commands
//!   bulk n=  | single prod= secs= | drain n= conc= [rounds= pin=1 schedule...] | latency rate= secs=
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::*};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct P { pub n: i64, pub t: i64, pub to: String, pub note: String }
pub fn payload(n: i64) -> P { P { n, t: now_us(), to: "user@example.test".into(), note: "about one hundred bytes of json".into() } }
pub fn now_us() -> i64 { SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros() as i64 }

pub static DONE: AtomicU64 = AtomicU64::new(0);
pub static LAT: Mutex<Vec<i64>> = Mutex::new(Vec::new());
pub static LATMODE: AtomicU64 = AtomicU64::new(0);
pub fn handled(p: &P) { if LATMODE.load(Relaxed) == 1 { LAT.lock().unwrap().push(now_us() - p.t); } DONE.fetch_add(1, Relaxed); }

pub struct Args { pub cmd: String, kv: HashMap<String, String>, pub tag: String }
impl Args {
    pub fn get() -> Self { let a: Vec<String> = std::env::args().skip(1).collect(); Args { cmd: a[0].clone(), tag: a.join(" "), kv: a[1..].iter().filter_map(|x| x.split_once('=').map(|(k, v)| (k.into(), v.into()))).collect() } }
    pub fn i(&self, k: &str, d: i64) -> i64 { self.kv.get(k).map(|v| v.parse().unwrap()).unwrap_or(d) }
}
/// CPU seconds of the server and its backends, of ourselves and our children, of the whole machine
pub fn cpu() -> [f64; 3] {
    let (server, me) = (std::env::var("PEER_POSTMASTER").expect("PEER_POSTMASTER, as run.sh sets it"), std::process::id().to_string());
    let (mut pg, mut own) = (0f64, 0f64);
    for e in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(s) = std::fs::read_to_string(e.path().join("stat")) else { continue };
        let Some((head, b)) = s.rsplit_once(") ") else { continue };
        let f: Vec<&str> = b.split_whitespace().collect();
        let is = |pid: &str| head.split(' ').next() == Some(pid) || f[1] == pid;
        let t = f[11..15].iter().map(|x| x.parse::<f64>().unwrap()).sum::<f64>() / 100.0;
        if is(&server) { pg += t; } else if is(&me) { own += t; }
    }
    let all = std::fs::read_to_string("/proc/stat").unwrap();
    let m: Vec<f64> = all.lines().next().unwrap().split_whitespace().skip(1).map(|x| x.parse().unwrap()).collect();
    [pg, own, (m[0] + m[1] + m[2] + m[5] + m[6] + m[7]) / 100.0]
}
/// Bulk calls of `chunk` jobs, two callers at once unless told otherwise
pub async fn pages<F, R>(a: &Args, n: i64, chunk: i64, put: F) where F: Fn(std::ops::Range<i64>) -> R, R: std::future::Future<Output = ()> + Send + 'static {
    let callers = a.i("callers", 2); let mut at: Vec<_> = (0..callers).map(|k| k * chunk).collect(); let mut set = tokio::task::JoinSet::new();
    let next = |k: usize, at: &mut Vec<i64>| { let i = at[k]; at[k] += callers * chunk; (i < n).then(|| i..(i + chunk).min(n)) };
    for k in 0..callers as usize { if let Some(r) = next(k, &mut at) { let f = put(r); set.spawn(async move { f.await; k }); } }
    while let Some(k) = set.join_next().await { let k = k.unwrap(); if let Some(r) = next(k, &mut at) { let f = put(r); set.spawn(async move { f.await; k }); } }
}
/// procs=2: the same program once more with the command `work`, which only runs a worker.
pub fn spawn_workers(a: &Args) -> Vec<std::process::Child> {
    let rest: Vec<String> = std::env::args().skip(2).collect();
    (1..a.i("procs", 1)).map(|_| std::process::Command::new(std::env::current_exe().unwrap()).arg("work").args(&rest).spawn().unwrap()).collect()
}
pub fn kill(kids: Vec<std::process::Child>) { for mut k in kids { let _ = k.kill(); let _ = k.wait(); } }
/// pick-up latency at idle: enqueue one, wait until its handler starts, pause, again.  t is stamped before the enqueue call.
pub async fn seq_latency<F, R>(peer: &str, a: &Args, mut push: F) where F: FnMut(i64) -> R, R: std::future::Future<Output = ()> {
    LATMODE.store(1, SeqCst);
    for k in 0..a.i("n", 300) {
        push(k).await; let end = Instant::now() + Duration::from_secs(10);
        while LAT.lock().unwrap().len() as i64 <= k && Instant::now() < end { tokio::time::sleep(Duration::from_micros(500)).await; }
        tokio::time::sleep(Duration::from_millis(a.i("gap", 20) as u64)).await;
    }
    report_latency(peer, a);
}
pub struct Meter { c: [f64; 3], t: Instant, w: i64, ctl: tokio_postgres::Client }
pub async fn ctl(db: &str) -> tokio_postgres::Client {
    let s = std::env::var("PEER_SOCK").expect("PEER_SOCK, as run.sh sets it");
    let (c, k) = tokio_postgres::connect(&format!("{s} dbname={db}"), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(async move { let _ = k.await; }); c
}
pub fn url(db: &str) -> String { std::env::var("PEER_URL").expect("PEER_URL, as run.sh sets it") + "/" + db }
pub async fn fresh_db(db: &str) { let c = ctl("postgres").await; c.batch_execute(&format!("drop database if exists {db} with (force)")).await.unwrap(); c.batch_execute(&format!("create database {db}")).await.unwrap(); c.batch_execute("checkpoint").await.unwrap(); }
impl Meter {
    pub async fn start(db: &str) -> Self { let ctl = ctl(db).await; let w = ctl.query_one("select (pg_current_wal_insert_lsn()-'0/0'::pg_lsn)::bigint", &[]).await.unwrap().get(0); Meter { c: cpu(), t: Instant::now(), w, ctl } }
    pub async fn stop(&self, peer: &str, what: &str, a: &Args, jobs: u64) {
        let el = self.t.elapsed().as_secs_f64(); let c = cpu(); let w: i64 = self.ctl.query_one("select (pg_current_wal_insert_lsn()-'0/0'::pg_lsn)::bigint", &[]).await.unwrap().get(0);
        let j = jobs.max(1) as f64; let [pg, own, busy] = [0, 1, 2].map(|i| c[i] - self.c[i]);
        println!("{{\"peer\":\"{peer}\",\"what\":\"{what}\",\"args\":\"{}\",\"jobs\":{jobs},\"secs\":{el:.3},\"per_s\":{:.0},\"server_us\":{:.1},\"client_us\":{:.1},\"wal_b\":{:.0},\"cores\":{:.2},\"other_cores\":{:.2}}}", a.tag, j / el,
            pg * 1e6 / j, own * 1e6 / j, (w - self.w) as f64 / j, (pg + own) / el, (busy - pg - own) / el);
    }
}
/// waits until `n` handlers ran AND the peer's table says nothing is left; false on timeout
pub async fn wait_done(db: &str, n: u64, left_sql: &str, secs: u64) -> bool {
    let end = Instant::now() + Duration::from_secs(secs); let c = ctl(db).await;
    while DONE.load(Relaxed) < n { if Instant::now() > end { return false; } tokio::time::sleep(Duration::from_millis(5)).await; }
    loop { let l: i64 = c.query_one(left_sql, &[]).await.unwrap().get(0); if l == 0 { return true; } if Instant::now() > end { return false; } tokio::time::sleep(Duration::from_millis(10)).await; }
}
pub fn report_latency(peer: &str, a: &Args) {
    let mut v = LAT.lock().unwrap().clone(); v.sort();
    if v.is_empty() { println!("{{\"peer\":\"{peer}\",\"what\":\"latency\",\"jobs\":0}}"); return; }
    let q = |p: f64| v[((v.len() - 1) as f64 * p) as usize] as f64 / 1000.0;
    println!("{{\"peer\":\"{peer}\",\"what\":\"latency\",\"args\":\"{}\",\"jobs\":{},\"p50_ms\":{:.2},\"p95_ms\":{:.2},\"p99_ms\":{:.2},\"max_ms\":{:.2}}}", a.tag, v.len(), q(0.5), q(0.95), q(0.99), q(1.0));
}
pub async fn pin(db: &str) -> tokio_postgres::Client { let c = ctl(db).await; c.batch_execute("begin isolation level repeatable read; select count(*) from pg_class").await.unwrap(); c }
