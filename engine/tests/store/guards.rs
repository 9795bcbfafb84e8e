//! The accident drills: a wrong selection is stopped by a guard before a job of it starts, and a person who
//! saw the plan lets it go, or nobody does.

use crate::common::recipe::{BIRDS, apply, create, flock, recipe, with_birds};
use crate::common::{Bench, LEASE_TIME};
use serde_json::json;
use windlass_engine::Error;
use windlass_engine::protocol::{Approved, NewBatch, PlanApproval, Planned, Source};
use windlass_engine::store::{BatchView, DEFAULT_TENANT};

async fn bench(csv: &str) -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, csv).await;
    bench
}

/// A stored configuration with these keys, so that its batches are compared.
pub async fn configured(bench: &Bench, keys: &str) -> Source {
    let text = format!(
        "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
         selection: {{ category: birds }}\nstrategy: individual\n{keys}\n"
    );
    apply(&bench.store, &[&text], "").await;
    Source::Named("briefs".to_owned())
}

pub async fn load(bench: &Bench, csv: &str) {
    with_birds(&bench.store, csv).await;
}

pub async fn planned(bench: &Bench, source: &Source) -> BatchView {
    let id = create(&bench.store, source).await;
    assert_eq!(
        bench.store.plan().await.expect("planned"),
        Planned::Sealed(id)
    );
    view(bench, id).await
}

pub async fn view(bench: &Bench, batch: i64) -> BatchView {
    let view = bench.store.batch(DEFAULT_TENANT, batch).await;
    view.expect("its view")
}

/// The guards that a batch asks by.
pub fn asked(batch: &BatchView) -> Vec<&str> {
    let asks = batch.asks.as_ref().expect("it asks");
    assert!(asks.is_open && asks.until.is_some());
    asks.reasons.iter().map(|one| one.guard.as_str()).collect()
}

/// The batch before, to its end.
pub async fn completed(bench: &Bench, source: &Source) -> BatchView {
    let batch = planned(bench, source).await;
    assert_eq!(batch.asks, None);
    sqlx::query("update batch set state = 'completed', finished_at = now(), released_at = now() where id = $1")
        .bind(batch.id)
        .execute(&bench.pool)
        .await
        .expect("ended");
    sqlx::query("with gone as (delete from held returning *) insert into outcome (first_id, last_id, tenant, lane, kind) select first_id, last_id, 1, lane, 'completed' from gone")
        .execute(&bench.pool)
        .await
        .expect("done");
    batch
}

async fn nothing_starts(bench: &Bench, batch: i64) {
    assert_eq!(bench.store.release().await.expect("nothing to release"), 0);
    assert_eq!(bench.count("select count(*) from ready").await, 0);
    let due = bench.store.duties_due(LEASE_TIME).await.expect("a look");
    let waits = |name: &String| ["release", "finish", "plan", "cancel"].contains(&name.as_str());
    assert!(!due.duties.iter().any(waits), "{:?}", due.duties);
    assert_eq!(view(bench, batch).await.state, "planned");
}

pub async fn approve(bench: &Bench, batch: i64, hash: &str, who: &str) -> Result<Approved, Error> {
    let approval = PlanApproval {
        plan_hash: hash.to_owned(),
        who: who.to_owned(),
    };
    let store = &bench.store;
    store.approve_batch(DEFAULT_TENANT, batch, approval).await
}

pub fn hash(batch: &BatchView) -> String {
    batch.plan_hash.clone().expect("it is sealed")
}

#[tokio::test]
async fn an_empty_selection_asks_and_approved_it_is_complete() {
    let bench = bench("name,state,cost\n").await;
    let source = configured(&bench, "").await;

    let batch = planned(&bench, &source).await;

    assert_eq!(asked(&batch), ["min_members"]);
    nothing_starts(&bench, batch.id).await;
    approve(&bench, batch.id, &hash(&batch), "leo")
        .await
        .expect("approved");
    assert_eq!(bench.store.finish().await.expect("over"), [batch.id]);
    let ended = view(&bench, batch.id).await;
    assert_eq!((ended.state.as_str(), ended.planned.jobs), ("completed", 0));
    assert_eq!(ended.approved_by.as_deref(), Some("leo"));
}

#[tokio::test]
async fn a_doubled_selection_asks() {
    let bench = bench(&flock(10, 2)).await;
    let source = configured(&bench, "guards: { max_change: 30%, max_members: 15 }").await;
    let last = completed(&bench, &source).await;
    load(&bench, &flock(20, 2)).await;

    let batch = planned(&bench, &source).await;

    assert_eq!(asked(&batch), ["max_members", "max_change"]);
    let asks = batch.asks.as_ref().expect("it asks");
    assert!(
        asks.reasons[1].message.contains("a change of 100%"),
        "{asks:?}"
    );
    let before = asks.last.as_ref().expect("the one before");
    assert_eq!(
        (
            before.batch,
            before.members,
            before.jobs,
            before.same_selection
        ),
        (last.id, 10, 10, false)
    );
    nothing_starts(&bench, batch.id).await;
}

#[tokio::test]
async fn last_weeks_file_asks() {
    let bench = bench(BIRDS).await;
    let source = configured(&bench, "guards: { same_as_last: ask }").await;
    completed(&bench, &source).await;

    let again = planned(&bench, &source).await;

    assert_eq!(asked(&again), ["same_as_last"]);
    nothing_starts(&bench, again.id).await;
}

#[tokio::test]
async fn another_file_and_a_first_batch_ask_nothing() {
    let bench = bench(BIRDS).await;
    let source = configured(&bench, "guards: { same_as_last: ask, max_change: 30% }").await;
    completed(&bench, &source).await;
    load(&bench, &BIRDS.replace("Wren,Alabama,7", "Wren,Alabama,8")).await;

    assert_eq!(planned(&bench, &source).await.asks, None);
}

#[tokio::test]
async fn an_approval_names_the_plan_that_its_giver_saw() {
    let bench = bench(BIRDS).await;
    let source = configured(&bench, "approval: { when: always, four_eyes: true }").await;
    let batch = planned(&bench, &source).await;
    assert_eq!(asked(&batch), ["approval"]);
    let seen = hash(&batch);
    let code = |answer: Result<Approved, Error>| answer.expect_err("refused").code();

    assert_eq!(
        code(approve(&bench, batch.id, "beef", "leo").await),
        "plan_changed"
    );
    assert_eq!(
        code(approve(&bench, batch.id, &seen, "mia").await),
        "four_eyes"
    );
    assert_eq!(
        code(approve(&bench, 4_711, &seen, "leo").await),
        "not_found"
    );
    let given = approve(&bench, batch.id, &seen, "leo")
        .await
        .expect("approved");
    assert_eq!((given.is_new, given.configuration_changed), (true, false));
    let again = approve(&bench, batch.id, &seen, "leo")
        .await
        .expect("harmless");
    assert!(!again.is_new);
    assert_eq!(view(&bench, batch.id).await.state, "releasing");
    assert_eq!(bench.store.release().await.expect("released"), 5);
}

#[tokio::test]
async fn a_changed_configuration_is_flagged_and_a_retired_template_refused() {
    let bench = bench(BIRDS).await;
    let source = configured(&bench, "approval: { when: always }").await;
    let (first, second) = (
        planned(&bench, &source).await,
        planned(&bench, &source).await,
    );
    configured(&bench, "approval: { when: always, within: 2h }").await;

    let given = approve(&bench, first.id, &hash(&first), "mia")
        .await
        .expect("approved");
    assert!(given.configuration_changed);
    sqlx::query("update template_version set retired_at = now() where namespace = 'strikes'")
        .execute(&bench.pool)
        .await
        .expect("retired");
    let retired = approve(&bench, second.id, &hash(&second), "mia").await;
    assert_eq!(retired.expect_err("refused").code(), "template_retired");
}

#[tokio::test]
async fn what_nobody_approves_in_time_is_cancelled() {
    let bench = bench(BIRDS).await;
    let source = configured(&bench, "approval: { when: always, within: 2h }").await;
    let (late, later) = (
        planned(&bench, &source).await,
        planned(&bench, &source).await,
    );
    assert_eq!(bench.store.end_unapproved().await.expect("none is late"), 0);
    sqlx::query("update batch set ask_until = now() - interval '1 second'")
        .execute(&bench.pool)
        .await
        .expect("two hours later");
    let due = bench.store.duties_due(LEASE_TIME).await.expect("a look");
    assert!(due.duties.iter().any(|name| name == "cancel"));

    let refused = approve(&bench, late.id, &hash(&late), "leo").await;
    assert_eq!(refused.expect_err("too late").code(), "illegal_state");
    assert_eq!(bench.store.end_unapproved().await.expect("the other"), 1);

    bench.store.finish().await.expect("finished");
    for batch in [late.id, later.id] {
        let ended = view(&bench, batch).await;
        assert_eq!(
            (ended.state.as_str(), ended.reason.as_deref()),
            ("cancelled", Some("not_approved"))
        );
    }
    bench.assert_held_once().await;
}

#[tokio::test]
async fn where_nobody_may_be_asked_a_tripped_guard_fails_the_batch() {
    let bench = bench(BIRDS).await;
    let source = recipe(json!({
        "selection": { "category": "birds" }, "strategy": "individual",
        "guards": { "max_members": 4 }, "approval": { "when": "never" },
    }));
    let new = NewBatch {
        name: Some("nightly".to_owned()),
        ..crate::common::recipe::new_batch(&source)
    };
    let id = bench
        .store
        .create_batch(DEFAULT_TENANT, new)
        .await
        .expect("made")
        .id;

    assert_eq!(
        bench.store.plan().await.expect("decided"),
        Planned::Failed(id)
    );

    let failed = view(&bench, id).await;
    let reason = failed.reason.expect("a reason");
    assert!(
        reason.contains("guard_tripped") && reason.contains("/guards/max_members"),
        "{reason}"
    );
    assert_eq!(bench.count("select count(*) from held").await, 0);
}

#[tokio::test]
async fn a_batch_that_was_approved_in_time_is_not_cancelled_by_who_found_it_late() {
    let bench = bench(BIRDS).await;
    let source = configured(&bench, "approval: { when: always, within: 2h }").await;
    let batch = planned(&bench, &source).await;
    sqlx::query("update batch set ask_until = now() - interval '1 second'")
        .execute(&bench.pool)
        .await
        .expect("two hours later");
    // It began before the time was over, and commits once a keeper has found the batch.
    let mut approval = bench.pool.begin().await.expect("begun");
    sqlx::query(
        "update batch set asking = false, state = 'releasing', reason = null, approved_at = now(), approved_by = 'leo'",
    )
    .execute(&mut *approval)
    .await
    .expect("approved");
    let store = bench.store.clone();
    let keeper = tokio::spawn(async move { store.end_unapproved().await });
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while bench.count(waits).await == 0 {
        tokio::task::yield_now().await;
    }
    approval.commit().await.expect("approved");

    assert_eq!(keeper.await.expect("no panic").expect("a look"), 0);

    let seen = view(&bench, batch.id).await;
    assert_eq!((seen.state.as_str(), seen.reason), ("releasing", None));
}
