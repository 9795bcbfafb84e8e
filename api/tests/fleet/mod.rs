//! A durable Postgres, the sample services, and Windlass as three processes that can be killed: what tests of
//! kill -9 share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::time::sleep;
use windlass_engine::testing::TestCluster;

use crate::process::{Ended, command, windlass_with};

/// Far beyond what anything takes here; a hang must end a test.
pub const PATIENCE: Duration = Duration::from_secs(150);
/// Short, so that the dead are found soon.
const LEASE_SECONDS: &str = "3";
/// Each is a process of its own.
pub const ROLES: [&str; 3] = ["api", "worker", "keeper"];

/// The server, the services, and the processes of Windlass by role.
pub struct Fleet {
    pub cluster: TestCluster,
    services: String,
    server: String,
    variables: Vec<(&'static str, String)>,
    processes: BTreeMap<&'static str, Child>,
}

impl Fleet {
    /// Everything runs, and the API answers.
    pub async fn new() -> Self {
        Self::told(|_, _| Vec::new()).await
    }

    /// The same with further variables, made of the addresses of the database and of the services.
    pub async fn told(further: impl FnOnce(&str, &str) -> Vec<(&'static str, String)>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = TestCluster::durable().await;
        let services = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", services.local_addr().expect("an address"));
        tokio::spawn(windlass_sample_services::serve(
            services,
            std::future::pending(),
        ));
        let api = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = api.local_addr().expect("an address").port();
        drop(api);
        let mut variables = vec![
            ("WINDLASS_DATABASE_URL", cluster.url().to_owned()),
            ("WINDLASS_LISTEN", format!("127.0.0.1:{port}")),
            ("WINDLASS_WORKER_LEASE_SECONDS", LEASE_SECONDS.to_owned()),
            ("WINDLASS_EGRESS_ALLOW_PRIVATE", "true".to_owned()),
            ("ANALYSIS_URL", address.clone()),
            ("OPENAI_BASE_URL", format!("{address}/v1")),
        ];
        variables.extend(further(cluster.url(), &address));
        let mut fleet = Self {
            cluster,
            services: address,
            server: format!("http://127.0.0.1:{port}"),
            variables,
            processes: BTreeMap::new(),
        };
        for role in ROLES {
            fleet.start(role);
        }
        fleet.until_it_answers().await;
        fleet
    }

    /// Waits until the API answers.
    pub async fn until_it_answers(&self) {
        let since = Instant::now();
        while self.windlass(&["batch", "list"]).await.code != 0 {
            assert!(since.elapsed() < PATIENCE, "the API does not answer");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Runs the command line against the API.
    pub async fn windlass(&self, arguments: &[&str]) -> Ended {
        let server = ["--server", &*self.server];
        windlass_with(&[&server, arguments].concat(), &[]).await
    }

    /// The same, which must succeed; what it wrote.
    pub async fn done(&self, arguments: &[&str]) -> String {
        let ended = self.windlass(arguments).await;
        assert_eq!(
            ended.code, 0,
            "{arguments:?}: {}{}",
            ended.stdout, ended.stderr
        );
        ended.stdout
    }

    /// Applies the files of a folder.
    pub async fn apply(&self, folder: &Path) {
        let folder = folder.to_str().expect("a plain path");
        self.done(&["apply", "-f", folder]).await;
    }

    /// Applies the examples that need nothing but the sample services, and that no slot of the day starts.
    pub async fn apply_examples(&self) {
        for folder in ["templates", "configurations"] {
            self.apply(&examples().join(folder)).await;
        }
    }

    /// Starts the process of a role.
    pub fn start(&mut self, role: &'static str) {
        let variables = self.variables.iter();
        let variables: Vec<(&str, &str)> = variables
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let mut server = command(&["serve", "--role", role], &variables);
        let server = server
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        self.processes
            .insert(role, server.spawn().expect("it starts"));
    }

    /// Signal 9, no farewell.
    pub async fn kill(&mut self, role: &str) {
        let mut process = self.processes.remove(role).expect("it runs");
        let pid = i32::try_from(process.id().expect("it runs")).expect("a pid");
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it is there");
        process.wait().await.expect("it is gone");
    }

    /// What the services counted below a path: `requests`, and distinct idempotency `keys`.
    pub async fn counted(&self, path: &str, what: &str) -> i64 {
        let counts = reqwest::get(format!("{}/counts", self.services)).await;
        let counts: serde_json::Value = counts.expect("counts").json().await.expect("JSON");
        counts[path][what].as_i64().expect("a count")
    }
}

/// The examples of the project.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}
