//! Calendars: which days are open, and the schedules that they have a say in.

use crate::common::Bench;
use crate::common::own::{clock_to, developing, end, fire, published, template};
use crate::common::recipe::{BIRDS, apply, with_birds};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use windlass_engine::Error;
use windlass_engine::store::{DEFAULT_TENANT, SlotFilter, SlotView};
use windlass_engine::testing::application;
use windlass_engine::vocabulary::{ConfigurationKind, JobState};

const JOB: &str = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
    selection: { category: birds }\nstrategy: individual\n";

/// Far ahead of any clock, so that no test depends on the day that it runs on: a Monday.
fn monday() -> NaiveDate {
    NaiveDate::from_ymd_opt(2040, 1, 2).expect("a date")
}

fn nine(days: i64) -> DateTime<Utc> {
    let date = monday() + TimeDelta::days(days);
    date.and_hms_opt(9, 0, 0).expect("a time").and_utc()
}

fn calendar(rest: &str) -> String {
    format!("windlass: v1\nkind: Calendar\nname: holidays\n{rest}")
}

fn job(closed_day: &str) -> String {
    format!(
        "{JOB}schedule: {{ daily: {{ at: '09:00' }}, zone: UTC, calendar: holidays, closed_day: {closed_day}, overlap: allow }}\n"
    )
}

async fn bench(days: &str, closed_day: &str) -> Bench {
    let bench = developing().await;
    with_birds(&bench.store, BIRDS).await;
    clock_to(&bench, nine(-1)).await;
    // The job configuration stands before its calendar.
    apply(&bench.store, &[&job(closed_day), &calendar(days)], "").await;
    bench
}

async fn ledger_of(bench: &Bench, name: &str) -> Vec<SlotView> {
    let all = SlotFilter {
        since: Some(nine(-1) + TimeDelta::hours(1)),
        ..SlotFilter::default()
    };
    let page = bench.store.slots(DEFAULT_TENANT, name, &all, None, 500);
    let mut slots = page.await.expect("a page").items;
    slots.reverse();
    slots
}

/// State, and what is said about it, of the slot of each day.
async fn told(bench: &Bench, name: &str) -> Vec<String> {
    let slots = ledger_of(bench, name).await.into_iter();
    let told = slots.map(|slot| {
        let said = slot.reason.or(slot.note).unwrap_or_default();
        let day = (slot.at - nine(0)).num_days();
        format!("{day} {} {said}", slot.state).trim_end().to_owned()
    });
    told.collect()
}

async fn pass(bench: &Bench, at: DateTime<Utc>) {
    clock_to(bench, at).await;
    bench.store.fire().await.expect("a pass");
}

const CLOSED: &str = "closed: { 2040-01-02: New Year observed }\n";

#[tokio::test]
async fn a_closed_day_is_skipped_with_its_name() {
    let days = "closed: { 2040-01-02: New Year observed, 2040-01-05: Feast }\n";
    let bench = bench(days, "skip").await;

    for day in 0..3 {
        pass(&bench, nine(day) + TimeDelta::seconds(1)).await;
    }

    let told = told(&bench, "briefs").await;
    assert_eq!(told[0], "0 skipped closed: New Year observed");
    assert_eq!(told[1], "1 fired");
    assert_eq!(told[3], "3 skipped closed: Feast");
    let view = bench.store.schedule(DEFAULT_TENANT, "briefs").await;
    let view = view.expect("it");
    assert_eq!(
        view.last_at,
        Some(nine(2)),
        "what is left out ahead is no last one"
    );
    assert!(view.last_batch.is_some());
}

#[tokio::test]
async fn new_zone_data_keeps_why_a_time_was_left_out() {
    let bench = bench(CLOSED, "skip").await;
    bench.store.fire().await.expect("a pass");
    let left_out = "0 skipped closed: New Year observed";
    assert_eq!(told(&bench, "briefs").await, [left_out]);

    let old = sqlx::query("update schedule set zone_data = '2001a'").execute(&bench.pool);
    old.await
        .expect("planned by what was known of zones long ago");
    bench.store.fire().await.expect("a pass");

    assert_eq!(told(&bench, "briefs").await[0], left_out);
    let renewed = "select count(*) from schedule where zone_data <> '2001a'";
    assert_eq!(bench.count(renewed).await, 1);
}

#[tokio::test]
async fn a_slot_of_a_closed_day_moves_and_says_from_where() {
    let bench = bench(CLOSED, "next_open").await;

    pass(&bench, nine(0)).await;
    pass(&bench, nine(1)).await;

    let slots = ledger_of(&bench, "briefs").await;
    let moved = slots
        .iter()
        .find(|slot| slot.at == nine(1))
        .expect("a slot");
    let note = moved.note.as_deref().expect("a note");
    assert!(
        note.contains("moved from 2039-12-31 09:00: weekend and 2040-01-01 09:00: weekend and 2040-01-02 09:00: New Year observed"),
        "{note}"
    );
    assert_eq!(moved.covers.matches("09:00").count(), 4);
    assert!(slots.iter().all(|slot| slot.at != nine(0)));
}

#[tokio::test]
async fn an_edit_of_the_calendar_plans_what_is_to_come_anew() {
    let bench = bench("title: none\n", "skip").await;
    pass(&bench, nine(0)).await;
    assert_eq!(told(&bench, "briefs").await[..2], ["0 fired", "1 planned"]);

    apply(
        &bench.store,
        &[&calendar(
            "closed: { 2040-01-02: gone by, 2040-01-03: Storm }\n",
        )],
        "",
    )
    .await;
    assert_eq!(
        told(&bench, "briefs").await[..2],
        ["0 fired", "1 skipped closed: Storm"],
        "what has run stays"
    );

    apply(&bench.store, &[&calendar("title: over\n")], "").await;
    assert_eq!(told(&bench, "briefs").await[..2], ["0 fired", "1 planned"]);
    pass(&bench, nine(1)).await;
    assert_eq!(told(&bench, "briefs").await[..2], ["0 fired", "1 fired"]);
}

#[tokio::test]
async fn an_edit_says_which_days_lose_or_gain_a_slot() {
    let bench = bench("title: none\n", "skip").await;
    let closed = calendar("closed: { 2040-01-03: Storm, 2040-01-04: Storm }\n");
    let mut tried = application(&[&closed]);
    tried.dry_run = true;
    let tried = bench.store.apply(tried).await.expect("tried");
    let said = apply(&bench.store, &[&closed], "").await;
    assert_eq!(said.changes, tried.changes, "a dry run says the same");
    let lines = [
        "schedule briefs:",
        "- no slot on 3 January 2040",
        "- no slot on 4 January 2040",
    ];
    assert_eq!(said.changes[0].diff[3..], lines);

    // One set that opens a day again and gives the rule a second time.
    let open = calendar("closed: { 2040-01-04: Storm }\n");
    let moved = job("skip").replace("at: '09:00'", "at: [ '09:00', '23:00' ]");
    let both = apply(&bench.store, &[&moved, &open], "").await;
    let of_job = &both.changes[0].diff;
    let of_days = &both.changes[1].diff;
    assert_eq!(
        of_days[of_days.len() - 2..],
        ["schedule briefs:", "+ 2 slots on 3 January 2040"]
    );
    let more = |line: &&String| line.contains("2 slots in place of 1");
    assert_eq!(of_job.iter().filter(more).count(), 10, "{of_job:?}");
    assert!(of_job.last().is_some_and(|line| line.starts_with("… ")));

    let title = moved.replace("strategy: individual", "strategy: individual\ntitle: Birds");
    let quiet = apply(&bench.store, &[&title], "").await;
    assert_eq!(quiet.changes[0].diff, ["+ /title: \"Birds\""]);
}

/// Each is planned anew, whether its days are looked at or not.
#[tokio::test]
async fn an_edit_looks_at_the_days_of_so_many_schedules_only() {
    let bench = bench("title: none\n", "skip").await;
    let tuesdays = (0..100).map(|n| {
        let weekly = job("skip").replace(
            "daily: { at: '09:00' }",
            "weekly: { days: [ tue ], at: '09:00' }",
        );
        weekly.replace("name: briefs", &format!("name: a{n:03}"))
    });
    let tuesdays: Vec<String> = tuesdays.collect();
    let texts: Vec<&str> = tuesdays.iter().map(String::as_str).collect();
    apply(&bench.store, &texts, "").await;

    let closed = calendar("closed: { 2040-01-02: Storm }\n");
    let said = apply(&bench.store, &[&closed], "").await;

    let last = said.changes[0].diff.last().expect("what it does");
    assert_eq!(last, "… 1 further schedules name this calendar");
    assert_eq!(
        told(&bench, "briefs").await[..1],
        ["0 skipped closed: Storm"]
    );
}

#[tokio::test]
async fn the_difference_of_a_template_names_the_days_of_its_own_schedule() {
    let bench = developing().await;
    clock_to(&bench, nine(-1)).await;
    let first = apply(&bench.store, &[&template("1.0.0", "", DAILY)], "").await;
    assert!(first.changes[0].diff.is_empty());

    let at_eight = DAILY.replace("0 9", "0 8");
    clock_to(&bench, nine(0) - TimeDelta::minutes(30)).await;
    let next = apply(&bench.store, &[&template("1.1.0", "", &at_eight)], "").await;

    assert_eq!(next.changes[0].diff, ["- no slot on 2 January 2040"]);
}

#[tokio::test]
async fn a_slot_fires_in_a_blackout_and_its_batch_is_held_until_it_is_over() {
    let bench = bench(DARK, "skip").await;

    pass(&bench, nine(0) + TimeDelta::seconds(1)).await;
    bench.store.plan().await.expect("planned");
    let held = bench.store.release().await.expect("a pass");
    assert_eq!(told(&bench, "briefs").await[..1], ["0 fired"]);
    let waits = "select count(*) from batch where state = 'releasing' and released = 0";
    assert_eq!((held, bench.count(waits).await), (0, 1));

    clock_to(&bench, nine(1)).await;
    assert!(bench.store.release().await.expect("a pass") > 0);
}

#[tokio::test]
async fn open_beats_closed() {
    let days = "open: { 2040-01-03: worked }\nclosed: { 2040-01-02: feast, 2040-01-03: feast }\n";
    let bench = bench(days, "skip").await;

    for day in 0..2 {
        pass(&bench, nine(day) + TimeDelta::seconds(1)).await;
    }

    assert_eq!(
        told(&bench, "briefs").await[..2],
        ["0 skipped closed: feast", "1 fired"]
    );
}

#[tokio::test]
async fn a_business_day_is_one_of_the_calendar() {
    let bench = developing().await;
    with_birds(&bench.store, BIRDS).await;
    clock_to(&bench, nine(-1)).await;
    let schedule =
        "schedule: { monthly: { business_day: 1, at: '09:00' }, zone: UTC, calendar: holidays }\n";
    apply(
        &bench.store,
        &[&calendar(CLOSED), &format!("{JOB}{schedule}")],
        "",
    )
    .await;

    pass(&bench, nine(0)).await;
    pass(&bench, nine(1)).await;

    let slots = ledger_of(&bench, "briefs").await;
    assert_eq!(slots.len(), 1);
    assert_eq!((slots[0].at, slots[0].state.as_str()), (nine(1), "fired"));
}

#[tokio::test]
async fn a_calendar_that_never_opens_is_refused_wherever_it_is_asked() {
    let sundays = (0..70).map(|week| monday() - TimeDelta::days(8) + TimeDelta::weeks(week));
    let closed: String = sundays.map(|day| format!("  {day}: closed\n")).collect();
    let most = format!("weekend: [ mon, tue, wed, thu, fri, sat ]\nclosed:\n{closed}");
    let bench = bench("title: none\n", "skip").await;
    let codes = async |texts: &[&str]| match bench.store.apply(application(texts)).await {
        Err(Error::Invalid { problems }) => {
            let codes = problems.into_iter().map(|problem| problem.code);
            codes.collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };

    assert_eq!(codes(&[&calendar(&most)]).await, ["calendar_never_open"]);
    let missing = job("skip").replace("calendar: holidays", "calendar: holiday");
    assert_eq!(codes(&[&missing]).await, ["unknown_reference"]);
    let latest = bench
        .store
        .configuration(DEFAULT_TENANT, ConfigurationKind::Calendar, "holidays")
        .await;
    assert_eq!(latest.expect("it").revision, 1, "nothing was stored");
    let unread = calendar("ical: days.ics\n");
    assert_eq!(codes(&[&unread]).await, ["file_not_found"]);
}

/// Dark from the first morning to the second.
const DARK: &str =
    "blackout: [ { from: 2040-01-02T00:00, to: 2040-01-03T09:00, zone: UTC, reason: freeze } ]\n";

#[tokio::test]
async fn the_job_of_a_template_s_slot_in_a_blackout_starts_when_it_is_over() {
    let bench = developing().await;
    clock_to(&bench, nine(-1)).await;
    let source = template("1.0.0", "schedule: { calendar: holidays }", DAILY);
    apply(&bench.store, &[&source, &calendar(DARK)], "").await;

    clock_to(&bench, nine(0)).await;
    let jobs = fire(&bench).await;

    assert_eq!(jobs.len(), 1);
    let job = bench.store.job(DEFAULT_TENANT, jobs[0]).await.expect("it");
    assert_eq!(job.state, JobState::Scheduled);
    let wait = job.due.expect("a start") - Utc::now();
    let apart = (wait - TimeDelta::hours(24)).abs();
    assert!(apart < TimeDelta::minutes(5), "{wait}");
    bench.store.wake(job.due).await.expect("its time has come");
    let job = bench.store.job(DEFAULT_TENANT, jobs[0]).await.expect("it");
    assert_eq!(job.state, JobState::Ready);
}

const EXTRAS: &str =
    "schedule: { calendar: holidays, closedDay: nextOpen, overlap: cancelRunning }";
const DAILY: &str = "schedule: { cron: 0 9 * * * }\n";

#[tokio::test]
async fn a_template_has_a_calendar_of_its_own_schedule() {
    let bench = developing().await;
    clock_to(&bench, nine(-1)).await;
    let source = template("1.0.0", EXTRAS, DAILY);
    let unknown = bench.store.publish_source(DEFAULT_TENANT, &source).await;
    assert!(
        format!("{unknown:?}").contains("unknown_reference"),
        "{unknown:?}"
    );

    apply(&bench.store, &[&source, &calendar(CLOSED)], "").await;
    clock_to(&bench, nine(0)).await;
    assert!(fire(&bench).await.is_empty(), "it is closed");
    clock_to(&bench, nine(1)).await;
    assert_eq!(fire(&bench).await.len(), 1);

    // What comes tomorrow is closed today.
    let closed = "closed: { 2040-01-04: Storm }\n";
    apply(&bench.store, &[&calendar(closed)], "").await;
    clock_to(&bench, nine(2)).await;
    assert!(fire(&bench).await.is_empty());
    let jobs = bench.count("select count(*) from job").await;
    assert_eq!(jobs, 1);
}

#[tokio::test]
async fn a_job_that_runs_is_cancelled_for_the_next_slot() {
    let bench = developing().await;
    clock_to(&bench, nine(-1)).await;
    let extras = "schedule: { overlap: cancelRunning }";
    published(&bench, &template("1.0.0", extras, DAILY)).await;
    clock_to(&bench, nine(0)).await;
    let first = fire(&bench).await[0];

    clock_to(&bench, nine(1)).await;
    assert!(
        fire(&bench).await.is_empty(),
        "it waits until the first one has ended"
    );

    let job = bench.store.job(DEFAULT_TENANT, first).await.expect("it");
    assert_eq!(job.state, JobState::Cancelled);
    let result: String = sqlx::query_scalar(
        "select coalesce(result, '') from outcome where $1 between first_id and last_id",
    )
    .bind(first)
    .fetch_one(&bench.pool)
    .await
    .expect("an outcome");
    assert!(result.contains("schedule shop/rounds"), "{result}");
    let second = fire(&bench).await;
    assert_eq!(second.len(), 1, "and then it starts");
    end(&bench, second[0]).await;
}
