//! Plays one story: once to count its points, then once for each point and kind of fault.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle};
use tokio::time::sleep;
use windlass_engine::Error;
use windlass_engine::store::hook::{self, Moment};

use crate::fault::{Count, Fault, Kind};
use crate::stage::{Stage, Story};
use crate::{judge, settle};

/// What a dropped caller left running, and connections on their way back, are done by then.
const QUIET_WITHIN: Duration = Duration::from_secs(20);

/// Looks at the number of tasks before a play, a millisecond each.
const PATIENCE: usize = 50;

/// Passings of one statement in one story that are points of their own.
const TIMES_MAX: usize = 2;

/// What came of a story.
#[derive(Default)]
pub struct Played {
    /// Points of its one undisturbed play.
    pub points: usize,
    /// How often it was played with a fault.
    pub cases: usize,
    /// What these plays left, where it was not the same; each was brought to its end and judged.
    pub ends: usize,
    /// Faults that struck, by kind.
    pub kinds: BTreeMap<&'static str, usize>,
    /// Statements that it passes.
    pub statements: BTreeSet<String>,
    /// How long that took.
    pub took: Duration,
    /// What was wrong.
    pub complaints: Vec<String>,
}

/// Plays a story on a runtime of its own: when nothing of it is left running can be seen there.
pub fn story(story: &Story) -> Played {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(play(story))
}

async fn play(story: &Story) -> Played {
    let mut stage = Stage::new().await;
    (story.set)(&stage).await.expect("a beginning");
    stage.keep().await;
    stage.tell_apart().await;
    let mut played = Played::default();
    let began = Instant::now();

    let count = Arc::new(Count::default());
    let installed = hook::install(stage.bench.database.url(), count.clone());
    let idle = settled_tasks().await;
    let outcome = (story.act)(&stage).await;
    drop(installed);
    quiet(idle).await;
    let found = end(&mut stage, story, outcome, true).await;
    let passed = count.points();
    let points = points(&passed);
    played.points = points.len();
    played.statements = count.statements();
    played
        .complaints
        .extend(found.map(|said| format!("undisturbed: {said}")));

    // All of them once and without faults, to see what they pass: WINDLASS_UNDISTURBED=1.
    let is_calm = std::env::var_os("WINDLASS_UNDISTURBED").is_some();
    for at in points.into_iter().filter(|_| !is_calm) {
        let case = Case {
            story,
            passed: &passed,
            at,
            idle,
        };
        for kind in case.kinds() {
            case.play_all(&mut stage, kind, &mut played).await;
        }
    }
    played.ends = stage.ends.len();
    played.took = began.elapsed();
    played
}

/// Where to strike: a statement that is passed again and again is no other the third time.
fn points(passed: &[(Moment, String)]) -> Vec<usize> {
    let mut times: BTreeMap<&(Moment, String), usize> = BTreeMap::new();
    let mut points = Vec::new();
    for (at, point) in passed.iter().enumerate() {
        let times = times.entry(point).or_default();
        *times += 1;
        if *times <= TIMES_MAX {
            points.push(at);
        }
    }
    points
}

/// A story and a point of it.
struct Case<'a> {
    story: &'a Story,
    passed: &'a [(Moment, String)],
    at: usize,
    idle: usize,
}

impl Case<'_> {
    /// What can go wrong here. A caller who is dropped before a statement is the one who was dropped after the statement
    /// before it: nothing happened between the two.
    fn kinds(&self) -> impl Iterator<Item = Kind> {
        let moment = self.passed[self.at].0;
        let before = self.at.checked_sub(1).map(|before| self.passed[before].0);
        let is_known = (before, moment) == (Some(Moment::After), Moment::Before);
        let kinds = Kind::of(moment).iter().copied();
        kinds.filter(move |kind| !(is_known && *kind == Kind::Dropped))
    }

    /// Plays until every class of a kind was seen: as many as the caller meets in one play, then the rest.
    async fn play_all(&self, stage: &mut Stage, kind: Kind, played: &mut Played) {
        let mut next = Some(kind);
        while let Some(first) = next {
            stage.restore().await;
            let (struck, found) = self.play(stage, first).await;
            let (moment, statement) = &self.passed[self.at];
            let place = format!("{moment:?} {statement} ({})", self.at);
            let said = found.map(|said| format!("{place}, {struck:?}: {said}"));
            played.complaints.extend(said);
            played.cases += 1;
            for one in &struck {
                *played.kinds.entry(one.name()).or_default() += 1;
            }
            next = struck.last().and_then(|last| last.next());
        }
    }

    /// One play; the faults that struck, and what was wrong.
    async fn play(&self, stage: &mut Stage, first: Kind) -> (Vec<Kind>, Option<String>) {
        let mut struck = Vec::new();
        let mut next = Some(first);
        // A caller that lives does it again; one that is gone leaves it to the duties.
        loop {
            let (outcome, has_struck) = self.act(stage, next).await;
            struck.extend(next.filter(|_| has_struck));
            if struck.is_empty() {
                return (vec![first], Some("the point was not reached again".into()));
            }
            let Some(outcome) = outcome else {
                return (struck, end(stage, self.story, Ok(()), false).await);
            };
            if outcome.is_ok() || !has_struck {
                return (struck, end(stage, self.story, outcome, true).await);
            }
            next = next.and_then(Kind::next);
            stage.again = true;
        }
    }

    /// The act, with a fault or without; no outcome when its caller was dropped.
    async fn act(&self, stage: &Stage, kind: Option<Kind>) -> (Option<Result<(), Error>>, bool) {
        let Some(kind) = kind else {
            let outcome = (self.story.act)(stage).await;
            quiet(self.idle).await;
            return (Some(outcome), false);
        };
        let pool = stage.killer.clone();
        let fault = Arc::new(Fault::new(kind, self.passed, self.at, pool));
        let installed = hook::install(stage.bench.database.url(), fault.clone());
        let outcome = tokio::select! {
            outcome = (self.story.act)(stage) => Some(outcome),
            () = fault.reached.notified() => None,
        };
        fault.gone.notify_one();
        quiet(self.idle).await;
        drop(installed);
        (outcome, fault.has_struck())
    }
}

/// Lets everything come to its end and judges it, unless it is an end that was already judged.
async fn end(
    stage: &mut Stage,
    story: &Story,
    outcome: Result<(), Error>,
    done: bool,
) -> Option<String> {
    if let Err(error) = outcome {
        return Some(format!("could not be done: {error:?}"));
    }
    if let Some(said) = judge::left_behind(stage).await {
        return Some(said);
    }
    if !stage.ends.insert((stage.left().await, done)) {
        return None;
    }
    stage.run(story.meanwhile).await;
    settle::settle(stage).await;
    let expects: &[_] = if done { story.expects } else { &[] };
    judge::judge(stage, expects).await
}

/// How many tasks run for ever: what the pools keep, once the beginning is made.
async fn settled_tasks() -> usize {
    let mut least = tasks();
    for _ in 0..PATIENCE {
        sleep(Duration::from_millis(1)).await;
        least = least.min(tasks());
    }
    least
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Waits until no more tasks run than did before the play.
async fn quiet(idle: usize) {
    let since = Instant::now();
    while tasks() > idle {
        assert!(since.elapsed() < QUIET_WITHIN, "a task does not end");
        sleep(Duration::from_millis(1)).await;
    }
}
