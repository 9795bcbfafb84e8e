//! Restart: what failed, expired or parked in a batch runs again inside of it, and its totals stay true.

use crate::common::dead::{FINGERPRINT, exhausted, failed};
use crate::common::recipe::{BIRDS, apply, flock, members, plan, recipe, with_birds};
use crate::common::{Bench, TestWorker, ending, outcome};
use serde_json::json;
use windlass_engine::protocol::NewRestart;
use windlass_engine::store::{BatchView, Claimed, DEFAULT_TENANT, Ending, RedriveView, doctor};
use windlass_engine::{Error, Store};
use windlass_workflows::machine::turn::{End, OutcomeKind};

fn all() -> NewRestart {
    NewRestart {
        who: "mia".into(),
        ..NewRestart::default()
    }
}

fn only(members: &[&str]) -> NewRestart {
    NewRestart {
        members: Some(members.iter().map(|key| (*key).to_owned()).collect()),
        ..all()
    }
}

/// A batch of birds under a strategy, released whole.
async fn released(bench: &Bench, strategy: &str) -> (BatchView, TestWorker) {
    let source = recipe(json!({ "selection": { "category": "birds" }, "strategy": strategy }));
    let batch = plan(&bench.store, &source).await;
    bench.store.release().await.expect("released");
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    (batch, worker)
}

/// The five birds: one failed, one expired, one parked, two completed; the batch has ended with that.
async fn ended(bench: &Bench) -> (BatchView, TestWorker, Vec<Claimed>) {
    with_birds(&bench.store, BIRDS).await;
    let (batch, mut worker) = released(bench, "individual").await;
    let jobs = worker.claim(5).await;
    let late = outcome(OutcomeKind::Expired, None);
    let expired = ending(&jobs[1], Ending::Machine(End::Outcome(late)));
    worker
        .record(&[failed(&jobs[0]), expired, exhausted(&jobs[2], FINGERPRINT)])
        .await;
    worker.complete(&jobs[3..]).await;
    assert_eq!(bench.store.finish().await.expect("finished"), [batch.id]);
    (view(&bench.store, batch.id).await, worker, jobs)
}

async fn view(store: &Store, batch: i64) -> BatchView {
    store.batch(DEFAULT_TENANT, batch).await.expect("its view")
}

async fn restart(bench: &Bench, batch: i64, new: NewRestart) -> Result<RedriveView, Error> {
    let begun = bench.store.restart_batch(DEFAULT_TENANT, batch, new);
    begun.await.map(|begun| begun.redrive)
}

/// Passes until the restart is done; how many jobs it put back.
async fn put_back(store: &Store) -> i64 {
    let mut all = 0;
    for _ in 0..100 {
        match store.pace_restarts().await.expect("paced") {
            Some(jobs) => all += jobs,
            None => return all,
        }
    }
    panic!("a restart that does not end");
}

fn code<T: std::fmt::Debug>(answer: Result<T, Error>) -> &'static str {
    match answer {
        Err(Error::Conflict { code, .. }) => code,
        other => panic!("a conflict expected, {other:?} found"),
    }
}

async fn assert_sound(bench: &Bench) {
    bench.assert_held_once().await;
    let options = doctor::Options::default();
    let report = bench.store.doctor(&options).await.expect("looked");
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn what_failed_expired_or_parked_runs_again_and_the_totals_stay_true() {
    let bench = Bench::new().await;
    let (batch, mut worker, _) = ended(&bench).await;
    assert_eq!(batch.state, "completed_with_errors");

    let begun = restart(&bench, batch.id, all()).await.expect("begun");
    assert_eq!(begun.generation, Some(2));
    assert!(bench.store.finish().await.expect("not yet").is_empty());
    assert_eq!(put_back(&bench.store).await, 3);
    let open = view(&bench.store, batch.id).await;
    assert_eq!(
        (open.state.as_str(), open.generation, open.released),
        ("releasing", 2, 2)
    );
    assert_eq!(
        (
            open.progress.expected,
            open.progress.settled,
            open.progress.restarted
        ),
        (8, 5, 3)
    );
    assert_sound(&bench).await;

    assert_eq!(bench.store.release().await.expect("released"), 3);
    let again = worker.claim(5).await;
    assert_eq!(again.len(), 3);
    worker.complete(&again).await;
    assert_eq!(bench.store.finish().await.expect("finished"), [batch.id]);

    let done = view(&bench.store, batch.id).await;
    assert_eq!(done.state, "completed");
    assert_eq!(done.progress.now.get("completed"), Some(&5));
    assert_eq!(done.progress.now.get("failed"), Some(&0));
    assert_sound(&bench).await;
    assert_eq!(
        code(restart(&bench, batch.id, all()).await),
        "nothing_to_restart"
    );
}

#[tokio::test]
async fn a_batch_that_runs_does_not_end_before_its_restart_is_done() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let (batch, mut worker) = released(&bench, "individual").await;
    let jobs = worker.claim(5).await;
    worker.record(&[failed(&jobs[0])]).await;
    worker.complete(&jobs[1..4]).await;

    restart(&bench, batch.id, all()).await.expect("begun");
    worker.complete(&jobs[4..]).await;

    assert!(bench.store.finish().await.expect("not yet").is_empty());
    assert_eq!(bench.store.release().await.expect("nothing"), 0);
    assert!(bench.store.finish().await.expect("not yet").is_empty());
    assert_eq!(put_back(&bench.store).await, 1);
    assert_eq!(bench.store.release().await.expect("released"), 1);
    let again = worker.claim(5).await;
    worker.complete(&again).await;
    assert_eq!(bench.store.finish().await.expect("finished"), [batch.id]);
    assert_eq!(view(&bench.store, batch.id).await.state, "completed");
    assert_sound(&bench).await;
}

#[tokio::test]
async fn members_and_manifest_show_the_newest_job_of_each() {
    let bench = Bench::new().await;
    let (batch, mut worker, jobs) = ended(&bench).await;
    for generation in 2..4 {
        restart(&bench, batch.id, only(&["Gull"]))
            .await
            .expect("begun");
        assert_eq!(put_back(&bench.store).await, 1, "generation {generation}");
        bench.store.release().await.expect("released");
        let again = worker.claim(5).await;
        worker.record(&[failed(&again[0])]).await;
        bench.store.finish().await.expect("finished");
    }

    let rows = members(&bench.store, batch.id).await;
    let gull = &rows[0];
    assert_eq!(rows.len(), 5);
    assert_eq!(
        (gull.key.as_str(), gull.restarts, gull.state.as_str()),
        ("Gull", 2, "failed")
    );
    assert!(gull.job > Some(jobs[4].id), "the newest job stands there");
    assert_eq!(rows[1].restarts, 0);
    let errors = bench.store.batch_errors(DEFAULT_TENANT, batch.id, 10).await;
    let mut counts: Vec<(String, i64)> = errors
        .expect("errors")
        .into_iter()
        .map(|group| (group.kind, group.jobs))
        .collect();
    counts.sort();
    assert_eq!(
        counts,
        [
            ("expired".into(), 1),
            ("failed".into(), 1),
            ("parked".into(), 1)
        ]
    );
}

#[tokio::test]
async fn a_fingerprint_or_keys_choose_and_the_rest_stays() {
    let bench = Bench::new().await;
    let (batch, _, _) = ended(&bench).await;

    let same_error = NewRestart {
        fingerprint: Some(FINGERPRINT.into()),
        ..all()
    };
    restart(&bench, batch.id, same_error).await.expect("begun");
    assert_eq!(
        code(restart(&bench, batch.id, only(&["Crow"])).await),
        "restart_running"
    );
    assert_eq!(put_back(&bench.store).await, 2, "it failed, and it parked");
    assert_eq!(
        code(restart(&bench, batch.id, only(&["Gull", "Wren", "Jay", "Nobody"])).await),
        "nothing_to_restart"
    );
    restart(&bench, batch.id, only(&["Crow"]))
        .await
        .expect("begun");
    assert_eq!(put_back(&bench.store).await, 1);
    assert_eq!(bench.store.release().await.expect("released"), 3);
    assert_sound(&bench).await;
}

#[tokio::test]
async fn where_a_job_is_a_members_the_name_of_an_object_chooses_nobody() {
    let bench = Bench::new().await;
    let (batch, _, _) = ended(&bench).await;

    let ohio = restart(&bench, batch.id, only(&["Ohio"])).await;

    assert_eq!(code(ohio), "nothing_to_restart");
}

#[tokio::test]
async fn an_object_runs_again_with_all_its_members() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let source = recipe(json!({
        "selection": { "category": "birds" }, "strategy": "object", "chunk": { "max_items": 1 }
    }));
    let batch = plan(&bench.store, &source).await;
    bench.store.release().await.expect("released");
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    let jobs = worker.claim(3).await;
    worker
        .record(&jobs.iter().map(failed).collect::<Vec<_>>())
        .await;
    bench.store.finish().await.expect("finished");

    restart(&bench, batch.id, only(&["Ohio"]))
        .await
        .expect("begun");
    assert_eq!(put_back(&bench.store).await, 1);
    bench.store.release().await.expect("released");
    let again = worker.claim(3).await;

    assert_eq!(bench.store.chunks_of(again[0].id).await.expect("chunks"), 2);
    let second = bench.store.chunk(again[0].id, 2).await.expect("a chunk");
    assert_eq!(second[0].key, "Owl");
    worker.complete(&again).await;
    let states: Vec<_> = members(&bench.store, batch.id)
        .await
        .into_iter()
        .map(|row| row.state)
        .collect();
    assert_eq!(
        states.iter().filter(|state| *state == "completed").count(),
        2
    );
    assert_eq!(states.iter().filter(|state| *state == "failed").count(), 3);
}

#[tokio::test]
async fn another_version_is_pinned_and_another_template_refused() {
    let bench = Bench::new().await;
    let (batch, mut worker, _) = ended(&bench).await;
    let fixed = crate::common::recipe::TEMPLATE
        .replace("1.0.0", "1.0.1")
        .replace("hello", "again");
    let stranger = crate::common::recipe::TEMPLATE.replace("name: brief", "name: other");
    apply(&bench.store, &[&fixed, &stranger], BIRDS).await;
    let with = |template: &str| NewRestart {
        template: Some(template.to_owned()),
        ..only(&["Gull"])
    };

    let refused = restart(&bench, batch.id, with("strikes.other")).await;
    assert_eq!(
        crate::common::recipe::refused(refused).code,
        "template_differs"
    );
    restart(&bench, batch.id, with("strikes.brief@1.0.1"))
        .await
        .expect("begun");
    assert_eq!(put_back(&bench.store).await, 1);
    bench.store.release().await.expect("released");
    let again = worker.claim(5).await;

    let version: String = sqlx::query_scalar(
        "select version from job join template_version on template_version.id = job.template_version where job.id = $1",
    )
    .bind(again[0].id)
    .fetch_one(&bench.pool)
    .await
    .expect("a version");
    assert_eq!(version, "1.0.1");
}

#[tokio::test]
async fn keepers_at_once_make_each_job_anew_once_while_the_batch_runs() {
    let bench = Bench::new().await;
    with_birds(&bench.store, &flock(2_500, 7)).await;
    let (batch, mut worker) = released(&bench, "individual").await;
    let mut claimed = worker.claim(1_000).await;
    claimed.extend(worker.claim(1_000).await);
    for page in claimed.chunks(500) {
        worker
            .record(&page.iter().map(failed).collect::<Vec<_>>())
            .await;
    }
    assert_eq!(claimed.len(), 2_000);

    restart(&bench, batch.id, all())
        .await
        .expect("begun while it runs");
    let keepers = [bench.database.store().await, bench.database.store().await];
    let (one, two) = tokio::join!(put_back(&keepers[0]), put_back(&keepers[1]));
    let rest = put_back(&bench.store).await;
    assert_eq!(one + two + rest, 2_000);
    assert_eq!(
        bench
            .count("select count(*) from job where redrive_of is not null")
            .await,
        2_000
    );

    assert_eq!(bench.store.release().await.expect("released"), 2_000);
    let mut open = 0;
    for _ in 0..4 {
        let again = worker.claim(1_000).await;
        open += again.len();
        worker.complete(&again).await;
    }
    assert_eq!(open, 2_500);
    assert_eq!(bench.store.finish().await.expect("finished"), [batch.id]);
    let done = view(&bench.store, batch.id).await;
    assert_eq!(
        (
            done.state.as_str(),
            done.progress.expected,
            done.progress.settled
        ),
        ("completed", 4_500, 4_500)
    );
    assert_sound(&bench).await;
}

#[tokio::test]
async fn a_cancelled_batch_has_nothing_to_restart() {
    let bench = Bench::new().await;
    let (batch, _, _) = ended(&bench).await;
    sqlx::query("update batch set state = 'cancelled'")
        .execute(&bench.pool)
        .await
        .expect("cancelled");

    assert_eq!(
        code(restart(&bench, batch.id, all()).await),
        "illegal_state"
    );
    let nobody = restart(&bench, 999, all()).await;
    assert!(matches!(nobody, Err(Error::NotFound { .. })), "{nobody:?}");
}

#[tokio::test]
async fn a_batch_that_is_cancelled_restarts_nothing_and_asks_what_has_begun() {
    let bench = Bench::new().await;
    let (batch, _, jobs) = ended(&bench).await;
    restart(&bench, batch.id, all()).await.expect("begun");
    assert_eq!(put_back(&bench.store).await, 3);
    sqlx::query("update held set journaled = true where first_id = $1")
        .bind(jobs[2].id)
        .execute(&bench.pool)
        .await
        .expect("it had begun");

    let cancelled = bench
        .store
        .cancel_batch(DEFAULT_TENANT, batch.id, "mia", "enough");
    cancelled.await.expect("cancelled");
    assert_eq!(
        code(restart(&bench, batch.id, all()).await),
        "illegal_state"
    );
    let ended = "select sum(last_id - first_id + 1)::int8 from outcome where kind = 'cancelled'";
    assert_eq!(bench.count(ended).await, 2, "two had not begun");
    bench.store.ask_cancelled(None).await.expect("asked");
    bench.store.end_cancelling().await.expect("ended");
    let over = bench
        .count("select count(*) from held where reason = 'planned'")
        .await;
    assert_eq!(over, 0, "what had begun was asked");
}
