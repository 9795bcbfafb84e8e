//! What goes wrong, and where: hooks that count the points of a play, or strike at one of them.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use sqlx::PgPool;
use tokio::sync::Notify;
use tokio::time::sleep;
use windlass_engine::store::hook::{self, Answer, Hook, Moment, Point};

use crate::stage::ACTOR;

/// A killed backend needs a moment.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// Connection, shutdown, serialization, deadlock, too many connections, time-out.
pub const CLASSES: [&str; 6] = ["08006", "57P01", "40001", "40P01", "53300", "57014"];

/// What goes wrong at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Postgres refuses the statement, which has no effect: first with this one of [`CLASSES`], and
    /// when its caller comes to it again with the next, until they have all been seen.
    Refused(usize),
    /// The session's backend is gone before the statement is sent.
    Killed,
    /// The statement had its effect, and its answer is lost with its backend.
    Unanswered,
    /// The caller is gone: its future is dropped here.
    Dropped,
}

impl Kind {
    /// What can go wrong on this side of a statement.
    pub fn of(moment: Moment) -> &'static [Self] {
        match moment {
            Moment::Before => &[Self::Refused(0), Self::Killed, Self::Dropped],
            Moment::After => &[Self::Unanswered, Self::Dropped],
        }
    }

    /// What the caller meets when it comes to the point again.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Refused(class) if class + 1 < CLASSES.len() => Some(Self::Refused(class + 1)),
            _ => None,
        }
    }

    /// For the totals.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused(class) => CLASSES[class],
            Self::Killed => "backend killed",
            Self::Unanswered => "answer lost",
            Self::Dropped => "caller dropped",
        }
    }
}

/// Notes every point that the actor passes.
#[derive(Default)]
pub struct Count {
    passed: Mutex<Vec<(Moment, String)>>,
}

impl Count {
    pub fn points(&self) -> Vec<(Moment, String)> {
        self.passed.lock().expect("no panic inside").clone()
    }

    pub fn statements(&self) -> BTreeSet<String> {
        self.points().into_iter().map(|(_, name)| name).collect()
    }
}

impl Hook for Count {
    fn at<'a>(&'a self, point: Point<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            if point.actor == ACTOR {
                let mut passed = self.passed.lock().expect("no panic inside");
                passed.push((point.moment, point.statement.to_owned()));
            }
            Ok(())
        })
    }
}

/// Strikes once, at one point.
pub struct Fault {
    kind: Kind,
    /// The point: this side of this statement, passed for so many times before.
    moment: Moment,
    statement: String,
    before: usize,
    passed: AtomicUsize,
    struck: AtomicBool,
    /// From where backends are killed.
    pool: PgPool,
    /// The caller may be dropped now.
    pub reached: Notify,
    /// The caller was dropped; what does not depend on it goes on.
    pub gone: Notify,
}

impl Fault {
    /// Strikes at the place `at` of what was passed.
    pub fn new(kind: Kind, passed: &[(Moment, String)], at: usize, pool: PgPool) -> Self {
        let (moment, statement) = passed[at].clone();
        let before = passed[..at].iter().filter(|point| **point == passed[at]);
        Self {
            kind,
            moment,
            before: before.count(),
            statement,
            passed: AtomicUsize::new(0),
            struck: AtomicBool::new(false),
            pool,
            reached: Notify::new(),
            gone: Notify::new(),
        }
    }

    pub fn has_struck(&self) -> bool {
        self.struck.load(Ordering::Relaxed)
    }

    async fn strike(&self) -> Answer {
        self.struck.store(true, Ordering::Relaxed);
        match self.kind {
            Kind::Refused(class) => Err(hook::refused(CLASSES[class])),
            Kind::Killed => {
                self.kill().await;
                Ok(())
            }
            Kind::Unanswered => {
                self.kill().await;
                Err(hook::lost())
            }
            Kind::Dropped => {
                self.reached.notify_one();
                self.gone.notified().await;
                Ok(())
            }
        }
    }

    /// Ends every backend of the actor and waits until they are gone: Postgres' own waiting looks
    /// ten times a second.
    async fn kill(&self) {
        let sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                   where datname = current_database() and application_name = $1";
        let since = Instant::now();
        loop {
            let left: i64 = sqlx::query_scalar(sql)
                .bind(ACTOR)
                .fetch_one(&self.pool)
                .await
                .expect("killed");
            if left == 0 {
                return;
            }
            assert!(since.elapsed() < GONE_WITHIN, "a backend does not end");
            sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Hook for Fault {
    fn at<'a>(&'a self, point: Point<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let here = point.moment == self.moment && point.statement == self.statement;
            if point.actor != ACTOR || !here {
                return Ok(());
            }
            match self.passed.fetch_add(1, Ordering::Relaxed) == self.before {
                true => self.strike().await,
                false => Ok(()),
            }
        })
    }
}
