//! The transition tables of the module documentation beside the functions that they describe.
//!
//! The tables are read out of the sources, so that neither can change without the other.

use std::collections::BTreeSet;

use windlass_workflows::machine::Illegal;
use windlass_workflows::machine::transition::Verdict;
use windlass_workflows::machine::transition::job::{self, JobEvent, JobState};
use windlass_workflows::machine::transition::step::{self, StepEvent, StepState};

/// Event words, then each state with its cells.
struct Table {
    events: Vec<String>,
    rows: Vec<(String, Vec<BTreeSet<String>>)>,
}

fn table(source: &str) -> Table {
    let lines = source.lines().filter_map(|line| line.strip_prefix("//! "));
    let text = lines.skip_while(|line| *line != "```text").skip(1);
    let mut rows = text.take_while(|line| *line != "```").map(cells);
    let head = rows.next().expect("a table has a head");
    let rows = rows.map(|row| {
        (
            row[0].clone(),
            row[1..].iter().map(|cell| words(cell)).collect(),
        )
    });
    Table {
        events: head[1..].to_vec(),
        rows: rows.collect(),
    }
}

fn cells(line: &str) -> Vec<String> {
    line.split('|').map(|cell| cell.trim().to_owned()).collect()
}

fn words(cell: &str) -> BTreeSet<String> {
    cell.split(',').map(|word| word.trim().to_owned()).collect()
}

fn word<S>(verdict: Result<Verdict<S>, Illegal>, name: impl Fn(S) -> &'static str) -> String {
    match verdict {
        Ok(Verdict::To(state)) => name(state).to_owned(),
        Ok(Verdict::Late) => "late".to_owned(),
        Err(_) => "X".to_owned(),
    }
}

fn agree(
    table: &Table,
    states: &[&str],
    events: &BTreeSet<&str>,
    next: impl Fn(&str, &str) -> BTreeSet<String>,
) {
    let written: Vec<&str> = table.rows.iter().map(|(state, _)| state.as_str()).collect();
    assert_eq!(
        written, states,
        "the table has every state once, in their order"
    );
    let named: BTreeSet<&str> = table.events.iter().map(String::as_str).collect();
    assert_eq!(&named, events, "the table has every event");
    for (state, cells) in &table.rows {
        assert_eq!(
            cells.len(),
            table.events.len(),
            "the row of {state} is whole"
        );
        for (event, cell) in table.events.iter().zip(cells) {
            assert_eq!(&next(state, event), cell, "{state} and {event}");
        }
    }
}

#[test]
fn jobs_change_as_their_table_says() {
    let table = table(include_str!("../src/machine/transition/job.rs"));
    let states = JobState::ALL.map(JobState::word);
    let events: BTreeSet<&str> = JobEvent::ALL.iter().map(|event| event.word()).collect();

    agree(&table, &states, &events, |state, event| {
        let state = JobState::named(state).expect("a state");
        let of_word = JobEvent::ALL
            .into_iter()
            .filter(|known| known.word() == event);
        of_word
            .map(|event| word(job::next(state, event), JobState::word))
            .collect()
    });
}

#[test]
fn steps_change_as_their_table_says() {
    let table = table(include_str!("../src/machine/transition/step.rs"));
    let states = StepState::ALL.map(StepState::word);
    let events: BTreeSet<&str> = StepEvent::ALL.iter().map(|event| event.word()).collect();

    agree(&table, &states, &events, |state, event| {
        let state = StepState::ALL
            .into_iter()
            .find(|known| known.word() == state)
            .expect("a state");
        let of_word = StepEvent::ALL
            .into_iter()
            .filter(|known| known.word() == event);
        of_word
            .map(|event| word(step::next(state, event), StepState::word))
            .collect()
    });
}

#[test]
fn what_is_illegal_says_what_met_what() {
    let illegal = job::next(JobState::New, JobEvent::Due).expect_err("the table has an X there");

    assert_eq!(illegal.to_string(), "a job that is New cannot take due");
}
