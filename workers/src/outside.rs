//! Sources outside of Windlass: who reads them for a batch, block after block, and a first part of them for a preview.
//!
//! The engine gives the right to read and keeps the rows; here are the sockets and the secrets. A reader that loses
//! its right, or has enough, leaves at once.

mod http;
mod query;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use windlass_engine::protocol::{
    BatchPreview, Drawing, Drawn, Given, OutsideRow, Right, Sample, Source, Upload,
};
use windlass_engine::{Error, Store};
use windlass_workflows::configuration::{Connection, Source as Selected};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use crate::connection::ConnectionProblem;
use crate::perform::{Performer, StepFailure, passes};

/// Sources that one pass reads at once.
const READ_MAX: usize = 4;
/// While some are read, it looks this often for others.
const LOOK: Duration = Duration::from_secs(1);
/// A preview reads no longer.
const SAMPLE_TIME: Duration = Duration::from_secs(30);

/// Reads sources outside. Cheap to clone; one per process, because connections and paces are shared.
#[derive(Clone)]
pub struct Sources {
    performer: Performer,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Sessions that a connection allows.
    sessions: Mutex<HashMap<(i32, String), Allowed>>,
    /// When a connection may be asked next.
    paces: Mutex<HashMap<(i32, String), Instant>>,
}

/// So many sessions at once.
struct Allowed {
    most: usize,
    permits: Arc<Semaphore>,
}

/// Why reading ended before the source did.
enum Stop {
    /// Enough was read, or the right to read is gone.
    Over,
    /// Trying again would say the same.
    Lasting(Problem),
    /// It may be different next time.
    Passing(String),
    /// Our own database.
    Store(Error),
}

/// Where rows go.
enum Taker<'a> {
    Batch {
        store: &'a Store,
        drawing: &'a mut Drawing,
    },
    Preview(&'a mut Sample),
}

/// What is read, whoever takes it.
struct Asked<'a> {
    tenant: i32,
    selected: &'a Selected,
    parameters: &'a Value,
    now: chrono::DateTime<chrono::Utc>,
}

impl Sources {
    /// Reads with the connections, secrets and rules of a performer.
    pub fn new(performer: Performer) -> Self {
        let shared = Arc::default();
        Self { performer, shared }
    }

    /// Reads sources to their ends, four at a time, until there is none; whether there was one.
    ///
    /// # Errors
    /// What our own database says.
    ///
    /// # Cancel safety
    /// Dropped, sources may be read on once `lease` has passed.
    pub async fn run_once(
        &self,
        store: &Store,
        lease: Duration,
        stop: &CancellationToken,
    ) -> Result<bool, Error> {
        let (mut reads, mut is_any, mut failed) = (FuturesUnordered::new(), false, None);
        loop {
            // A slow source keeps its place, and the others theirs.
            while failed.is_none() && !stop.is_cancelled() && reads.len() < READ_MAX {
                match store.take_source(lease).await {
                    Ok(Some(drawing)) => reads.push(self.draw(store, drawing, stop)),
                    Ok(None) => break,
                    Err(error) => failed = Some(error),
                }
                is_any = true;
            }
            match timeout(LOOK, reads.next()).await {
                Ok(None) => return failed.map_or(Ok(is_any), Err),
                Ok(Some(Err(error))) => failed = failed.or(Some(error)),
                Ok(Some(Ok(()))) | Err(_) => {}
            }
        }
    }

    /// Reads one source to its end, or says why that did not happen.
    async fn draw(
        &self,
        store: &Store,
        mut drawing: Drawing,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let right = drawing.right();
        let read = tokio::select! {
            read = self.read_batch(store, &mut drawing) => read,
            () = lost(store, right) => Err(Stop::Over),
            () = stop.cancelled() => {
                return store.put_back_source(&drawing).await.map(drop);
            }
        };
        let batch = right.batch;
        let ended = match read {
            Ok(()) => store.end_source(drawing).await?,
            Err(Stop::Over) if drawing.is_enough() => store.end_source(drawing).await?,
            Err(Stop::Over) => Drawn::Lost,
            Err(Stop::Lasting(problem)) => store.fail_source_by(&drawing, &problem).await?,
            Err(Stop::Passing(why)) => {
                warn!(batch.id = batch, why, "reading a source broke off");
                store.break_off_source(&drawing, &why).await?
            }
            Err(Stop::Store(error)) => return Err(error),
        };
        info!(batch.id = batch, outcome = ?ended, "read a source");
        Ok(())
    }

    async fn read_batch(&self, store: &Store, drawing: &mut Drawing) -> Result<(), Stop> {
        let (selected, parameters) = (
            drawing.configuration.selection.source.clone(),
            drawing.asked.clone(),
        );
        let asked = Asked {
            tenant: drawing.tenant,
            selected: &selected,
            parameters: &parameters,
            now: drawing.now,
        };
        let mut taker = Taker::Batch { store, drawing };
        self.read(&asked, &mut taker).await
    }

    async fn read(&self, asked: &Asked<'_>, taker: &mut Taker<'_>) -> Result<(), Stop> {
        match asked.selected {
            Selected::Query(query) => self.read_query(asked, query, taker).await,
            Selected::Http(service) => self.read_pages(asked, service, taker).await,
            _ => Ok(()),
        }
    }

    /// What a plan of this recipe would hold now, over a file that is sent or a source that is asked.
    ///
    /// # Errors
    /// As [`Store::preview_batch`]; `source_failed`.
    pub async fn preview(
        &self,
        store: &Store,
        tenant: i32,
        source: &Source,
        file: Option<Upload>,
    ) -> Result<BatchPreview, Error> {
        let Some((configuration, parameters)) = store.outside_of(tenant, source).await? else {
            let given = file.map_or(Given::Nothing, Given::File);
            return store.preview_batch_of(tenant, source, given).await;
        };
        let mut sample = Sample::default();
        let asked = Asked {
            tenant,
            selected: &configuration.selection.source,
            parameters: &parameters,
            now: chrono::Utc::now(),
        };
        let mut taker = Taker::Preview(&mut sample);
        let read = timeout(SAMPLE_TIME, self.read(&asked, &mut taker)).await;
        match read {
            Err(_) => sample.at_least = true,
            Ok(Ok(()) | Err(Stop::Over)) => {}
            Ok(Err(Stop::Lasting(problem))) => return Err(Error::invalid(problem)),
            Ok(Err(Stop::Passing(why))) => return Err(Error::invalid(failed(&why))),
            Ok(Err(Stop::Store(error))) => return Err(error),
        }
        store
            .preview_batch_of(tenant, source, Given::Rows(sample))
            .await
    }

    async fn connection(&self, tenant: i32, name: &str) -> Result<Connection, Stop> {
        Ok(self.performer.source(tenant, name).await?)
    }

    /// One of the sessions that a connection allows in this process.
    async fn session(&self, tenant: i32, name: &str, most: u32) -> OwnedSemaphorePermit {
        let most = usize::try_from(most).unwrap_or(1);
        let permits = {
            let sessions = self.shared.sessions.lock();
            let mut sessions = sessions.unwrap_or_else(PoisonError::into_inner);
            let known = sessions
                .entry((tenant, name.to_owned()))
                .or_insert_with(|| Allowed::new(most));
            // It was applied anew; sessions that are open end in their own time.
            if known.most != most {
                *known = Allowed::new(most);
            }
            Arc::clone(&known.permits)
        };
        let permit = permits.acquire_owned().await;
        permit.expect("nobody closes it")
    }

    /// Waits until a connection may be asked again.
    async fn pace(&self, tenant: i32, name: &str, rate: Option<f64>) {
        let Some(rate) = rate else { return };
        let at = {
            let paces = self.shared.paces.lock();
            let mut paces = paces.unwrap_or_else(PoisonError::into_inner);
            let next = paces
                .entry((tenant, name.to_owned()))
                .or_insert_with(Instant::now);
            let at = (*next).max(Instant::now());
            *next = at + Duration::from_secs_f64(1.0 / rate);
            at
        };
        sleep_until(at).await;
    }
}

impl Allowed {
    fn new(most: usize) -> Self {
        let permits = Arc::new(Semaphore::new(most));
        Self { most, permits }
    }
}

/// Comes back when the right to read is gone; it is held until then.
async fn lost(store: &Store, right: Right) {
    loop {
        sleep(right.lease / 3).await;
        // A database that does not answer takes no right away; the next block will tell.
        if let Ok(false) = store.hold_source(right).await {
            return;
        }
    }
}

impl Taker<'_> {
    /// Takes rows; the ones after them begin at `cursor`.
    async fn take(&mut self, rows: Vec<OutsideRow>, cursor: Option<Value>) -> Result<(), Stop> {
        let goes_on = match self {
            Self::Preview(sample) => sample.take(rows),
            Self::Batch { store, drawing } => {
                let kept = store.keep_rows(drawing, rows, cursor).await?;
                kept == Drawn::Kept && !drawing.is_enough()
            }
        };
        goes_on.then_some(()).ok_or(Stop::Over)
    }

    /// Where reading goes on.
    fn cursor(&self) -> Option<Value> {
        match self {
            Self::Preview(_) => None,
            Self::Batch { drawing, .. } => drawing.cursor.clone(),
        }
    }
}

fn failed(why: &str) -> Problem {
    Problem::new("source_failed", "/selection", why.to_owned())
        .hint("see that the source answers, and try again")
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<ConnectionProblem> for Stop {
    fn from(problem: ConnectionProblem) -> Self {
        match problem {
            ConnectionProblem::Unavailable(why) => Self::Passing(why),
            other => Self::Lasting(failed(&other.to_string())),
        }
    }
}

impl From<StepFailure> for Stop {
    fn from(failure: StepFailure) -> Self {
        let title = failure.fault.title.clone().unwrap_or_default();
        let status = failure.fault.status;
        let why = format!("{title} ({status})");
        match passes(&failure) {
            true => Self::Passing(why),
            false => Self::Lasting(failed(&why)),
        }
    }
}
