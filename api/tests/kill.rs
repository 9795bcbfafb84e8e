//! Kill -9 in the middle of 10,000 jobs, on real processes and a durable Postgres: none is lost, none
//! ends twice.
//!
//! Three records are joined: the outcomes, the batch's own figures, and the counts of the sample
//! service, which knows how many distinct idempotency keys ever reached it.

#[allow(dead_code, reason = "shared with the tests of the command line")]
#[path = "cli/process.rs"]
mod process;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::sync::Mutex;
use tokio::time::sleep;
use windlass_engine::testing::TestCluster;

use self::process::{command, windlass_with};

/// Members of the batch.
const JOBS: i64 = 10_000;
/// Far beyond what a batch takes here; a hang must end a test.
const PATIENCE: Duration = Duration::from_secs(150);
/// Short, so that the dead are found soon.
const LEASE_SECONDS: &str = "3";

/// One fleet at a time: they would only take each other's processor.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A durable database, the sample services, and the processes of Windlass.
struct Site {
    cluster: TestCluster,
    variables: Vec<(&'static str, String)>,
    services: String,
    server: String,
    processes: Vec<Child>,
}

impl Site {
    /// Everything runs, the examples are applied, the batch of 10,000 individual jobs is made.
    async fn new() -> Self {
        let cluster = TestCluster::durable().await;
        let services = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", services.local_addr().expect("an address"));
        tokio::spawn(windlass_sample_services::serve(
            services,
            std::future::pending(),
        ));
        let port = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port")
            .local_addr()
            .expect("an address")
            .port();
        let variables = vec![
            ("WINDLASS_DATABASE_URL", cluster.url().to_owned()),
            ("WINDLASS_LISTEN", format!("127.0.0.1:{port}")),
            ("WINDLASS_WORKER_LEASE_SECONDS", LEASE_SECONDS.to_owned()),
            ("WINDLASS_EGRESS_ALLOW_PRIVATE", "true".to_owned()),
            ("ANALYSIS_URL", address.clone()),
            ("OPENAI_BASE_URL", format!("{address}/v1")),
        ];
        let server = format!("http://127.0.0.1:{port}");
        let mut site = Self {
            cluster,
            variables,
            services: address,
            server,
            processes: Vec::new(),
        };
        site.start("api").await;
        site.start("worker").await;
        site.start("keeper").await;
        site.begin().await;
        site
    }

    async fn begin(&self) {
        let since = Instant::now();
        while self.windlass(&["batch", "list"]).await.0 != 0 {
            assert!(since.elapsed() < PATIENCE, "the API does not answer");
            sleep(Duration::from_millis(100)).await;
        }
        let examples = examples();
        let applied = self
            .windlass(&["apply", "-f", examples.to_str().expect("a path")])
            .await;
        assert_eq!(applied.0, 0, "{}", applied.1);
        let made = self
            .windlass(&["batch", "create", "classify-strikes"])
            .await;
        assert_eq!(made.0, 0, "{}", made.1);
    }

    /// The exit code and everything that was said.
    async fn windlass(&self, arguments: &[&str]) -> (i32, String) {
        let arguments: Vec<&str> = ["--server", &self.server]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        let answer = windlass_with(&arguments, &[]).await;
        (answer.code, format!("{}{}", answer.stdout, answer.stderr))
    }

    async fn start(&mut self, role: &str) {
        let variables: Vec<(&str, &str)> = self
            .variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let mut server = command(&["serve", "--role", role], &variables);
        let server = server
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        self.processes.push(server.spawn().expect("it starts"));
    }

    /// Signal 9, no farewell.
    async fn kill(&mut self, place: usize) {
        let pid = i32::try_from(self.processes[place].id().expect("it runs")).expect("a pid");
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it is there");
        self.processes[place].wait().await.expect("it is gone");
    }

    /// Waits until so many jobs have their outcome, in the middle of the batch.
    async fn until_settled(&self, wanted: i64) -> i64 {
        let since = Instant::now();
        loop {
            let settled = self.cluster.count(SETTLED).await;
            if settled >= wanted {
                return settled;
            }
            assert!(since.elapsed() < PATIENCE, "{settled} of {wanted} settled");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// All three records agree on 10,000.
    async fn assert_all_once(&self) {
        self.until_settled(JOBS).await;
        assert_eq!(self.cluster.count(SETTLED).await, JOBS);
        assert_eq!(self.cluster.count("select count(distinct id) from outcome, generate_series(first_id, last_id) id where kind = 'completed'").await, JOBS);
        assert_eq!(
            self.cluster.count(HOLDERS).await,
            0,
            "no job is held any more"
        );
        let since = Instant::now();
        while self
            .cluster
            .count("select count(*) from batch where state = 'completed'")
            .await
            == 0
        {
            assert!(since.elapsed() < PATIENCE, "the batch does not finish");
            sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(
            self.cluster.count("select sum(n)::int8 from tally").await,
            JOBS,
            "the tallies tell each once"
        );
        assert_eq!(
            self.distinct_keys().await,
            JOBS,
            "each job reached the service under one key"
        );
    }

    async fn distinct_keys(&self) -> i64 {
        let counts: serde_json::Value = reqwest::get(format!("{}/counts", self.services))
            .await
            .expect("counts")
            .json()
            .await
            .expect("JSON");
        counts["/analyse/risk"]["keys"].as_i64().expect("a count")
    }
}

const SETTLED: &str = "select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome";

const HOLDERS: &str = "
select (select count(*) from ready) + (select count(*) from later) + (select count(*) from held)
     + (select count(*) from lease) + (select count(*) from wait)";

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_workers_lose_nothing_and_double_nothing() {
    let _alone = ALONE.lock().await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut site = Site::new().await;

    for settled in [1_000, 4_000, 7_000] {
        let reached = site.until_settled(settled).await;
        assert!(reached < JOBS, "the kill came too late to prove anything");
        site.kill(1).await;
        site.processes.remove(1);
        site.start("worker").await;
        site.processes.swap(1, 2);
    }

    site.assert_all_once().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_fleet_goes_on_when_it_comes_back() {
    let _alone = ALONE.lock().await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut site = Site::new().await;

    let reached = site.until_settled(3_000).await;
    assert!(reached < JOBS, "the kill came too late to prove anything");
    for place in 0..3 {
        site.kill(place).await;
    }
    site.processes.clear();
    for role in ["api", "worker", "keeper"] {
        site.start(role).await;
    }

    site.assert_all_once().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_postgres_comes_back_to_every_answered_job() {
    let _alone = ALONE.lock().await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut site = Site::new().await;

    for settled in [2_000, 6_000] {
        let reached = site.until_settled(settled).await;
        assert!(reached < JOBS, "the kill came too late to prove anything");
        site.cluster.kill().await;
        site.cluster.restart().await;
    }

    site.assert_all_once().await;
}
