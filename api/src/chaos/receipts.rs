//! The second record: what handlers did, a file a process, never in the database under test.
//!
//! The handler is built into the binary and offered by the workers of a chaos run. A receipt is one
//! write to a file opened for appending, so that a killed process leaves whole lines.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apalis_core::error::BoxDynError;
use apalis_core::task::Task as ApalisTask;
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tower::service_fn;
use uuid::Uuid;
use windlass_workers::apalis::Lease;
use windlass_workers::catalogue::Catalogue;

/// The handler's name in templates: `call: chaos-step:1.0.0@default`.
const HANDLER: (&str, &str) = ("chaos-step", "1.0.0");

/// One receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The job.
    pub job: i64,
    /// Which step, in the words of its template.
    pub step: String,
    /// Tries before this one.
    pub attempt: u32,
    /// The claim that it ran under.
    pub claim: Uuid,
    /// The step's idempotency key.
    pub key: String,
    /// What happened.
    pub what: Event,
    /// Process.
    pub pid: u32,
    /// Monotonic nanoseconds, the same clock for every process of the machine.
    pub ns: i64,
    /// Microseconds since 1970.
    pub at_us: i64,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It began.
    Begin,
    /// It ended well.
    End,
    /// It ended with an error, as it was asked to.
    Fail,
    /// It was dropped before its end.
    Drop,
    /// Work that did not hear of the handler's end went on.
    Late,
}

/// What a step is asked to do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Task {
    step: String,
    /// Milliseconds of work.
    ms: u64,
    /// Tries that fail first.
    fails: u32,
    /// `block` holds the thread, `deaf` leaves a thread that does not hear of the end.
    mode: String,
}

/// The file of one process.
#[derive(Clone)]
struct Book(Arc<File>);

impl Book {
    fn note(&self, receipt: &Receipt) {
        if let Ok(line) = serde_json::to_string(receipt) {
            let _ = (&*self.0).write_all((line + "\n").as_bytes());
        }
    }
}

/// A step under way; dropped, it says so.
struct Running {
    book: Book,
    receipt: Receipt,
    is_over: bool,
}

impl Running {
    fn begin(book: Book, task: &Task, lease: &Lease) -> Self {
        let running = Self {
            book,
            receipt: Receipt {
                job: lease.job_id(),
                step: task.step.clone(),
                attempt: lease.attempt(),
                claim: lease.claim(),
                key: lease.key().to_owned(),
                what: Event::Begin,
                pid: std::process::id(),
                ns: 0,
                at_us: 0,
            },
            is_over: false,
        };
        running.note(Event::Begin);
        running
    }

    fn note(&self, what: Event) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.book.note(&Receipt {
            what,
            ns: monotonic_ns(),
            at_us: i64::try_from(now.as_micros()).unwrap_or_default(),
            ..self.receipt.clone()
        });
    }

    fn over(mut self, what: Event) {
        self.is_over = true;
        self.note(what);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_over {
            self.note(Event::Drop);
        }
    }
}

fn monotonic_ns() -> i64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(0, |now| now.tv_sec() * 1_000_000_000 + now.tv_nsec())
}

/// The handlers of a worker that keeps its receipts in this file.
///
/// # Errors
/// When the file cannot be made.
pub fn catalogue(path: &Path) -> std::io::Result<Catalogue> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let book = Book(Arc::new(file));
    let service =
        service_fn(move |task: ApalisTask<serde_json::Value>| perform(book.clone(), task));
    Ok(Catalogue::new().with::<serde_json::Value, _>(HANDLER.0, HANDLER.1, service))
}

async fn perform(
    book: Book,
    task: ApalisTask<serde_json::Value>,
) -> Result<serde_json::Value, BoxDynError> {
    let lease = task.data().get::<Lease>().cloned();
    let lease = lease.ok_or("a call carries its lease")?;
    let asked: Task = serde_json::from_value(task.args)?;
    let running = Running::begin(book, &asked, &lease);
    let length = Duration::from_millis(asked.ms);
    match asked.mode.as_str() {
        "block" => std::thread::sleep(length),
        "deaf" => deaf(&running, length).await,
        _ => tokio::time::sleep(length).await,
    }
    if lease.attempt() < asked.fails {
        running.over(Event::Fail);
        return Err(format!("try {} fails as it was asked to", lease.attempt()).into());
    }
    running.over(Event::End);
    Ok(serde_json::json!({"step": asked.step, "attempt": lease.attempt()}))
}

/// Work on a thread that nobody can stop, as a handler that calls a blocking library does.
async fn deaf(running: &Running, length: Duration) {
    let (book, receipt) = (running.book.clone(), running.receipt.clone());
    let work = tokio::task::spawn_blocking(move || {
        std::thread::sleep(length);
        let late = Running {
            book,
            receipt,
            is_over: true,
        };
        late.note(Event::Late);
    });
    let _ = work.await;
}

/// Every receipt of these files; a line that was cut off by a kill counts for nothing.
///
/// # Errors
/// When a file cannot be read.
pub fn read(folder: &Path) -> std::io::Result<Vec<Receipt>> {
    let mut receipts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let text = fs::read_to_string(entry?.path())?;
        receipts.extend(
            text.lines()
                .filter_map(|line| serde_json::from_str(line).ok()),
        );
    }
    receipts.sort_by_key(|receipt: &Receipt| receipt.ns);
    Ok(receipts)
}
