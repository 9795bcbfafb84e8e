//! A job whose turns are sealed and settled by hand: what comes between is the test's.

use chrono::{DateTime, TimeDelta, Utc};
use windlass_workflows::machine::command::Command;
use windlass_workflows::machine::event::{Activity, Event, EventKind};
use windlass_workflows::machine::turn::{Entry, Turn};
use windlass_workflows::machine::{Applied, Execution};

use crate::rig::{facts, json, program, start};

/// A job whose turns are sealed and settled by hand.
pub struct Hand {
    document: &'static str,
    pub execution: Execution,
    pub now: DateTime<Utc>,
    entries: Vec<Entry>,
}

impl Hand {
    /// Begun, and its first turn durable.
    pub fn begun(document: &'static str) -> Hand {
        let mut hand = Hand {
            document,
            execution: Execution::new(program(document), facts("{}")),
            now: start(),
            entries: Vec::new(),
        };
        hand.tell(EventKind::Started {
            attempt: 0,
            losses: 0,
        });
        hand.flush();
        hand
    }

    pub fn tell(&mut self, kind: EventKind) -> Applied {
        self.now += TimeDelta::seconds(1);
        let event = Event { at: self.now, kind };
        self.execution.apply(event).expect("the event is legal")
    }

    pub fn answer(&mut self, activity: u32, output: &str) -> Applied {
        self.tell(EventKind::Succeeded {
            activity: Activity(activity),
            output: json(output),
        })
    }

    pub fn cancel(&mut self) -> Applied {
        self.tell(EventKind::Cancel {
            who: "ann".into(),
            why: "enough".into(),
        })
    }

    pub fn mail(&mut self, id: i64) -> Applied {
        self.tell(EventKind::Mail {
            id,
            envelope: json(LETTER),
            arrived: self.now,
        })
    }

    pub fn seal(&mut self) -> Turn {
        self.execution.seal().expect("there is something to write")
    }

    /// The turn is durable; what left.
    pub fn settle(&mut self, turn: Turn) -> Vec<String> {
        self.entries.extend(turn.entry.clone());
        let left = self.execution.settle(turn);
        left.iter().map(word).collect()
    }

    pub fn flush(&mut self) -> Vec<String> {
        let turn = self.seal();
        self.settle(turn)
    }

    /// What another worker finds after this one's death.
    pub fn heir(&self) -> Hand {
        let (program, facts) = (program(self.document), facts("{}"));
        let loaded = Execution::load(program, facts, None, self.entries.clone());
        Hand {
            document: self.document,
            execution: loaded.expect("the journal can be read"),
            now: self.now,
            entries: self.entries.clone(),
        }
    }

    pub fn pending(&self) -> Vec<String> {
        self.execution.pending().iter().map(word).collect()
    }
}

pub const LETTER: &str = r#"{"type":"a","data":1}"#;

/// A command in a word: what it does, its activity and its key.
fn word(command: &Command) -> String {
    match command {
        Command::Perform(perform) => format!("perform {} {}", perform.activity.0, perform.key),
        Command::PerformChunk {
            activity, number, ..
        } => format!("chunk {} {number}", activity.0),
        Command::Stop { activity } => format!("stop {}", activity.0),
    }
}

pub fn seq(turn: &Turn) -> i32 {
    turn.entry.as_ref().map_or(0, |entry| entry.seq)
}
