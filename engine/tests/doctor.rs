//! The doctor: every wound is found under its name and nothing else, what can be healed is, and a healthy
//! database gives no finding, however busy it is.

mod common;
#[path = "doctor/world.rs"]
mod world;
#[path = "doctor/wounds.rs"]
mod wounds;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use sqlx::Connection;
use windlass_engine::store::doctor::{Check, Options, codes};
use windlass_engine::store::{Ending, Want};
use windlass_workflows::machine::turn::End;

use common::recipe::{BIRDS, plan, recipe, with_birds};
use common::{Bench, TestWorker, completed, ending, journal};
use world::{busy, found, patient};
use wounds::{OTHERS, Repair, WOUNDS};

/// Databases at once: each test of a wound has its own.
const AT_ONCE: usize = 4;
/// Runs of the doctor beside racing verbs.
const RUNS: usize = 15;

#[tokio::test]
async fn a_busy_database_gives_no_finding() {
    let (bench, _worker) = busy().await;

    let report = bench.store.doctor(&patient(true)).await.expect("looked");

    assert_eq!(found(&report), [] as [&str; 0], "{report:#?}");
    assert_eq!(report.checks.len(), Check::ALL.len());
    let repairs = bench.store.doctor_repairs(10).await.expect("a page");
    assert_eq!(repairs, []);
}

#[tokio::test]
async fn each_wound_is_found_under_its_name_and_healed_where_that_is_safe() {
    let wounds = WOUNDS.iter().chain(&OTHERS);
    let complaints: Vec<String> = stream::iter(wounds)
        .map(|wound| async { treated(*wound).await.err() })
        .buffer_unordered(AT_ONCE)
        .filter_map(|complaint| async { complaint })
        .collect()
        .await;

    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// What a wound came to, if not what it should.
async fn treated((code, sql, repair): (&str, &'static str, Repair)) -> Result<(), String> {
    let (bench, _worker) = busy().await;
    let done = sqlx::raw_sql(sql).execute(&bench.pool).await;
    done.map_err(|error| format!("{code}: {error}"))?;

    let look = bench.store.doctor(&patient(false)).await.expect("looked");
    let twice = bench.store.doctor(&patient(true)).await.expect("looked");
    let after = bench.store.doctor(&patient(true)).await.expect("looked");

    if found(&look) != [code] || found(&twice) != [code] {
        return Err(format!("{code}: found {:?} in {sql}", found(&look)));
    }
    let expected: &[&str] = match repair {
        Repair::Heals => &[],
        Repair::Leaves => &[code],
    };
    if found(&after) != expected {
        return Err(format!("{code}: {:?} after repair of {sql}", found(&after)));
    }
    let noted = bench.store.doctor_repairs(10).await.expect("a page");
    let noted: Vec<&str> = noted.iter().map(|one| one.code.as_str()).collect();
    let expected: &[&str] = if repair == Repair::Heals {
        &[code]
    } else {
        &[]
    };
    match noted == expected {
        true => Ok(()),
        false => Err(format!("{code}: {noted:?} noted after {sql}")),
    }
}

#[tokio::test]
async fn every_code_has_its_wound() {
    let tried: BTreeSet<&str> = WOUNDS.iter().chain(&OTHERS).map(|one| one.0).collect();
    let known: BTreeSet<&str> = codes().map(|one| one.code).collect();
    let elsewhere = BTreeSet::from(["old_snapshot", "old_prepared"]);

    assert_eq!(&known - &tried, elsewhere);
    assert_eq!(&tried - &known, BTreeSet::new());
    for (code, _, repair) in WOUNDS.iter().chain(&OTHERS) {
        let meaning = codes().find(|one| one.code == *code).expect("known");
        assert!(
            *repair == Repair::Leaves || meaning.repair.is_some(),
            "{code}"
        );
    }
}

#[tokio::test]
async fn who_keeps_postgres_from_cleaning_up_is_named() {
    let bench = Bench::new().await;
    let mut other = sqlx::PgConnection::connect(bench.database.url())
        .await
        .expect("a connection");
    let begin = "begin isolation level repeatable read; select 1";
    sqlx::raw_sql(begin)
        .execute(&mut other)
        .await
        .expect("begun");
    let options = Options {
        only: vec![Check::Sessions],
        overdue: Duration::ZERO,
        ..Options::default()
    };

    let during = bench.store.doctor(&options).await.expect("looked");
    sqlx::raw_sql("rollback")
        .execute(&mut other)
        .await
        .expect("ended");
    let after = bench.store.doctor(&options).await.expect("looked");

    assert_eq!(found(&during), ["old_snapshot"]);
    assert_eq!(found(&after), [] as [&str; 0]);
}

#[tokio::test]
async fn a_look_that_takes_too_long_says_so_and_is_no_clean_answer() {
    let (bench, _worker) = busy().await;
    let mut other = bench.pool.begin().await.expect("begun");
    sqlx::raw_sql("lock table ready in access exclusive mode")
        .execute(&mut *other)
        .await
        .expect("locked");
    let options = Options {
        only: vec![Check::Lanes],
        statement: Duration::from_millis(100),
        ..Options::default()
    };

    let during = bench.store.doctor(&options).await;
    other.rollback().await.expect("ended");
    let after = bench.store.doctor(&options).await.expect("looked");

    // The way to the next page reads `ready` too, and waits for as long as any statement may.
    let said = during.map(|report| report.is_whole());
    assert!(matches!(said, Ok(false) | Err(_)), "{said:?}");
    assert!(after.is_whole());
}

#[tokio::test]
async fn a_keeper_makes_each_check_once_in_its_time_and_repairs() {
    let (bench, _worker) = busy().await;
    sqlx::raw_sql("update doctor_check set begun_at = now() - interval '1 day'; delete from pause")
        .execute(&bench.pool)
        .await
        .expect("a wound");

    let first = bench.store.doctor_duty(&patient(true)).await.expect("made");
    let second = bench.store.doctor_duty(&patient(true)).await.expect("made");

    assert_eq!(first.len(), Check::ALL.len());
    let found: Vec<_> = first.iter().flat_map(|view| &view.findings).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].code.as_str(), found[0].repaired),
        ("paused_without_pause", 1)
    );
    assert_eq!(second, []);
}

#[tokio::test]
async fn verbs_that_race_never_look_wrong() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let stop = AtomicBool::new(false);
    let workers = [bench.worker().await, bench.worker().await];
    let [one, two] = workers;

    let (.., findings) = tokio::join!(
        submits(&bench, &stop),
        works(&bench, one, &stop),
        works(&bench, two, &stop),
        keeps(&bench, &stop),
        watches(&bench, &stop),
    );

    assert_eq!(findings, [] as [String; 0]);
    assert!(bench.count("select count(*) from outcome").await > 0);
}

async fn submits(bench: &Bench, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        bench.submit(20).await;
        let jobs: Vec<i64> = sqlx::query_scalar("select id from job order by random() limit 3")
            .fetch_all(&bench.pool)
            .await
            .expect("jobs");
        for job in jobs {
            // One that has ended refuses.
            let _ = bench.store.cancel(1, job, "mia", "").await;
        }
    }
}

async fn works(bench: &Bench, mut worker: TestWorker, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let lanes: Vec<i32> = sqlx::query_scalar("select id from lane order by random()")
            .fetch_all(&bench.pool)
            .await
            .expect("lanes");
        for lane in lanes {
            let want = Want {
                limited: false,
                named: false,
                claim: uuid::Uuid::now_v7(),
                lanes: vec![(lane, 7)],
            };
            let exchanged = worker.hot.exchange(worker.id, &[], Some(&want)).await;
            let entries: Vec<_> = (0..).zip(exchanged.expect("claimed").claimed).collect();
            let entries: Vec<_> = entries
                .iter()
                .map(|(n, job)| match (n % 7, job.journaled) {
                    (0, _) => ending(job, Ending::Back),
                    (1, false) => ending(
                        job,
                        Ending::Machine(End::Park {
                            reason: "look".into(),
                        }),
                    ),
                    (2, false) => journal(job, 1),
                    _ => completed(job),
                })
                .collect();
            let recorded = worker.hot.exchange(worker.id, &entries, None).await;
            recorded.expect("recorded");
        }
        // What was begun and not ended comes back.
        let given = worker
            .beat
            .give_back_unlisted(worker.id, &[], Duration::ZERO)
            .await;
        given.expect("given back");
    }
}

async fn keeps(bench: &Bench, stop: &AtomicBool) {
    let birds = serde_json::json!({ "selection": { "category": "birds" }, "strategy": "individual",
        "release": { "window": 2 } });
    while !stop.load(Ordering::Relaxed) {
        plan(&bench.store, &recipe(birds.clone())).await;
        bench.store.release().await.expect("released");
        bench.store.finish().await.expect("finished");
        bench.store.end_cancelling().await.expect("ended");
        bench.store.compact_tallies().await.expect("folded");
    }
}

/// Every finding of many runs: repairs are on, and must have nothing to do.
async fn watches(bench: &Bench, stop: &AtomicBool) -> Vec<String> {
    let mut findings = Vec::new();
    for _ in 0..RUNS {
        let report = bench.store.doctor(&patient(true)).await.expect("looked");
        findings.extend(report.findings().map(|one| format!("{one:?}")));
    }
    stop.store(true, Ordering::Relaxed);
    findings
}

#[test]
fn the_page_lists_every_code_with_what_repair_does() {
    let page = include_str!("../../docs/doctor.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();

    let listed: Vec<String> = rows.iter().map(|row| row[1].replace('`', "")).collect();
    let known: Vec<&str> = codes().map(|one| one.code).collect();
    assert_eq!(listed, known);
    for (row, code) in rows.iter().zip(codes()) {
        assert_eq!(row[4], code.sentence);
        assert_eq!(row[5], code.repair.unwrap_or("—"));
    }
}
