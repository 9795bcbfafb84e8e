//! Templates with a schedule of their own, and what becomes of the jobs that it starts.

use chrono::{DateTime, TimeDelta, Utc};
use windlass_engine::protocol::{Occurrence, publish};
use windlass_engine::store::{
    DEFAULT_TENANT, NewPause, Published, ScheduleView, SlotFilter, SlotView,
};
use windlass_engine::vocabulary::{PauseMode, PauseScope};

use super::Bench;

/// The name of the schedule of all templates here.
pub const NAME: &str = "shop/rounds";

/// A template of this version with what stands beside `document` and `do`.
pub fn template(version: &str, extras: &str, rest: &str) -> String {
    format!(
        "document: {{ dsl: '1.0.3', namespace: shop, name: rounds, version: '{version}', metadata: {{ windlass: {{ {extras} }} }} }}\n\
         {rest}do:\n  - say: {{ set: {{ word: hello }} }}\n"
    )
}

/// A database in development.
pub async fn developing() -> Bench {
    let bench = Bench::new().await;
    bench.store.enter_development().await.expect("development");
    bench
}

/// Publishes it; the number of the version.
pub async fn published(bench: &Bench, source: &str) -> i32 {
    let known = bench.store.catalogue(DEFAULT_TENANT).await;
    let template = publish::check_source(source, &known.expect("a catalogue")).expect("sound");
    match bench.store.publish(DEFAULT_TENANT, template).await {
        Ok(Published::Created(version) | Published::Unchanged(version)) => version,
        Err(error) => panic!("{error}"),
    }
}

/// A pause of the schedule of this name.
pub fn pause_of(schedule: &str) -> NewPause {
    NewPause {
        scope: PauseScope::Configuration,
        subject: schedule.to_owned(),
        mode: PauseMode::Hold,
        who: "mia".to_owned(),
        why: String::new(),
        until: None,
    }
}

pub async fn schedule(bench: &Bench) -> ScheduleView {
    let found = bench.store.schedule(DEFAULT_TENANT, NAME).await;
    found.expect("a schedule")
}

/// All slots, the first one first.
pub async fn ledger(bench: &Bench) -> Vec<SlotView> {
    let all = SlotFilter::default();
    let page = bench.store.slots(DEFAULT_TENANT, NAME, &all, None, 500);
    let mut slots = page.await.expect("a page").items;
    slots.reverse();
    slots
}

pub async fn clock_to(bench: &Bench, instant: DateTime<Utc>) {
    bench.store.set_clock(instant).await.expect("moved");
}

pub async fn clock_on(bench: &Bench, by: TimeDelta) {
    let now = bench.store.clock().await.expect("the clock").now;
    clock_to(bench, now + by).await;
}

/// The jobs that one pass starts.
pub async fn fire(bench: &Bench) -> Vec<i64> {
    bench.store.fire().await.expect("a pass").jobs
}

/// A job that nobody has begun ends.
pub async fn end(bench: &Bench, job: i64) {
    let killed = bench.store.kill(DEFAULT_TENANT, job, "mia", "").await;
    killed.expect("ended");
}

/// A job that nobody has begun needs a person.
pub async fn park(bench: &Bench, job: i64) {
    let parked = sqlx::query(
        "with gone as (delete from ready where first_id = $1 returning *)
         insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason)
         select first_id, last_id, lane, eff, now(), priority, attempt, losses, journaled, 'parked' from gone",
    );
    let parked = parked.bind(job).execute(&bench.pool).await;
    assert_eq!(parked.expect("parked").rows_affected(), 1);
}

/// An event about an order.
pub fn occurrence(kind: &str, id: &str, order: &str) -> Occurrence {
    let data = format!(r#"{{"orderId":"{order}"}}"#);
    Occurrence {
        kind: kind.to_owned(),
        id: id.to_owned(),
        source: "/tests".to_owned(),
        subject: None,
        data: Some(serde_json::value::RawValue::from_string(data).expect("JSON")),
        at: Utc::now(),
    }
}

pub async fn tell(bench: &Bench, kind: &str, id: &str, order: &str) {
    let told = bench
        .store
        .tell(DEFAULT_TENANT, vec![occurrence(kind, id, order)]);
    told.await.expect("told");
}

/// The inputs of all jobs, the oldest first.
pub async fn inputs(bench: &Bench) -> Vec<serde_json::Value> {
    let rows: Vec<String> = sqlx::query_scalar("select input from job order by id")
        .fetch_all(&bench.pool)
        .await
        .expect("jobs");
    let read = rows.iter().map(|text| serde_json::from_str(text));
    read.map(|value| value.expect("JSON")).collect()
}
