//! The life of one measured batch: its file is read, it is planned, worked through, and its manifest read back.
//!
//! One step after the other, so that each has its time and its memory. Worker, keeper and API are those of the
//! product, in this process.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use windlass_engine::protocol::{NewBatch, Planned, Source};
use windlass_engine::store::{BatchView, DEFAULT_TENANT};
use windlass_workers::keeper::{Keeper, KeeperOptions};
use windlass_workflows::value::Value;

use super::members::Members;
use super::memory::{Peaks, Watch};
use super::site::{PATIENCE, Site};
use super::worker::{Calls, Running};
use super::{Bench, failed};
use crate::cli::error::CliError;

/// How often the end of the batch is looked for: a part of a percent of any run.
const LOOK: Duration = Duration::from_millis(10);

/// How a batch is made.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Of the template.
    pub name: &'static str,
    /// Individual, or combined with chunks of a thousand.
    pub is_combined: bool,
    /// Its members.
    pub members: Members,
    /// No more of them.
    pub limit: Option<u64>,
}

/// What one step took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Step {
    /// Wall time.
    pub seconds: f64,
    /// Memory.
    pub peaks: Peaks,
}

/// What one batch took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Life {
    /// Its members.
    pub members: u64,
    /// Its jobs.
    pub jobs: u64,
    /// Its chunks.
    pub chunks: u64,
    /// The file is read into the database.
    pub upload: Step,
    /// The plan is made.
    pub plan: Step,
    /// Jobs are released and worked through, until the batch has ended.
    pub run: Step,
    /// The manifest is read over HTTP.
    pub manifest: Step,
}

impl Life {
    /// The steps by name.
    pub fn steps(&self) -> [(&'static str, Step); 4] {
        [
            ("upload", self.upload),
            ("plan", self.plan),
            ("run", self.run),
            ("manifest", self.manifest),
        ]
    }

    /// The most memory in any step.
    pub fn peaks(&self) -> Peaks {
        let steps = self.steps().into_iter();
        steps.fold(Peaks::default(), |peaks, (_, step)| peaks.or(step.peaks))
    }
}

/// Runs a batch from its file to its manifest.
///
/// # Errors
/// What the database says, or that its figures are not what they should be.
pub async fn live(
    bench: &Bench<'_>,
    site: &Site,
    api: SocketAddr,
    recipe: &Recipe,
) -> Result<Life, CliError> {
    let postmaster = bench.database.postmaster()?;
    let (id, upload) = timed(postmaster, upload(site, recipe)).await?;
    let ((), plan) = timed(postmaster, planned(site, id)).await?;
    let (batch, run) = timed(postmaster, worked(site, id)).await?;
    let (rows, manifest) = timed(postmaster, manifest(api, id)).await?;
    let count = |count: i64| count.unsigned_abs();
    let life = Life {
        members: count(batch.planned.members),
        jobs: count(batch.planned.jobs),
        chunks: u64::try_from(batch.planned.chunks).unwrap_or_default(),
        upload,
        plan,
        run,
        manifest,
    };
    match batch.state == "completed" && rows == life.members {
        true => Ok(life),
        false => Err(failed(format!(
            "the batch is {}, with {rows} completed members in its manifest of {}",
            batch.state, life.members
        ))),
    }
}

async fn timed<T>(
    postmaster: u32,
    work: impl Future<Output = Result<T, CliError>>,
) -> Result<(T, Step), CliError> {
    let (watch, start) = (Watch::start(postmaster), Instant::now());
    let done = timeout(PATIENCE, work).await;
    let done = done.map_err(|_| failed("a step of the batch takes for ever"))?;
    let seconds = start.elapsed().as_secs_f64();
    let peaks = watch.end().await;
    Ok((done?, Step { seconds, peaks }))
}

async fn upload(site: &Site, recipe: &Recipe) -> Result<i64, CliError> {
    let new = NewBatch {
        source: Source::Document(recipe.document()?),
        name: None,
        who: "bench".to_owned(),
        idempotency_key: None,
    };
    let file = Some(recipe.members.upload()?);
    let made = site.store.create_batch_of(DEFAULT_TENANT, new, file);
    Ok(made.await?.id)
}

async fn planned(site: &Site, id: i64) -> Result<(), CliError> {
    match site.store.plan().await? {
        Planned::Sealed(sealed) if sealed == id => Ok(()),
        other => Err(failed(format!("the batch is not planned: {other:?}"))),
    }
}

/// Releases and works until the batch has ended.
async fn worked(site: &Site, id: i64) -> Result<BatchView, CliError> {
    let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
    let notifier = site.store.notifier();
    let options = KeeperOptions::default();
    let keeper = Keeper::new(site.store.clone(), notifier.clone(), options);
    tasks.spawn(keeper.run(stop.clone()));
    tasks.spawn(notifier.run(site.store.clone()));
    let worker = Running::start(site, &Calls::until(u64::MAX))?;
    let batch = ended(site, id).await;
    worker.stop().await;
    stop.cancel();
    batch
}

async fn ended(site: &Site, id: i64) -> Result<BatchView, CliError> {
    loop {
        let batch = site.store.batch(DEFAULT_TENANT, id).await?;
        if ["completed", "completed_with_errors", "failed", "cancelled"].contains(&&*batch.state) {
            return Ok(batch);
        }
        sleep(LOOK).await;
    }
}

/// Reads the manifest; how many members it says have completed.
async fn manifest(api: SocketAddr, id: i64) -> Result<u64, CliError> {
    let mut stream = TcpStream::connect(api).await?;
    let head = format!(
        "GET /v1/batches/b_{id}/manifest HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let (mut reader, mut line, mut rows) = (BufReader::new(stream), Vec::new(), 0);
    while reader.read_until(b'\n', &mut line).await? > 0 {
        let state = br#""state":"completed""#;
        rows += u64::from(line.windows(state.len()).any(|part| part == state));
        line.clear();
    }
    Ok(rows)
}

impl Recipe {
    fn document(&self) -> Result<Value, CliError> {
        let strategy = match self.is_combined {
            true => r#""strategy":"combined","chunk":{"max_items":1000}"#,
            false => r#""strategy":"individual""#,
        };
        let limit = self.limit.map(|limit| format!(r#","limit":{limit}"#));
        let (name, file) = (self.name, self.members.name());
        let text = format!(
            r#"{{"windlass":"v1","kind":"JobConfiguration","name":"{name}","template":"bench.{name}",
                "selection":{{"file":{file:?}{}}},{strategy}}}"#,
            limit.unwrap_or_default()
        );
        Value::parse(&text).map_err(|error| failed(error.to_string()))
    }
}
