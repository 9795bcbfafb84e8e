//! Approvals of plans that were really made, and what each leaves behind.

use super::kit::{Case, of_batches};
use crate::common::Bench;
use crate::common::recipe::{BIRDS, jobs, new_batch, recipe, refused, with_birds};
use crate::guards::{approve, configured, hash, load, planned, view};
use chrono::TimeDelta;
use serde_json::json;
use windlass_engine::Error;
use windlass_engine::protocol::{Approved, Planned};
use windlass_engine::store::{BatchView, DEFAULT_TENANT};

/// Who refuses a body without a hash, before anybody judges.
const HTTP: &str = "api/tests/http/batches.rs";

/// What the HTTP API makes of an answer; `four_eyes` is the one conflict that is a matter of persons.
fn status(answer: &Result<Approved, Error>) -> String {
    match answer {
        Ok(_) => "200".to_owned(),
        Err(Error::Conflict {
            code: "four_eyes", ..
        }) => "403".to_owned(),
        Err(Error::Conflict { code, .. }) => format!("409 {code}"),
        Err(other) => panic!("{other:?}"),
    }
}

/// A plan that asks, made by `mia`.
async fn asking(bench: &Bench) -> BatchView {
    with_birds(&bench.store, BIRDS).await;
    let rules = "approval: { when: always, four_eyes: true }";
    let source = configured(bench, rules).await;
    planned(bench, &source).await
}

/// A plan of a slot, whose configuration `mia` applied last.
async fn of_a_slot(bench: &Bench) -> BatchView {
    bench.store.enter_development().await.expect("development");
    with_birds(&bench.store, BIRDS).await;
    let rules =
        "approval: { when: always, four_eyes: true }\nschedule: { interval: 1h, zone: UTC }";
    configured(bench, rules).await;
    let now = bench.store.clock().await.expect("the clock").now;
    let later = now + TimeDelta::hours(1);
    bench.store.set_clock(later).await.expect("moved");
    let fired = bench.store.fire().await.expect("a pass").batches;
    let sealed = bench.store.plan().await.expect("planned");
    assert_eq!(sealed, Planned::Sealed(fired[0]));
    let batch = view(bench, fired[0]).await;
    assert_eq!(batch.created_by, "schedule");
    batch
}

async fn change(bench: &Bench, sql: &'static str) {
    let done = sqlx::query(sql).execute(&bench.pool).await.expect("done");
    assert_eq!(done.rows_affected(), 1);
}

/// Plays a case up to its approval, and gives that; `None` where it is never asked for.
async fn played(bench: &Bench, case: &str) -> Option<(BatchView, Result<Approved, Error>)> {
    let batch = match case {
        "no hash" => return None,
        "role not in by" => return refused_by_role(bench).await,
        "scheduled slot; the last applier approves, four_eyes" => of_a_slot(bench).await,
        _ => asking(bench).await,
    };
    let (mut who, mut seen) = ("leo", hash(&batch));
    match case {
        "hash matches" => {}
        "another hash" => seen = "beef".to_owned(),
        "creator approves, four_eyes" | "scheduled slot; the last applier approves, four_eyes" => {
            who = "mia";
        }
        "later than within" => {
            change(
                bench,
                "update batch set ask_until = now() - interval '1 second'",
            )
            .await;
        }
        "configuration changed since the plan" => {
            configured(bench, "approval: { when: always, within: 2h }").await;
        }
        "template retired since the plan" => {
            let retire =
                "update template_version set retired_at = now() where namespace = 'strikes'";
            change(bench, retire).await;
        }
        "twice" => {
            let first = approve(bench, batch.id, &seen, who).await.expect("given");
            assert!(first.is_new);
        }
        "category emptied since the plan" => load(bench, "name,state,cost\n").await,
        other => panic!("a vector that nobody plays: {other}"),
    }
    let before = view(bench, batch.id).await;
    let answer = approve(bench, batch.id, &seen, who).await;
    Some((before, answer))
}

/// Nobody has a role before callers have credentials. So a recipe that wants one is refused where it is given, and there
/// is no plan that somebody could approve without it: nobody gets farther than by the 403 of the vector.
async fn refused_by_role(bench: &Bench) -> Option<(BatchView, Result<Approved, Error>)> {
    with_birds(&bench.store, BIRDS).await;
    let source = recipe(json!({
        "selection": { "category": "birds" }, "strategy": "individual",
        "approval": { "when": "always", "by": [ "approver" ] },
    }));
    let made = bench.store.create_batch(DEFAULT_TENANT, new_batch(&source));
    let problem = refused(made.await);
    assert_eq!(
        (&*problem.code, &*problem.pointer),
        ("configuration.not_supported_yet", "/approval/by")
    );
    assert_eq!(bench.count("select count(*) from batch").await, 0);
    None
}

/// State and reason, as a vector writes them.
async fn stands(bench: &Bench, batch: i64, has_reason: bool) -> String {
    bench.store.finish().await.expect("a look");
    let view = view(bench, batch).await;
    match view.reason {
        Some(reason) if has_reason => format!("{}({reason})", view.state),
        _ => view.state,
    }
}

async fn leaves(bench: &Bench, case: &mut Case, before: &BatchView, answer: &Approved) {
    let is_flagged = case.says("flag", "configuration_changed");
    assert_eq!(answer.configuration_changed, is_flagged, "{}", case.told());
    if case.says("effect", "none") {
        assert!(!answer.is_new);
        let after = view(bench, before.id).await;
        assert_eq!(format!("{after:?}"), format!("{before:?}"));
    }
    let documents = jobs(&bench.pool, before.id).await;
    let released = bench.store.release().await.expect("released");
    assert_eq!(released, 5, "{}", case.told());
    if case.says("note", "the documents are in the plan") {
        let gull = r#"{"language":"en","name":"Gull","state":"Ohio","cost":5}"#;
        assert_eq!(documents[0].2, gull);
    }
}

#[tokio::test]
async fn approvals_are_answered_and_leave_behind_what_their_vectors_say() {
    for mut case in of_batches("approval") {
        let name = case.text("case");
        let bench = Bench::new().await;
        let Some((before, answer)) = played(&bench, &name).await else {
            match name.as_str() {
                "no hash" => case.leave_whole(&name, HTTP),
                _ => assert_eq!(case.number("expect"), 403),
            }
            continue;
        };

        let wanted = case.need("expect").to_string();
        assert_eq!(status(&answer), wanted.trim_matches('"'), "{name}");
        if let Some(state) = case.take("state") {
            let state = state.as_str().expect("a word").to_owned();
            let found = stands(&bench, before.id, state.ends_with(')')).await;
            assert_eq!(found, state, "{name}");
        }
        match &answer {
            Ok(answer) => leaves(&bench, &mut case, &before, answer).await,
            Err(_) => assert_eq!(bench.store.release().await.expect("a look"), 0, "{name}"),
        }
    }
}
