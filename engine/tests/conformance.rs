//! The store does what the model does: the same generated moves go to both, and after each of them every
//! row is compared.
//!
//! A failure names its seed and its moves. `only_this_seed` runs one again.

#[path = "common/mod.rs"]
mod common;
#[path = "conformance/moves.rs"]
mod moves;
#[path = "conformance/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::join_all;
use windlass_engine::model::Planted;
use world::World;

const SEQUENCES: u64 = 300;
const MOVES: usize = 60;
/// A planted fault must be seen within so many sequences.
const PATIENCE: u64 = 60;
/// Databases at once.
const WORLDS: usize = 4;

/// Runs sequences until one differs, or none is left: the kinds of moves that were made.
async fn run(next: &AtomicU64, sequences: u64) -> Result<BTreeSet<&'static str>, String> {
    let mut world = World::new().await;
    let mut made = BTreeSet::new();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= sequences {
            return Ok(made);
        }
        made.extend(world.compare(seed, MOVES, None).await?);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_and_model_agree_after_every_move() {
    let next = AtomicU64::new(0);
    let mut made = BTreeSet::new();
    for run in join_all((0..WORLDS).map(|_| run(&next, SEQUENCES))).await {
        made.extend(run.unwrap_or_else(|difference| panic!("{difference}")));
    }

    let missing: Vec<&&str> = moves::KINDS
        .iter()
        .filter(|kind| !made.contains(**kind))
        .collect();
    assert!(
        missing.is_empty(),
        "moves that were never made: {missing:?}"
    );
}

/// A comparison that cannot fail proves nothing: each check that the model leaves out is missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_is_left_out_is_seen() {
    let seen = join_all(Planted::ALL.map(|planted| async move {
        let mut world = World::new().await;
        for seed in 0..PATIENCE {
            if world.compare(seed, MOVES, Some(planted)).await.is_err() {
                return true;
            }
        }
        false
    }))
    .await;

    let unseen: Vec<_> = Planted::ALL
        .iter()
        .zip(seen)
        .filter(|(_, seen)| !seen)
        .collect();
    assert!(
        unseen.is_empty(),
        "not seen in {PATIENCE} sequences: {unseen:?}"
    );
}

/// For a seed that a failure named.
#[tokio::test]
async fn only_this_seed() {
    let made = World::new().await.compare(7, MOVES, None).await;

    assert!(made.is_ok(), "{made:?}");
}
