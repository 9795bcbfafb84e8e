//! A flush whose fate is unknown, with each way to end; and a flush with one bad row in it.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use uuid::Uuid;
use windlass_engine::Error;
use windlass_engine::store::{Claimed, Ending, Hot, NewEntry};
use windlass_workflows::machine::turn::{End, OutcomeKind};

use super::common::{TestWorker, completed, ending, journal, outcome};
use super::stage::{BEFORE_OUTCOME, Stage, ended, sorted, start};

/// An entry of each kind, the jobs in order, and where its job stands once it has landed.
fn each_end(jobs: &[Claimed]) -> (Vec<NewEntry>, BTreeMap<i64, String>) {
    let soon = Utc::now() + TimeDelta::hours(1);
    let machine = |job, end| ending(job, Ending::Machine(end));
    let plain = || End::Outcome(outcome(OutcomeKind::Completed, None));
    let park = End::Park {
        reason: "look".into(),
    };
    let ends = [
        (completed(&jobs[0]), "completed"),
        (machine(&jobs[1], plain()), "completed"),
        (machine(&jobs[2], End::Retry { at: soon }), "later 1 0"),
        (machine(&jobs[3], park), "held parked"),
        (
            NewEntry {
                ending: Some(Ending::Rest { due: Some(soon) }),
                ..journal(&jobs[4], 1)
            },
            "wait",
        ),
        (ending(&jobs[5], Ending::Back), "ready 0 0"),
        (journal(&jobs[6], 1), "lease"),
        (
            NewEntry {
                ending: completed(&jobs[7]).ending,
                ..journal(&jobs[7], 1)
            },
            "completed",
        ),
    ];
    let places = jobs
        .iter()
        .zip(&ends)
        .map(|(job, (_, place))| (job.id, (*place).to_owned()))
        .collect();
    (ends.into_iter().map(|(new, _)| new).collect(), places)
}

/// What a pump does after a lost answer: asks what landed and sends the rest again, with the same bytes.
async fn repeat(hot: &mut Hot, worker: Uuid, mut entries: Vec<NewEntry>) -> (Vec<i64>, Vec<i64>) {
    let mut landed = Vec::new();
    for _ in 0..5 {
        let known = hot.recorded(&entries).await.expect("answered");
        entries.retain(|new| !known.contains(&new.job));
        landed.extend(known);
        match hot.exchange(worker, &entries, None).await {
            Ok(answer) => {
                let fresh = entries.iter().map(|new| new.job);
                landed.extend(fresh.filter(|job| !answer.refused.contains(job)));
                return (sorted(landed), sorted(answer.refused));
            }
            Err(error) => assert_eq!(error.sql_state().as_deref(), Some("23505")),
        }
    }
    panic!("its fate is never known");
}

struct Flush {
    stage: Stage,
    worker: Uuid,
    hot: Hot,
    jobs: Vec<i64>,
    entries: Vec<NewEntry>,
    places: BTreeMap<i64, String>,
}

async fn flush() -> Flush {
    let stage = Stage::with_jobs(8).await;
    let TestWorker { id, mut hot, .. } = stage.bench.worker().await;
    let want = stage.want(Uuid::now_v7(), 8);
    let jobs = hot.exchange(id, &[], Some(&want)).await.expect("claimed");
    let (entries, places) = each_end(&jobs.claimed);
    Flush {
        jobs: jobs.claimed.iter().map(|job| job.id).collect(),
        worker: id,
        stage,
        hot,
        entries,
        places,
    }
}

#[tokio::test]
async fn i10a_what_landed_before_the_answer_was_lost_is_known_or_refused() {
    let Flush {
        stage,
        worker,
        mut hot,
        jobs,
        entries,
        places,
    } = flush().await;
    let gate = stage.bench.database.hold(BEFORE_OUTCOME).await;
    let again = entries.clone();
    let flushing = start(async move { hot.exchange(worker, &entries, None).await });
    stage.blocked(1).await;
    flushing.abort();
    assert!(
        flushing
            .await
            .expect_err("its answer is lost")
            .is_cancelled()
    );
    gate.release().await;
    stage
        .until(
            2,
            "select count(*) from journal where seq = 1 and job % 10 in (4, 6)",
        )
        .await;

    let mut hot = stage.hot().await;
    let (landed, refused) = repeat(&mut hot, worker, again).await;

    // Ends that leave no trace of the claim are refused: their jobs have left, as they wanted.
    assert_eq!(landed, [jobs[0], jobs[1], jobs[4], jobs[6], jobs[7]]);
    assert_eq!(refused, [jobs[2], jobs[3], jobs[5]]);
    assert_eq!(stage.places().await, places);
}

#[tokio::test]
async fn i10b_what_was_rolled_back_lands_when_it_is_sent_again() {
    let Flush {
        stage,
        worker,
        mut hot,
        jobs,
        entries,
        places,
    } = flush().await;
    let gate = stage.bench.database.hold(BEFORE_OUTCOME).await;
    let again = entries.clone();
    let flushing = start(async move { hot.exchange(worker, &entries, None).await });
    stage.blocked(1).await;
    stage.break_waiting().await;
    assert!(ended(flushing).await.expect_err("broken").is_transient());
    gate.release().await;

    let mut hot = stage.hot().await;
    let (landed, refused) = repeat(&mut hot, worker, again).await;

    assert_eq!((landed, refused), (sorted(jobs), vec![]));
    assert_eq!(stage.places().await, places);
}

#[tokio::test]
async fn i10c_what_is_still_on_its_way_lands_once_beside_its_repeat() {
    let Flush {
        stage,
        worker,
        mut hot,
        jobs,
        entries,
        places,
    } = flush().await;
    let gate = stage.bench.database.hold(BEFORE_OUTCOME).await;
    let again = entries.clone();
    let flushing = start(async move { hot.exchange(worker, &entries, None).await });
    stage.blocked(1).await;
    flushing.abort();
    let mut hot = stage.hot().await;
    let repeating = start(async move { repeat(&mut hot, worker, again).await });
    stage.blocked(2).await;

    gate.release().await;

    let (landed, refused) = ended(repeating).await;
    assert_eq!(landed, [jobs[0], jobs[1], jobs[4], jobs[6], jobs[7]]);
    assert_eq!(refused, [jobs[2], jobs[3], jobs[5]]);
    assert_eq!(stage.places().await, places);
}

/// What a pump does with a flush that is refused for what it says: halves it until the bad row is alone.
async fn halve(worker: &mut TestWorker, entries: Vec<NewEntry>) -> Vec<NewEntry> {
    let (mut parts, mut bad) = (vec![entries], Vec::new());
    while let Some(mut part) = parts.pop() {
        match worker.hot.exchange(worker.id, &part, None).await {
            Ok(answer) => assert!(answer.refused.is_empty()),
            Err(error) if part.len() == 1 => {
                assert!(matches!(error, Error::Database(_)), "{error}");
                bad.append(&mut part);
            }
            Err(_) => {
                let half = part.split_off(part.len() / 2);
                parts.extend([half, part]);
            }
        }
    }
    bad
}

/// A flush of nine with one bad row: nothing of it lands at first, then everything but that row.
async fn bad_row(place: usize) {
    let stage = Stage::with_jobs(9).await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(9).await;
    let mut entries: Vec<NewEntry> = jobs.iter().map(completed).collect();
    let bad = End::Outcome(outcome(OutcomeKind::Completed, Some("\u{0}")));
    entries[place].ending = Some(Ending::Machine(bad));

    let whole = worker.hot.exchange(worker.id, &entries, None).await;
    assert!(whole.expect_err("a text that is none").is_bad_text());
    assert_eq!(stage.census().await, super::stage::census([("lease", 9)]));
    let refused = halve(&mut worker, entries).await;

    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].job, jobs[place].id);
    let park = End::Park {
        reason: "its record was refused".into(),
    };
    let park = ending(&jobs[place], Ending::Machine(park));
    assert!(worker.record(&[park]).await.refused.is_empty());
    assert_eq!(
        stage.census().await,
        super::stage::census([("completed", 8), ("held parked", 1)])
    );
}

#[tokio::test]
async fn i11a_a_bad_first_row_harms_no_other() {
    bad_row(0).await;
}

#[tokio::test]
async fn i11b_a_bad_middle_row_harms_no_other() {
    bad_row(4).await;
}

#[tokio::test]
async fn i11c_a_bad_last_row_harms_no_other() {
    bad_row(8).await;
}
