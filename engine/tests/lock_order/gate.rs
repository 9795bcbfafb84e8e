//! One case: two verbs, one after the other, meet at a gate and go on at once.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use windlass_engine::Error;

use super::scene::Scene;
use super::verbs::Verb;

/// Far longer than two verbs take.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Rows that verbs lock. Those that skip locked rows pass by.
const ROWS: &str = "select from schedule for update; select from batch for update;
    select from request_key for update; select from lease for update; select from wait for update;
    select from ready for update; select from later for update; select from held for update;
    select from tally for update; select from worker for update; select from context for update";

/// Keys that verbs insert, and what rows of theirs point to: they come here with their locks held.
const KEYS: &str = "
    insert into outcome (first_id, last_id, tenant, lane, kind)
        select id, id, 1, 1, 'failed' from job where id not in (select first_id from outcome);
    insert into ready (first_id, last_id, lane, eff, run_at)
        select id, id, 1, now(), now() from job where id not in (select first_id from ready);
    insert into ready (first_id, last_id, lane, eff, run_at)
        select id * 1000, id * 1000, 1, now(), now() from job_block, generate_series(last_value + 1, last_value + 4) id;
    insert into held (first_id, last_id, lane, eff, run_at, reason)
        select id, id, 1, now(), now(), 'parked' from job where id not in (select first_id from held);
    insert into held (first_id, last_id, lane, eff, run_at, reason)
        select id * 1000, id * 1000, 1, now(), now(), 'parked' from job_block, generate_series(last_value + 1, last_value + 4) id;
    insert into later (first_id, last_id, lane, eff, run_at)
        select id, id, 1, now(), now() from job where id not in (select first_id from later);
    insert into intent (job, verb, who, why)
        select id, 'cancel', '', '' from job where id not in (select job from intent where job is not null);
    select from tenant for update";

/// Where the two verbs are stopped.
#[derive(Clone, Copy, Debug)]
pub enum Gate {
    /// At the first row that they lock.
    Rows,
    /// At the first key that they insert.
    Keys,
}

impl Gate {
    pub const ALL: [Self; 2] = [Self::Rows, Self::Keys];

    fn sql(self) -> &'static str {
        match self {
            Self::Rows => ROWS,
            Self::Keys => KEYS,
        }
    }

    /// Runs the case; whether somebody waited, or what went wrong.
    pub async fn run(
        self,
        scene: &Arc<Scene>,
        first: &Verb,
        second: &Verb,
    ) -> Result<bool, String> {
        scene.reset(&[first.prepare, second.prepare]).await;
        let mut gate = scene.bench.pool.begin().await.expect("a transaction");
        sqlx::raw_sql(AssertSqlSafe(self.sql()))
            .execute(&mut *gate)
            .await
            .expect("a gate");
        let one = tokio::spawn((first.run)(Arc::clone(scene)));
        let told = |verb: &Verb| format!("{} then {}: {}", first.name, second.name, verb.name);
        let waits = settled(scene, &one, || 0)
            .await
            .unwrap_or_else(|| panic!("{} at {self:?} neither ends nor waits", told(first)));
        let two = tokio::spawn((second.run)(Arc::clone(scene)));
        // What waited for a moment only, for a file to grow, may have ended since.
        let beside = || i64::from(waits && !one.is_finished());
        let waits_too = settled(scene, &two, beside)
            .await
            .unwrap_or_else(|| panic!("{} at {self:?} neither ends nor waits", told(second)));
        gate.rollback().await.expect("an open gate");
        let answers = [answer(one).await, answer(two).await];
        for (verb, answer) in [first, second].into_iter().zip(answers) {
            if let Err(error) = answer {
                let (gate, first, second) = (self, first.name, second.name);
                return Err(format!(
                    "{first} then {second} at {gate:?}: {}: {error}",
                    verb.name
                ));
            }
        }
        let broken = scene.bench.broken().await;
        if broken > 0 {
            let (first, second) = (first.name, second.name);
            return Err(format!(
                "{first} then {second} at {self:?}: {broken} jobs do not stand in one place"
            ));
        }
        Ok(waits || waits_too)
    }
}

/// Returns when the verb has ended, or waits beside the `others` that do; whether it waits, if it does either.
async fn settled<T>(scene: &Scene, verb: &JoinHandle<T>, others: impl Fn() -> i64) -> Option<bool> {
    let looking = timeout(PATIENCE, async {
        loop {
            if verb.is_finished() {
                return false;
            }
            if scene.waiting().await > others() {
                return true;
            }
            sleep(LOOK_AGAIN).await;
        }
    });
    looking.await.ok()
}

/// A refusal is an answer; whatever the database says is a fault.
async fn answer(verb: JoinHandle<Result<(), Error>>) -> Result<(), String> {
    match timed(verb).await {
        Ok(()) => Ok(()),
        Err(error) if error.is_permanent() => Ok(()),
        Err(error) => Err(format!(
            "{} {error:?}",
            error.sql_state().unwrap_or_default()
        )),
    }
}

async fn timed<T>(verb: impl Future<Output = Result<T, tokio::task::JoinError>>) -> T {
    timeout(PATIENCE, verb)
        .await
        .expect("its way is free")
        .expect("it does not panic")
}
