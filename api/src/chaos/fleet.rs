//! Our processes: real children of this program, each behind a proxy of its own, started again when
//! they die, whoever killed them.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Url;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::proxy::Proxy;

/// How often the dead are looked for.
const LOOK: Duration = Duration::from_millis(50);
/// A process that cannot start while Postgres is away is started again after this, as a service
/// manager does.
const AGAIN_AFTER: Duration = Duration::from_millis(400);
/// A process that ran for so long had started: an end of its own is a finding from then on.
const STARTED_AFTER: Duration = Duration::from_secs(4);
/// Stopping in order.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// What a fleet is made from.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The database's address.
    pub url: String,
    /// Where Postgres listens.
    pub postgres: u16,
    /// Where the API listens.
    pub api: u16,
    /// Seconds of a lease.
    pub lease_seconds: u32,
    /// Folder of logs.
    pub logs: PathBuf,
    /// Folder of receipts; may change from round to round.
    pub receipts: PathBuf,
}

struct Part {
    name: String,
    role: &'static str,
    proxy: Proxy,
    child: Option<Child>,
    started: Instant,
    /// Since when it stands still.
    frozen: Option<Instant>,
    /// Whether its next end is of our making.
    is_doomed: bool,
    again_at: Instant,
    is_wanted: bool,
}

/// The processes. Cheap to clone.
#[derive(Clone)]
pub struct Fleet {
    inner: Arc<Inner>,
}

struct Inner {
    plan: Plan,
    parts: Mutex<Vec<Part>>,
    /// Ends that nobody caused.
    ends: Mutex<Vec<String>>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl Fleet {
    /// No processes yet.
    pub fn new(plan: Plan) -> Self {
        let inner = Arc::new(Inner {
            plan,
            parts: Mutex::default(),
            ends: Mutex::default(),
            keeper: Mutex::default(),
        });
        Self { inner }
    }

    /// Adds processes of a role until there are so many, or stops the surplus.
    ///
    /// # Errors
    /// When one cannot be started at all.
    pub async fn scale(&self, role: &'static str, count: usize) -> std::io::Result<()> {
        let mut parts = self.inner.parts.lock().await;
        for number in 0..count {
            let name = format!("{role}-{number}");
            match parts.iter_mut().find(|part| part.name == name) {
                Some(part) => part.is_wanted = true,
                None => {
                    let proxy = Proxy::start(self.inner.plan.postgres).await?;
                    let mut part = Part::new(name, role, proxy);
                    part.start(&self.inner.plan)?;
                    parts.push(part);
                }
            }
        }
        for part in parts
            .iter_mut()
            .filter(|part| part.role == role)
            .skip(count)
        {
            part.is_wanted = false;
            part.signal(Signal::SIGTERM);
        }
        drop(parts);
        let mut keeper = self.inner.keeper.lock().await;
        if keeper.is_none() {
            let fleet = self.clone();
            *keeper = Some(tokio::spawn(async move { fleet.look_after().await }));
        }
        Ok(())
    }

    async fn look_after(&self) {
        loop {
            sleep(LOOK).await;
            let mut parts = self.inner.parts.lock().await;
            for part in parts.iter_mut() {
                if let Some(end) = part.look(&self.inner.plan) {
                    self.inner.ends.lock().await.push(end);
                }
            }
        }
    }

    /// Sends signal 9 to every process that `which` picks; they come back after `pause`. How many.
    pub async fn kill(&self, pause: Duration, which: impl Fn(&str, usize) -> bool) -> u64 {
        let mut killed = 0;
        for (place, part) in self.inner.parts.lock().await.iter_mut().enumerate() {
            if which(part.role, place) && part.is_running() {
                part.is_doomed = true;
                part.again_at = Instant::now() + pause;
                part.signal(Signal::SIGKILL);
                killed += 1;
            }
        }
        killed
    }

    /// Places of the processes of a role that run.
    pub async fn places(&self, role: &str) -> Vec<usize> {
        let mut parts = self.inner.parts.lock().await;
        let many = parts.iter_mut().enumerate();
        many.filter_map(|(place, part)| {
            (part.role == role && part.is_wanted && part.is_running()).then_some(place)
        })
        .collect()
    }

    /// Sends a signal to one process.
    pub async fn signal(&self, place: usize, signal: Signal) -> bool {
        match self.inner.parts.lock().await.get_mut(place) {
            Some(part) => part.signal(signal),
            None => false,
        }
    }

    /// Does something with the proxies of processes that `which` picks.
    pub async fn proxies(&self, which: impl Fn(usize) -> bool, act: impl Fn(&Proxy)) {
        let parts = self.inner.parts.lock().await;
        let many = parts.iter().enumerate();
        many.filter(|(place, _)| which(*place))
            .for_each(|(_, part)| act(&part.proxy));
    }

    /// How many there are.
    pub async fn len(&self) -> usize {
        self.inner.parts.lock().await.len()
    }

    /// Nothing is cut and nobody is frozen any more; the dead come back at once.
    pub async fn heal(&self) {
        for part in self.inner.parts.lock().await.iter_mut() {
            part.proxy.heal();
            part.signal(Signal::SIGCONT);
            part.again_at = part.again_at.min(Instant::now());
        }
    }

    /// Whether every process that should run does.
    pub async fn is_whole(&self) -> bool {
        let mut parts = self.inner.parts.lock().await;
        parts
            .iter_mut()
            .filter(|part| part.is_wanted)
            .all(Part::is_running)
    }

    /// Ends of processes that nobody caused, since the last look.
    pub async fn own_ends(&self) -> Vec<String> {
        std::mem::take(&mut *self.inner.ends.lock().await)
    }

    /// Stops everything in order, and what does not stop without.
    pub async fn stop(&self) {
        if let Some(keeper) = self.inner.keeper.lock().await.take() {
            keeper.abort();
            let _ = keeper.await;
        }
        let mut parts = std::mem::take(&mut *self.inner.parts.lock().await);
        for part in &mut parts {
            part.signal(Signal::SIGCONT);
            part.signal(Signal::SIGTERM);
        }
        let late = Instant::now() + STOP_WITHIN;
        for part in &mut parts {
            while part.is_running() && Instant::now() < late {
                sleep(LOOK).await;
            }
            if let Some(child) = &mut part.child {
                let _ = child.kill().await;
            }
        }
    }
}

impl Part {
    fn new(name: String, role: &'static str, proxy: Proxy) -> Self {
        Self {
            name,
            role,
            proxy,
            child: None,
            started: Instant::now(),
            frozen: None,
            is_doomed: false,
            again_at: Instant::now(),
            is_wanted: true,
        }
    }

    fn start(&mut self, plan: &Plan) -> std::io::Result<()> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(plan.logs.join(format!("{}.log", self.name)))?;
        let lease = plan.lease_seconds.to_string();
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["chaos-part", "--role", self.role, "--lease-seconds", &lease])
            .env(
                "WINDLASS_DATABASE_URL",
                through(&plan.url, self.proxy.port()),
            )
            .env("WINDLASS_LISTEN", format!("127.0.0.1:{}", plan.api))
            .env("NO_COLOR", "1")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true);
        if self.role == "worker" {
            let file = plan.receipts.join(format!("{}.ndjson", self.name));
            command.arg("--receipts").arg(file);
        }
        self.child = Some(command.spawn()?);
        self.started = Instant::now();
        self.frozen = None;
        self.is_doomed = false;
        Ok(())
    }

    /// Notices an end, and starts it again when it is time; tells of an end that nobody caused.
    fn look(&mut self, plan: &Plan) -> Option<String> {
        let mut told = None;
        if let Some(child) = &mut self.child {
            let Ok(Some(status)) = child.try_wait() else {
                return None;
            };
            self.child = None;
            let had_started = self.started.elapsed() > STARTED_AFTER;
            if !self.is_doomed {
                self.again_at = Instant::now() + AGAIN_AFTER;
                if had_started && self.is_wanted {
                    told = Some(format!("{} ended by itself: {status}", self.name));
                }
            }
        }
        if self.is_wanted && Instant::now() >= self.again_at {
            let _ = self.start(plan);
        }
        told
    }

    fn is_running(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => false,
        }
    }

    fn signal(&mut self, signal: Signal) -> bool {
        match signal {
            Signal::SIGSTOP => self.frozen = self.frozen.or(Some(Instant::now())),
            // A frozen process does not get on with its start.
            Signal::SIGCONT => {
                self.started += self
                    .frozen
                    .take()
                    .map(|at| at.elapsed())
                    .unwrap_or_default();
            }
            _ => {}
        }
        let pid = self.child.as_ref().and_then(Child::id);
        match pid.and_then(|pid| i32::try_from(pid).ok()) {
            Some(pid) => kill(Pid::from_raw(pid), signal).is_ok(),
            None => false,
        }
    }
}

/// The same address behind a proxy.
fn through(url: &str, port: u16) -> String {
    match Url::parse(url) {
        Ok(mut url) => {
            let _ = url.set_port(Some(port));
            url.into()
        }
        Err(_) => url.to_owned(),
    }
}

/// Lines of logs that say that something panicked.
///
/// # Errors
/// When a log cannot be read.
pub fn panics(logs: &Path) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(logs)? {
        let path = entry?.path();
        let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let lines = text.lines().filter(|line| line.contains("panicked at"));
        found.extend(lines.map(|line| format!("{name}: {line}")));
    }
    Ok(found)
}
