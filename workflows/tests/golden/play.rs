//! Making a run again from what was done to the machine, and telling all that it gave.
//!
//! A recording is lines of a word and its text: `begun`, `told` and `restarted` are what was done;
//! `entry`, `head`, `row`, `end`, `left`, `late`, `refused` and `outcome` what came of it.

use std::fmt::Write as _;
use std::sync::Arc;

use windlass_workflows::machine::command::Command;
use windlass_workflows::machine::event::Event;
use windlass_workflows::machine::turn::{End, Entry, Head, Turn};
use windlass_workflows::machine::{Applied, Execution, JobFacts};
use windlass_workflows::program::{Bundle, Program};

use crate::{codec, given};

/// What is done to the machine.
#[derive(Clone)]
pub enum Move {
    Begun(Bundle, Box<JobFacts>),
    Told(Event),
    Restarted,
}

/// One run.
#[derive(Clone)]
pub struct Script {
    pub name: String,
    pub moves: Vec<Move>,
}

/// A run and the memory that was recorded of it.
pub struct Kept {
    pub script: Script,
    pub entries: Vec<Entry>,
    pub heads: Vec<Head>,
}

struct Player<'a> {
    /// The state is folded from here after every turn.
    kept: Option<&'a Kept>,
    job: Option<(Arc<Program>, JobFacts)>,
    execution: Option<Execution>,
    entries: Vec<Entry>,
    head: Option<Head>,
    out: String,
}

/// A recording of the run.
pub fn play(script: &Script, kept: Option<&Kept>) -> String {
    let mut player = Player {
        kept,
        job: None,
        execution: None,
        entries: Vec::new(),
        head: None,
        out: String::new(),
    };
    player.line("#", &script.name);
    for one in &script.moves {
        player.make(one);
    }
    player.out
}

impl Player<'_> {
    fn line(&mut self, word: &str, text: &str) {
        let _ = writeln!(self.out, "{}", format!("{word} {text}").trim_end());
    }

    fn make(&mut self, one: &Move) {
        match one {
            Move::Begun(bundle, facts) => {
                let told = codec::begun(bundle, facts);
                self.line("begun", &told);
                let program = Arc::new(Program::build(bundle).expect("it builds for ever"));
                self.execution = Some(Execution::new(program.clone(), (**facts).clone()));
                self.job = Some((program, (**facts).clone()));
            }
            Move::Told(event) => {
                self.line("told", &codec::told(event));
                self.tell(event.clone());
            }
            Move::Restarted => {
                self.line("restarted", "");
                self.fold();
                let pending = self.running().pending();
                self.left(&pending);
            }
        }
    }

    fn running(&mut self) -> &mut Execution {
        self.execution.as_mut().expect("the job has begun")
    }

    fn tell(&mut self, event: Event) {
        match self.running().apply(event) {
            Ok(Applied::Late) => self.line("late", ""),
            Ok(Applied::Done | Applied::More) => {}
            Err(refusal) => self.line("refused", &refusal.to_string()),
        }
        while let Some(turn) = self.running().seal() {
            self.turn(&turn);
            let commands = self.running().settle(turn);
            self.left(&commands);
        }
    }

    fn turn(&mut self, turn: &Turn) {
        if let Some(entry) = &turn.entry {
            let told = codec::entry(entry);
            self.line("entry", &told);
            self.entries.push(entry.clone());
        }
        if let Some(head) = &turn.head {
            let told = codec::head(head);
            self.line("head", &told);
            self.head = Some(head.clone());
        }
        for row in &turn.rows {
            let told = given::row(row).to_json();
            self.line("row", &told);
        }
        match &turn.end {
            None => {}
            Some(End::Outcome(outcome)) => {
                let told = given::outcome(outcome).to_json();
                self.line("outcome", &told);
            }
            Some(other) => self.line("end", &format!("{other:?}")),
        }
        if self.kept.is_some() && turn.entry.is_some() && turn.end.is_none() {
            self.fold_after(turn);
        }
    }

    /// The state is dropped where its turn is durable, and its commands are asked for again.
    fn fold_after(&mut self, turn: &Turn) {
        let commands = self.running().settle(turn.clone());
        self.left(&commands);
        self.fold();
    }

    /// Folds the newest head and what follows: what was recorded, where there is a recording.
    fn fold(&mut self) {
        let last = self.entries.last().map_or(0, |entry| entry.seq);
        let (heads, entries) = match self.kept {
            Some(kept) => (kept.heads.as_slice(), kept.entries.as_slice()),
            None => (self.head.as_slice(), self.entries.as_slice()),
        };
        let head = heads.iter().rfind(|head| head.seq <= last).cloned();
        let from = head.as_ref().map_or(0, |head| head.seq);
        let after = entries
            .iter()
            .filter(|entry| entry.seq > from && entry.seq <= last);
        let (program, facts) = self.job.clone().expect("the job has begun");
        let loaded = Execution::load(program, facts, head, after.cloned().collect());
        self.execution = Some(loaded.expect("what was recorded can be read"));
    }

    fn left(&mut self, commands: &[Command]) {
        for command in commands {
            let told = given::command(command).to_json();
            self.line("left", &told);
        }
    }
}

/// Runs of a file, with what was recorded of them.
pub fn read(text: &str) -> Vec<Kept> {
    let mut found: Vec<Kept> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (word, told) = line.split_once(' ').unwrap_or((line, ""));
        if word == "#" {
            let script = Script {
                name: told.to_owned(),
                moves: Vec::new(),
            };
            found.push(Kept {
                script,
                entries: Vec::new(),
                heads: Vec::new(),
            });
            continue;
        }
        let kept = found.last_mut().expect("a file begins with a name");
        match word {
            "begun" => {
                let (bundle, facts) = codec::read_begun(told);
                kept.script.moves.push(Move::Begun(bundle, Box::new(facts)));
            }
            "told" => kept.script.moves.push(Move::Told(codec::read_told(told))),
            "restarted" => kept.script.moves.push(Move::Restarted),
            "entry" => kept.entries.push(codec::read_entry(told)),
            "head" => kept.heads.push(codec::read_head(told)),
            _ => {}
        }
    }
    found
}
