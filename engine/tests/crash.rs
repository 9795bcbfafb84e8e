//! A crash between any two statements: each story is played once for every point that it passes and
//! every kind of fault there, then left to recover, then judged.
//!
//! The points are not listed anywhere: a first play counts them at the gate (`store/gate.rs`), which
//! every statement passes. A statement that writes and that no story passes fails the test.

#![allow(
    clippy::print_stdout,
    reason = "what is covered is for those who read the log"
)]

mod common;
#[path = "crash/digest.rs"]
mod digest;
#[path = "crash/fault.rs"]
mod fault;
#[path = "crash/judge.rs"]
mod judge;
#[path = "crash/play.rs"]
mod play;
#[path = "crash/settle.rs"]
mod settle;
#[path = "crash/stage.rs"]
mod stage;
#[path = "crash/stories/mod.rs"]
mod stories;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::thread;

use play::Played;
use stage::Story;
use windlass_engine::store::hook::Statement;

/// Stories under way at once: a play mostly waits for Postgres.
const LANES: usize = 4;

#[test]
fn whatever_fails_between_two_statements_recovers() {
    // One story alone, by a part of its name: WINDLASS_STORY='fire' cargo test --test crash.
    let only = std::env::var("WINDLASS_STORY").unwrap_or_default();
    let mut stories = stories::all();
    stories.retain(|story| story.name.contains(&only));
    let played = play_all(&stories);

    // What is wrong stands first: some see the head of a log and its tail.
    let complaints = complaints(&played);
    let (mut points, mut cases, mut ends) = (0, 0, 0);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut passed = BTreeSet::new();
    for (name, one) in &played {
        println!(
            "{name}: {} points, {} cases, {} ends, {:.1?}",
            one.points, one.cases, one.ends, one.took
        );
        points += one.points;
        cases += one.cases;
        ends += one.ends;
        for (kind, count) in &one.kinds {
            *kinds.entry(kind).or_default() += count;
        }
        passed.extend(one.statements.iter().cloned());
    }
    let (covered, missing) = coverage(&passed);
    println!("faults by kind: {kinds:?}");
    println!(
        "statements that write: {covered}/{} passed",
        covered + missing.len()
    );
    println!("crash points {points}/{points}, {cases} cases, {ends} ends");
    if only.is_empty() && !missing.is_empty() {
        println!("no story passes {missing:?}");
    }
    assert!(complaints.is_empty(), "\n{complaints}");
    assert!(
        !only.is_empty() || missing.is_empty(),
        "no story passes {missing:?}"
    );
}

/// Everything that was wrong, said at once and given back for the end.
fn complaints(played: &BTreeMap<&str, Played>) -> String {
    let said = played.iter().flat_map(|(name, one)| {
        let said = one.complaints.iter();
        said.map(move |said| format!("WRONG {name}: {said}\n"))
    });
    let said = said.collect();
    print!("{said}");
    said
}

/// Plays all stories, a few at once, each on a thread and a database of its own.
fn play_all(stories: &[Story]) -> BTreeMap<&'static str, Played> {
    let (next, played) = (Mutex::new(stories.iter()), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some(story) = take(&next) {
                    let one = play::story(story);
                    let mut played = played.lock().expect("no panic inside");
                    assert!(
                        played.insert(story.name, one).is_none(),
                        "two stories of one name"
                    );
                }
            });
        }
    });
    played.into_inner().expect("no panic inside")
}

fn take<'a>(next: &Mutex<impl Iterator<Item = &'a Story>>) -> Option<&'a Story> {
    next.lock().expect("no panic inside").next()
}

/// How many of the statements that write were passed, and which were not.
fn coverage(passed: &BTreeSet<String>) -> (usize, Vec<&'static str>) {
    let writing = Statement::all().iter().filter(|known| known.writes());
    let (covered, missing): (Vec<_>, Vec<_>) =
        writing.partition(|known| passed.contains(&known.name));
    let missing = missing.into_iter().map(|known| known.name.as_str());
    (covered.len(), missing.collect())
}
