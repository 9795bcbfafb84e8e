//! Jobs in flight, drawn at random: a rewind to where a job stands is none, one to where it stood asks
//! under new keys and ends, a move to an equal version changes nothing, and whatever is removed is named.

use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;
use windlass_workflows::machine::command::Command;
use windlass_workflows::machine::event::{Event, EventKind};
use windlass_workflows::machine::flight::{Mapping, migrate, rewind};
use windlass_workflows::machine::{Applied, Execution, JobFacts};

use crate::again::policy;
use crate::batches::batch;
use crate::flight::step;
use crate::random::{Draw, Task, happen, task, written};
use crate::rig::{Rig, facts, program};

/// Things that happen to one job before it must have ended.
const MOVES_MAX: usize = 1_000;

/// A job to which these things have happened, so far.
fn driven(document: &str, script: &[u8]) -> Rig {
    let has_policy = script.len() % 2 == 1;
    let facts = JobFacts {
        batch: Some(batch(Some(3))),
        retry: has_policy.then(|| Arc::new(policy(2, false))),
        ..facts(r#"{"n":1}"#)
    };
    let mut rig = Rig::new(program(document), facts, false);
    rig.start();
    for (draw, number) in script.iter().copied().zip(1..) {
        if rig.outcome.is_none() {
            happen(&mut rig, draw, number);
        }
    }
    rig
}

/// Goes on until the job has ended.
fn end(rig: &mut Rig, script: &[u8], from: i64) {
    rig.compares_every = 25;
    let answers = script.iter().copied().chain(std::iter::repeat(2));
    for (draw, number) in answers.zip(from..).take(MOVES_MAX) {
        if rig.outcome.is_some() {
            return;
        }
        happen(rig, draw, number);
    }
    panic!("it does not end: {:?}", rig.execution.view());
}

fn keys(commands: &[Command]) -> HashSet<String> {
    let keys = commands.iter().filter_map(|command| match command {
        Command::Perform(perform) => Some(perform.key.clone()),
        _ => None,
    });
    keys.collect()
}

/// Tasks of a list, with all inside.
fn count(tasks: &[Task]) -> usize {
    let of = |task: &Task| {
        1 + match &task.draw {
            Draw::Do(inner)
            | Draw::For(_, inner)
            | Draw::Scope(_, inner)
            | Draw::Listen(_, Some(inner)) => count(inner),
            // A fork without branches is written with one.
            Draw::Fork(_, inner) => count(inner).max(1),
            Draw::Try(_, body, handler) => count(body) + handler.as_deref().map_or(0, count),
            _ => 0,
        }
    };
    tasks.iter().map(of).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn a_rewind_to_where_a_job_stands_is_none_and_one_to_where_it_stood_is_a_new_way_to_an_end(
        tasks in prop::collection::vec(task(), 1..4),
        script in prop::collection::vec(any::<u8>(), 0..20),
        more in prop::collection::vec(any::<u8>(), 0..20),
        pick in any::<prop::sample::Index>(),
    ) {
        let document = format!("do: {}\n", written(&tasks, 0));
        let mut rig = driven(&document, &script);
        if rig.execution.view().status == "Closing" || rig.outcome.is_some() {
            return Ok(());
        }
        let last = rig.entries.len() as i32;
        let mut back = Vec::new();
        for view in rig.execution.view().steps {
            let Ok(found) = rewind(&rig.history(), &step(&view.path, view.visit)) else {
                continue;
            };
            prop_assert!(found.seq <= last);
            if found.seq == last && last > 0 {
                let before = format!("{:?}{:?}", rig.execution.view(), rig.execution.pending());
                prop_assert_eq!(rig.change(found.change), Applied::Late);
                let after = format!("{:?}{:?}", rig.execution.view(), rig.execution.pending());
                prop_assert_eq!(before, after);
                prop_assert_eq!(rig.entries.len() as i32, last, "nothing is written");
            } else {
                back.push(found.change);
            }
        }
        if back.is_empty() {
            return Ok(());
        }
        let open = keys(&rig.execution.pending());
        let asked = rig.asked.join("\n");
        rig.change(pick.get(&back).clone());
        for key in keys(&rig.execution.pending()).difference(&open) {
            prop_assert!(!asked.contains(&format!("key: \"{key}\"")), "{key} was asked before");
        }
        end(&mut rig, &more, 100);
    }

    #[test]
    fn a_move_to_an_equal_version_changes_nothing(
        tasks in prop::collection::vec(task(), 1..4),
        script in prop::collection::vec(any::<u8>(), 0..20),
        more in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let document = format!("do: {}\n", written(&tasks, 0));
        let (mut stays, mut moves) = (driven(&document, &script), driven(&document, &script));
        if stays.outcome.is_some() || stays.execution.view().status == "Closing" || stays.entries.is_empty() {
            return Ok(());
        }
        let to = program(&document);
        let found = migrate(&moves.execution, &to, &Mapping::default()).expect("a sound mapping");
        prop_assert!(found.removed.is_empty());
        moves.change(found.change.expect("all of it is there"));
        let head = moves.heads.last().cloned().expect("a move writes a head");
        moves.execution = Execution::load(to.clone(), moves.facts.clone(), Some(head.clone()), vec![])
            .expect("it can be read");
        moves.program = to;
        moves.compares_every = usize::MAX;

        // It is what it would be, had it begun there: the same folds to the same, value for value.
        let began = Execution::load(stays.program.clone(), stays.facts.clone(), None, stays.entries.clone());
        let mut began = began.expect("it can be read");
        for job in [&moves.execution, &began] {
            prop_assert_eq!(job.view(), stays.execution.view());
            prop_assert_eq!(format!("{:?}", job.pending()), format!("{:?}", stays.execution.pending()));
            prop_assert_eq!(job.interests(), stays.execution.interests());
        }
        let (due, now) = (began.next_due(), stays.now);
        prop_assert_eq!(moves.execution.next_due(), due);
        let mut moved = Execution::load(moves.program.clone(), moves.facts.clone(), Some(head), vec![])
            .expect("it can be read");
        let at = due.unwrap_or(now).max(now);
        let fired = [&mut began, &mut moved].map(|job| job.apply(Event { at, kind: EventKind::Due }));
        prop_assert_eq!(&fired[0], &fired[1]);
        end(&mut stays, &more, 100);
        end(&mut moves, &more, 100);
        prop_assert_eq!(stays.outcome, moves.outcome);
        prop_assert_eq!(stays.asked, moves.asked);
        prop_assert_eq!(stays.rows, moves.rows);
    }

    #[test]
    fn a_preview_names_every_task_that_is_removed_and_no_other(
        tasks in prop::collection::vec(task(), 2..5),
        script in prop::collection::vec(any::<u8>(), 0..10),
    ) {
        let rig = driven(&format!("do: {}\n", written(&tasks, 0)), &script);
        let (gone, rest) = tasks.split_last().expect("some tasks");
        let to = program(&format!("do: {}\n", written(rest, 0)));

        let found = migrate(&rig.execution, &to, &Mapping::default()).expect("a sound mapping");

        let place = format!("/do/{}/", rest.len());
        prop_assert!(found.removed.iter().all(|path| path.starts_with(&place)), "{:?}", found.removed);
        prop_assert_eq!(found.removed.len(), count(std::slice::from_ref(gone)));
        let stands = rig.execution.view().steps.iter().any(|step| step.path.starts_with(&place));
        prop_assert!(found.change.is_err() || !stands);
    }
}
