//! What a chaos run sees of the database, and what it does to it. Not part of the product.
//!
//! A [`Witness`] has one connection of its own, past the fault proxy. It lays triggers that write a
//! history of leases and outcomes, gathers the evidence that a checker judges, picks the victims of
//! a fault, and plants faults so that the checker can prove that it sees. Its statements stand beside
//! it and not in `queries`: they read the history, which no migrated schema has.

mod plant;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, FromRow, PgConnection};
use uuid::Uuid;

pub use self::plant::Plant;
use crate::Error;
use crate::store::connect_options;

/// Beyond any id, and still in the bounds of a range of them.
const IDS_MAX: i64 = 1 << 60;
/// Torn jobs of one kind that are named.
const TORN_MAX: i32 = 20;

/// Where one job stands.
#[derive(Clone, Debug, FromRow)]
pub struct JobFact {
    /// Its id.
    pub id: i64,
    /// The idempotency key of its request; jobs of batches have none.
    pub key: Option<String>,
    /// Its batch.
    pub batch: Option<i64>,
    /// What is stored as its input, byte for byte.
    pub input: String,
    /// Its template's name.
    pub template: String,
    /// Rows of outcome that cover it.
    pub outcomes: i64,
    /// How it ended.
    pub kind: Option<String>,
    /// The claim under which its outcome was recorded.
    pub claim: Option<Uuid>,
    /// What its failure says.
    pub fault: Option<String>,
    /// Holders that it stands in.
    pub holders: i64,
    /// Why it is held.
    pub held: Option<String>,
}

/// One entry of the history.
#[derive(Clone, Debug, FromRow)]
pub struct Entry {
    /// Its place in the order.
    pub seq: i64,
    /// When, in microseconds since 1970 by the machine's clock.
    pub at_us: i64,
    /// The job.
    pub job: i64,
    /// The claim, where one is at work.
    pub claim: Option<Uuid>,
    /// `claimed`; where it went from its lease: `ended`, `lost`, `back`, `later`, `held`, `wait`,
    /// `nowhere`; `outcome` for a stored outcome, `changed` for one that was touched again.
    pub what: String,
}

/// One turn of a journal.
#[derive(Clone, Debug, FromRow)]
pub struct TurnFact {
    /// The job.
    pub job: i64,
    /// Its number.
    pub seq: i32,
    /// The claim that wrote it.
    pub claim: Option<Uuid>,
}

/// The totals of one batch.
#[derive(Clone, Debug, FromRow)]
pub struct BatchFact {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: String,
    /// Settlements that it expects.
    pub expected: Option<i64>,
    /// Jobs stored for it.
    pub jobs: i64,
    /// Settlements that its tallies tell.
    pub settled: i64,
    /// Completed ones that its tallies tell.
    pub completed_told: i64,
    /// Outcomes of its jobs.
    pub outcomes: i64,
    /// Completed ones among them.
    pub completed: i64,
}

/// What sessions left behind.
#[derive(Clone, Copy, Debug, Default, FromRow)]
pub struct Sessions {
    /// Idle inside a transaction for 5 s and more.
    pub idle_in_transaction: i64,
    /// Advisory locks that are held.
    pub advisory_locks: i64,
    /// Sessions beside those of the chaos run itself.
    pub connections: i64,
}

/// Everything that the database says about the jobs of one round.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Each job.
    pub jobs: Vec<JobFact>,
    /// The history, in order.
    pub history: Vec<Entry>,
    /// The journals.
    pub turns: Vec<TurnFact>,
    /// All batches.
    pub batches: Vec<BatchFact>,
}

/// A connection of the chaos run's own.
#[derive(Debug)]
pub struct Witness {
    connection: PgConnection,
}

impl Witness {
    /// Connects to the database itself.
    ///
    /// # Errors
    /// `database_unavailable` and its like; the same for every other call.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let options: PgConnectOptions = connect_options(url, "chaos")?;
        let connection = options.connect().await?;
        Ok(Self { connection })
    }

    /// Lays the triggers of the history; harmless when they lie already.
    ///
    /// # Errors
    /// What the database says.
    pub async fn lay_history(&mut self) -> Result<(), Error> {
        sqlx::raw_sql(include_str!("history.sql"))
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    /// Everything about the jobs that were not judged yet.
    ///
    /// # Errors
    /// What the database says.
    pub async fn evidence(&mut self) -> Result<Evidence, Error> {
        let connection = &mut self.connection;
        Ok(Evidence {
            jobs: sqlx::query_as(include_str!("jobs.sql"))
                .fetch_all(&mut *connection)
                .await?,
            history: sqlx::query_as(include_str!("history_of_round.sql"))
                .fetch_all(&mut *connection)
                .await?,
            turns: sqlx::query_as(include_str!("turns.sql"))
                .fetch_all(&mut *connection)
                .await?,
            batches: sqlx::query_as(include_str!("batches.sql"))
                .fetch_all(&mut *connection)
                .await?,
        })
    }

    /// Later rounds look at later jobs only.
    ///
    /// # Errors
    /// What the database says.
    pub async fn judged(&mut self) -> Result<(), Error> {
        sqlx::raw_sql(include_str!("judge.sql"))
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    /// Jobs that stand nowhere or twice at this instant, as the doctor sees them, and where.
    ///
    /// # Errors
    /// What the database says.
    pub async fn torn(&mut self) -> Result<Vec<(i64, String)>, Error> {
        let sql = include_str!("../../queries/doctor/places.sql");
        let rows: Vec<(String, i64, Vec<String>, Vec<String>)> = sqlx::query_as(sql)
            .bind(0_i64)
            .bind(IDS_MAX)
            .bind(TORN_MAX)
            .fetch_all(&mut self.connection)
            .await?;
        let said = rows.into_iter().flat_map(|(code, _, jobs, places)| {
            jobs.into_iter()
                .zip(places)
                .map(move |one| (code.clone(), one))
        });
        let job = |text: &str| text.trim_start_matches("j_").parse().unwrap_or_default();
        Ok(said
            .map(|(code, (subject, place))| (job(&subject), format!("{code}: {place}")))
            .collect())
    }

    /// Jobs and batches that are not settled yet.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(&mut self) -> Result<(i64, i64), Error> {
        let row = sqlx::query_as(include_str!("open.sql"));
        Ok(row.fetch_one(&mut self.connection).await?)
    }

    /// What sessions left behind.
    ///
    /// # Errors
    /// What the database says.
    pub async fn sessions(&mut self) -> Result<Sessions, Error> {
        let row = sqlx::query_as(include_str!("sessions.sql"));
        Ok(row.fetch_one(&mut self.connection).await?)
    }

    /// Server processes that work for Windlass, busy ones first, else shuffled by `salt`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn backends(&mut self, salt: &str) -> Result<Vec<i32>, Error> {
        let rows = sqlx::query_scalar(include_str!("backends.sql")).bind(salt);
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    /// Ends a session as an administrator does.
    ///
    /// # Errors
    /// What the database says.
    pub async fn terminate(&mut self, pid: i32) -> Result<bool, Error> {
        let ended = sqlx::query_scalar("select pg_terminate_backend($1)").bind(pid);
        Ok(ended.fetch_one(&mut self.connection).await?)
    }
}
