//! A template's own schedule by the clock: every slot starts one job of the newest version.

use crate::common::Bench;
use crate::common::own::{
    NAME, clock_on, clock_to, developing, end, fire, inputs, ledger, park, pause_of, published,
    schedule, template,
};
use chrono::{DateTime, TimeDelta, Timelike, Utc};
use futures::future::join_all;
use windlass_engine::Store;
use windlass_engine::protocol::{Hand, Trigger};
use windlass_engine::store::{DEFAULT_TENANT, Page, ScheduleView};

const HOURLY: &str = "schedule: { cron: 0 * * * * }\n";
const FIVE_MINUTES: &str = "schedule: { after: PT5M }\n";

async fn hourly() -> Bench {
    let bench = developing().await;
    published(&bench, &template("1.0.0", "", HOURLY)).await;
    bench
}

fn told(slots: &[windlass_engine::store::SlotView]) -> Vec<(String, Option<String>)> {
    let told = slots
        .iter()
        .map(|slot| (slot.state.clone(), slot.reason.clone()));
    told.collect()
}

async fn kinds(bench: &Bench, at: DateTime<Utc>) -> String {
    let slot = bench.store.slot(DEFAULT_TENANT, NAME, at).await;
    slot.expect("a slot").state
}

#[tokio::test]
async fn a_slot_starts_one_job_of_the_version_with_an_empty_input() {
    let bench = hourly().await;
    let first = ledger(&bench).await[0].at;
    assert_eq!((first.minute(), first.second()), (0, 0));

    clock_to(&bench, first).await;
    let jobs = fire(&bench).await;
    let again = fire(&bench).await;

    assert_eq!((jobs.len(), again.len()), (1, 0));
    let slot = &ledger(&bench).await[0];
    assert_eq!(
        (slot.state.as_str(), slot.job, slot.batch),
        ("fired", Some(jobs[0]), None)
    );
    let job = bench.store.job(DEFAULT_TENANT, jobs[0]).await.expect("it");
    assert_eq!(job.template, "shop.rounds@1.0.0");
    let request = job.request.expect("who asked");
    assert_eq!(request.who, "schedule");
    assert_eq!(inputs(&bench).await, [serde_json::json!({})]);
    let Page { items, .. }: Page<ScheduleView, String> = bench
        .store
        .schedules(DEFAULT_TENANT, None, 10)
        .await
        .expect("a page");
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].name, NAME);
    assert_eq!(items[0].template.as_deref(), Some("shop.rounds@1.0.0"));
    assert_eq!(items[0].last_job, Some(jobs[0]));
}

#[tokio::test]
async fn a_slot_is_skipped_while_the_job_before_is_open_and_not_while_it_is_parked() {
    let bench = hourly().await;
    let slots = ledger(&bench).await;
    clock_to(&bench, slots[0].at).await;
    let first = fire(&bench).await[0];

    clock_to(&bench, slots[1].at).await;
    assert!(fire(&bench).await.is_empty());
    assert_eq!(kinds(&bench, slots[1].at).await, "skipped");

    park(&bench, first).await;
    clock_to(&bench, slots[2].at).await;
    let third = fire(&bench).await;
    assert_eq!(third.len(), 1, "it needs a person, and the next one runs");

    end(&bench, third[0]).await;
    clock_to(&bench, slots[3].at).await;
    assert_eq!(fire(&bench).await.len(), 1);
    assert_eq!(bench.count("select count(*) from schedule_job").await, 1);
}

#[tokio::test]
async fn a_rate_starts_whatever_runs_and_late_ones_are_caught_up() {
    let bench = developing().await;
    let every = template(
        "1.0.0",
        "schedule: { catchUp: all }",
        "schedule: { every: PT5M }\n",
    );
    published(&bench, &every).await;
    let first = ledger(&bench).await[0].at;

    clock_to(&bench, first).await;
    let mut jobs = fire(&bench).await;
    clock_to(&bench, first + TimeDelta::minutes(100)).await;
    jobs.extend(fire(&bench).await);

    assert_eq!(jobs.len(), 21);
    assert_eq!(
        bench
            .count("select count(*) from slot where state = 'late'")
            .await,
        19
    );
    assert_eq!(bench.count("select count(*) from job").await, 21);
}

#[tokio::test]
async fn keepers_at_once_start_each_slot_once() {
    let bench = developing().await;
    let every = template(
        "1.0.0",
        "schedule: { catchUp: all }",
        "schedule: { every: PT6M }\n",
    );
    published(&bench, &every).await;
    clock_on(&bench, TimeDelta::hours(10)).await;
    let keepers: Vec<Store> = join_all((0..3).map(|_| bench.database.store())).await;

    let mut jobs = 0;
    for _ in 0..20 {
        let passes = join_all(keepers.iter().map(Store::fire)).await;
        let started = passes
            .into_iter()
            .map(|pass| pass.expect("a pass").jobs.len());
        jobs += started.sum::<usize>();
    }

    assert_eq!(jobs, 100);
    assert_eq!(bench.count("select count(*) from job").await, 100);
    let slots = "select count(distinct job) from slot where state in ('fired', 'late')";
    assert_eq!(bench.count(slots).await, 100);
}

#[tokio::test]
async fn the_newest_version_changes_the_schedule_and_one_without_ends_it() {
    let bench = hourly().await;
    let daily = "schedule: { cron: 30 5 * * * }\n";
    let second = published(&bench, &template("2.0.0", "", daily)).await;
    // Behind the newest one, it says nothing.
    published(&bench, &template("1.5.0", "", HOURLY)).await;

    let view = schedule(&bench).await;
    assert_eq!((view.revision, view.enabled), (second, true));
    let slots = ledger(&bench).await;
    assert_eq!(slots.len(), 1, "{slots:?}");
    assert_eq!((slots[0].at.hour(), slots[0].at.minute()), (5, 30));

    clock_to(&bench, slots[0].at).await;
    let job = fire(&bench).await[0];
    let job = bench.store.job(DEFAULT_TENANT, job).await.expect("it");
    assert_eq!(job.template, "shop.rounds@2.0.0");

    published(&bench, &template("3.0.0", "", "")).await;
    assert!(!schedule(&bench).await.enabled);
    clock_on(&bench, TimeDelta::days(3)).await;
    assert!(fire(&bench).await.is_empty());
    assert!(
        ledger(&bench)
            .await
            .iter()
            .all(|slot| slot.state != "planned")
    );

    published(&bench, &template("4.0.0", "", daily)).await;
    assert!(schedule(&bench).await.enabled);
    assert_eq!(ledger(&bench).await.last().expect("one").state, "planned");
}

#[tokio::test]
async fn what_is_due_while_the_schedule_is_paused_is_skipped() {
    let bench = hourly().await;
    let slots = ledger(&bench).await;
    let pause = pause_of(NAME);
    let unknown = pause_of("shop/nothing");
    assert_eq!(
        bench
            .store
            .pause(DEFAULT_TENANT, unknown)
            .await
            .expect_err("no such one")
            .code(),
        "not_found"
    );
    let pause = bench
        .store
        .pause(DEFAULT_TENANT, pause)
        .await
        .expect("paused");
    assert!(schedule(&bench).await.paused_by.is_some());

    clock_to(&bench, slots[0].at).await;
    assert!(fire(&bench).await.is_empty());
    bench
        .store
        .resume(DEFAULT_TENANT, pause.id)
        .await
        .expect("resumed");
    clock_to(&bench, slots[1].at).await;
    assert_eq!(fire(&bench).await.len(), 1);

    let paused = ("skipped".to_owned(), Some("paused".to_owned()));
    assert_eq!(
        told(&ledger(&bench).await[..2]),
        [paused, ("fired".to_owned(), None)]
    );
}

#[tokio::test]
async fn a_slot_is_started_by_hand_once() {
    let bench = hourly().await;
    let first = ledger(&bench).await[0].at;
    let trigger = |what| bench.store.trigger(DEFAULT_TENANT, NAME, what, "mia");

    let started = trigger(Trigger::Slot(first)).await.expect("started");
    let twice = trigger(Trigger::Slot(first)).await.expect_err("it ran");
    let extra = trigger(Trigger::Extra).await.expect("beside it");

    assert_eq!(twice.code(), "slot_already_ran");
    let slot = &ledger(&bench).await[0];
    assert_eq!((slot.state.as_str(), slot.job), ("manual", started.job));
    assert!(started.batch.is_none() && extra.job.is_some());
    assert_eq!(bench.count("select count(*) from job").await, 2);
}

#[tokio::test]
async fn a_start_by_hand_that_is_repeated_under_its_key_is_the_same_start() {
    let bench = hourly().await;
    let first = ledger(&bench).await[0].at;
    let trigger = |what, key: &str| {
        let hand = Hand {
            who: "mia".into(),
            idempotency_key: Some(key.to_owned()),
        };
        bench.store.trigger(DEFAULT_TENANT, NAME, what, hand)
    };

    let extra = trigger(Trigger::Extra, "a").await.expect("started");
    let again = trigger(Trigger::Extra, "a").await.expect("a repeat");
    let other = trigger(Trigger::Extra, "b").await.expect("another one");
    let slot = trigger(Trigger::Slot(first), "c").await.expect("started");
    let ran = trigger(Trigger::Slot(first), "c").await.expect("a repeat");
    let reused = trigger(Trigger::Slot(first), "a").await;

    assert_eq!((extra.is_repeat, again.is_repeat), (false, true));
    assert_eq!((again.job, ran.job), (extra.job, slot.job));
    assert_ne!(other.job, extra.job);
    assert_eq!(reused.expect_err("another start").code(), "key_reused");
    assert_eq!(bench.count("select count(*) from job").await, 3);
}

#[tokio::test]
async fn the_next_job_starts_a_delay_after_the_end_of_the_one_before() {
    let bench = developing().await;
    published(&bench, &template("1.0.0", "", FIVE_MINUTES)).await;

    let first = fire(&bench).await;
    assert_eq!(first.len(), 1, "the first one starts at once");
    clock_on(&bench, TimeDelta::hours(1)).await;
    assert!(fire(&bench).await.is_empty(), "it has not ended");

    end(&bench, first[0]).await;
    assert!(fire(&bench).await.is_empty(), "the delay has begun");
    let next = schedule(&bench).await.next_at.expect("planned");
    clock_to(&bench, next - TimeDelta::seconds(1)).await;
    assert!(fire(&bench).await.is_empty());
    clock_to(&bench, next).await;
    let second = fire(&bench).await;
    assert_eq!(second.len(), 1);

    park(&bench, second[0]).await;
    fire(&bench).await;
    clock_on(&bench, TimeDelta::minutes(5)).await;
    assert_eq!(fire(&bench).await.len(), 1, "one that failed is over too");
}

#[tokio::test]
async fn another_delay_holds_from_the_same_end_and_keepers_at_once_start_one_job() {
    let bench = developing().await;
    published(&bench, &template("1.0.0", "", FIVE_MINUTES)).await;
    let first = fire(&bench).await;
    end(&bench, first[0]).await;
    fire(&bench).await;
    let planned = schedule(&bench).await.next_at.expect("planned");

    published(
        &bench,
        &template("2.0.0", "", "schedule: { after: PT10M }\n"),
    )
    .await;
    fire(&bench).await;
    let moved = schedule(&bench).await.next_at.expect("planned anew");
    assert_eq!((moved - planned).num_seconds(), 300);

    clock_to(&bench, moved).await;
    let keepers: Vec<Store> = join_all((0..3).map(|_| bench.database.store())).await;
    for _ in 0..5 {
        for pass in join_all(keepers.iter().map(Store::fire)).await {
            pass.expect("a pass");
        }
    }
    assert_eq!(bench.count("select count(*) from job").await, 2);
}

#[tokio::test]
async fn a_look_finds_that_the_job_before_has_ended() {
    let bench = developing().await;
    published(&bench, &template("1.0.0", "", FIVE_MINUTES)).await;
    let is_due = async || {
        let look = bench.store.duties_due(crate::common::LEASE_TIME).await;
        look.expect("a look").duties.contains(&"fire".to_owned())
    };
    assert!(is_due().await);
    let first = fire(&bench).await;
    assert!(!is_due().await);
    end(&bench, first[0]).await;
    assert!(is_due().await);
    fire(&bench).await;
    assert!(!is_due().await);
    clock_on(&bench, TimeDelta::minutes(5)).await;
    assert!(is_due().await);
}
