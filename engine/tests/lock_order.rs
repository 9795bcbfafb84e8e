//! No two writing verbs deadlock: every pair of them, in both orders, on the same rows.
//!
//! Both verbs are stopped at a gate, first at the rows that they lock, then at the keys that they insert,
//! so that each holds what it has taken when both go on at once. A wrong order of locks is then a deadlock
//! for certain, which Postgres tells after a tenth of a second. Afterwards every job stands in one place.

#[path = "common/mod.rs"]
mod common;
#[path = "lock_order/gate.rs"]
mod gate;
#[path = "lock_order/scene.rs"]
mod scene;
#[path = "lock_order/verbs.rs"]
mod verbs;

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use gate::Gate;
use scene::Scene;
use verbs::{OPPOSED, VERBS, Verb};

/// Databases at once; each case waits more than it works.
const SCENES: usize = 4;

/// A pair in an order, at a gate.
type Case = (&'static Verb, &'static Verb, Gate);

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for first in VERBS {
        for second in VERBS {
            cases.extend(Gate::ALL.map(|gate| (first, second, gate)));
        }
    }
    cases
}

/// Takes cases until none is left: in how many a verb waited, and what went wrong.
async fn run(cases: &[Case], next: &AtomicUsize) -> (usize, Vec<String>) {
    let scene = Scene::new().await;
    let (mut met, mut faults) = (0, Vec::new());
    while let Some((first, second, gate)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
        match gate.run(&scene, first, second).await {
            Ok(waited) => met += usize::from(waited),
            Err(fault) => faults.push(fault),
        }
    }
    (met, faults)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_two_verbs_deadlock_in_either_order() {
    let (cases, next) = (cases(), AtomicUsize::new(0));
    let runs = join_all((0..SCENES).map(|_| run(&cases, &next))).await;
    let met: usize = runs.iter().map(|(met, _)| met).sum();
    let faults: Vec<String> = runs.into_iter().flat_map(|(_, faults)| faults).collect();

    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(
        met * 2 > cases.len(),
        "only {met} of {} cases met a lock",
        cases.len()
    );
}

/// What this test looks for can be found: two verbs that lock two rows in opposite orders.
#[tokio::test]
async fn opposite_orders_are_told() {
    let scene = Scene::new().await;

    let fault = Gate::Keys.run(&scene, &OPPOSED[0], &OPPOSED[1]).await;

    assert!(fault.expect_err("a deadlock").contains("40P01"));
}
