//! The vectors of the ledger, of overlap and of new zone data, executed against the store under a clock that is moved by hand.

#[path = "../common/mod.rs"]
mod common;
#[path = "../../../workflows/tests/vectors/kit.rs"]
mod kit;
mod overlap;
mod passing;
mod played;

use chrono::{DateTime, Utc};
use common::Bench;
use common::recipe::{BIRDS, apply, with_birds};
use kit::Case;
use windlass_engine::protocol::Trigger;
use windlass_engine::store::{DEFAULT_TENANT, NewPause, SlotView};
use windlass_engine::vocabulary::{PauseMode, PauseScope};

const NAME: &str = "briefs";
/// Passes that a scene may need until nothing wants to start.
const PASSES_MAX: usize = 20;

/// An instant of a November to come, such as `21 10:00`; the ninth hour where there is none.
fn at(text: &str) -> DateTime<Utc> {
    let (day, time) = text.split_once(' ').unwrap_or((text, "09:00"));
    format!("2040-11-{day}T{time}:00Z")
        .parse()
        .expect("an instant")
}

/// A schedule and its clock.
struct Scene {
    bench: Bench,
}

impl Scene {
    /// Daily at nine, applied on the 18th at ten.
    async fn daily(extras: &str) -> Self {
        let bench = Bench::new().await;
        bench.store.enter_development().await.expect("development");
        with_birds(&bench.store, BIRDS).await;
        let scene = Self { bench };
        scene.clock("18 10:00").await;
        scene.apply("09:00", extras).await;
        scene
    }

    /// What the difference says of it.
    async fn apply(&self, time: &str, extras: &str) -> Vec<String> {
        let schedule = format!("schedule: {{ daily: {{ at: '{time}' }}{extras} }}\n");
        self.document("individual", &schedule).await
    }

    async fn document(&self, strategy: &str, schedule: &str) -> Vec<String> {
        let text = format!(
            "windlass: v1\nkind: JobConfiguration\nname: {NAME}\npurpose: brief\n\
             selection: {{ category: birds }}\nstrategy: {strategy}\n{schedule}"
        );
        let report = apply(&self.bench.store, &[&text], "").await;
        report
            .changes
            .into_iter()
            .flat_map(|one| one.diff)
            .collect()
    }

    async fn clock(&self, to: &str) {
        self.bench.store.set_clock(at(to)).await.expect("moved");
    }

    async fn fire(&self) {
        self.bench.store.fire().await.expect("a pass");
    }

    /// What runs is over.
    async fn end(&self) {
        let over =
            "update batch set state = 'completed', finished_at = now() where finished_at is null";
        self.sql(over).await;
    }

    async fn sql(&self, sql: &'static str) {
        sqlx::query(sql)
            .execute(&self.bench.pool)
            .await
            .expect("done");
    }

    async fn instants(&self, sql: &'static str) -> Vec<DateTime<Utc>> {
        let found = sqlx::query_scalar(sql).fetch_all(&self.bench.pool).await;
        found.expect("instants")
    }

    /// Fires, and ends what runs, until nothing is due.
    async fn settle(&self) {
        self.end().await;
        for _ in 0..PASSES_MAX {
            let fired = self.bench.store.fire().await.expect("a pass");
            self.end().await;
            if fired.batches.is_empty() && fired.decided == 0 {
                return;
            }
        }
        panic!("something is always due");
    }

    async fn slot(&self, at: DateTime<Utc>) -> Option<SlotView> {
        self.bench.store.slot(DEFAULT_TENANT, NAME, at).await.ok()
    }

    async fn batches(&self) -> i64 {
        self.bench.count("select count(*) from batch").await
    }

    /// The code of what the answer refuses.
    async fn trigger(&self, what: Trigger) -> Option<String> {
        let answer = self.bench.store.trigger(DEFAULT_TENANT, NAME, what, "mia");
        match answer.await {
            Err(windlass_engine::Error::Invalid { problems }) => Some(problems[0].code.clone()),
            answer => answer.err().map(|error| error.code().to_owned()),
        }
    }

    async fn pause(&self, until: Option<&str>) {
        let pause = NewPause {
            scope: PauseScope::Configuration,
            mode: PauseMode::Hold,
            subject: NAME.to_owned(),
            who: "leo".to_owned(),
            why: "a freeze".to_owned(),
            until: until.map(at),
        };
        let paused = self.bench.store.pause(DEFAULT_TENANT, pause).await;
        paused.expect("paused");
    }

    async fn resume(&self) {
        let store = &self.bench.store;
        let scope = PauseScope::Configuration;
        let pause = store.pause_of(DEFAULT_TENANT, scope, NAME).await;
        let pause = pause.expect("a pause").id;
        store.resume(DEFAULT_TENANT, pause).await.expect("resumed");
    }

    /// State and reason of a slot, as the vectors write them; `none` where it has no row.
    async fn word(&self, at: DateTime<Utc>) -> String {
        let slot = self.slot(at).await;
        let word = slot.map(|slot| match slot.reason {
            Some(reason) => format!("{} {reason}", slot.state),
            None => slot.state,
        });
        word.unwrap_or_else(|| "none".to_owned())
    }

    /// The ledger says what a vector expects.
    async fn matches(&self, case: &mut Case) {
        let days = case.need("expect");
        for (day, word) in days.as_object().expect("days") {
            let word = word.as_str().expect("a word");
            let found = self.word(at(day)).await;
            // Who ran a slot by hand is told beside it.
            let is_it = found == word || (word == "manual" && found.starts_with("manual "));
            assert!(is_it, "{day}: {found}, in {}", case.told());
        }
    }
}

#[tokio::test]
async fn of_two_that_resume_at_once_one_lets_slots_go() {
    let scene = Scene::daily("").await;
    scene.pause(None).await;
    scene.clock("22 10:00").await;
    scene.settle().await;
    let store = &scene.bench.store;
    let resume = || store.resume_schedule(DEFAULT_TENANT, NAME, None);

    let (one, other) = tokio::join!(resume(), resume());

    let (good, bad): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(Result::is_ok);
    let let_go = good.into_iter().map(|answer| answer.expect("resumed").1);
    assert_eq!(let_go.collect::<Vec<_>>(), [1], "the newest");
    let code = bad[0].as_ref().map_err(windlass_engine::Error::code);
    assert_eq!(code.err(), Some("not_found"));
}
