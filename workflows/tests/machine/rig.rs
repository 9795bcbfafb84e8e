//! The harness: publishes a document, drives it with scripted answers and a hand-moved clock, and
//! after every turn holds the job beside what its journal folds to.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use windlass_workflows::catalogue::{Ability, Catalogue};
use windlass_workflows::check;
use windlass_workflows::machine::command::{Call, Command, HttpRequest, Perform};
use windlass_workflows::machine::event::{Activity, Event, EventKind};
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::machine::row::Row;
use windlass_workflows::machine::turn::{End, Entry, Head, Outcome, OutcomeKind};
use windlass_workflows::machine::{Applied, Execution, JobFacts, Refusal};
use windlass_workflows::program::{Bundle, Program};
use windlass_workflows::value::Value;

const HEADER: &str = "document: { dsl: '1.0.3', namespace: test, name: test, version: 1.0.0 }\n";

/// One job under test.
pub struct Rig {
    pub program: Arc<Program>,
    pub facts: JobFacts,
    pub execution: Execution,
    pub now: DateTime<Utc>,
    pub entries: Vec<Entry>,
    pub heads: Vec<Head>,
    /// Every command that left, as text.
    pub asked: Vec<String>,
    /// What its turns wrote beside their entries.
    pub rows: Vec<Row>,
    pub outcome: Option<Outcome>,
    /// How it left for a person, the last time.
    pub parked: Option<End>,
    /// After each turn the state is dropped and folded from the journal.
    crashes: bool,
    /// Seals after each slice, not only when the job stands.
    pub seals_slices: bool,
    /// Compares with the journal after every turn, or after so many.
    pub compares_every: usize,
}

/// Drives a document twice, the second time crashing after every turn; both must end alike.
pub fn drive(document: &str, input: &str, script: impl Fn(&mut Rig)) -> Rig {
    drive_as(document, facts(input), script)
}

pub fn drive_as(document: &str, facts: JobFacts, script: impl Fn(&mut Rig)) -> Rig {
    let program = program(document);
    let mut steady = Rig::new(program.clone(), facts.clone(), false);
    script(&mut steady);
    let mut crashing = Rig::new(program, facts, true);
    script(&mut crashing);
    assert_eq!(
        crashing.outcome, steady.outcome,
        "crashes change no outcome"
    );
    assert_eq!(crashing.asked, steady.asked, "crashes ask for nothing else");
    assert_eq!(crashing.rows, steady.rows, "crashes write nothing else");
    steady
}

/// Starts a document that needs nobody, and gives its output.
pub fn output(document: &str, input: &str) -> String {
    drive(document, input, Rig::start).result(OutcomeKind::Completed)
}

/// Starts a document that needs nobody and fails, and gives its error.
pub fn error(document: &str, input: &str) -> Value {
    drive(document, input, Rig::start).error()
}

pub fn program(document: &str) -> Arc<Program> {
    let document = match document.contains("dsl:") {
        true => document.to_owned(),
        false => format!("{HEADER}{document}"),
    };
    let catalogue = catalogue();
    let template =
        check::publish(&document, &catalogue).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let stored = Bundle::new(template.document).to_json();
    let bundle = Bundle::from_json(&stored).expect("a bundle");
    Arc::new(Program::build(&bundle).expect("what was published builds"))
}

/// Everything that the machine can do.
pub fn catalogue() -> Catalogue {
    let able = Ability::ALL.into_iter();
    let catalogue = able.fold(Catalogue::builtin(), Catalogue::able);
    let names = [
        "echo",
        "map",
        "batch",
        "context-save",
        "undo-it",
        "verify-it",
    ];
    names.into_iter().fold(catalogue, |catalogue, name| {
        catalogue
            .with(name, "1.0.0", &Value::from(true))
            .expect("a schema")
    })
}

pub fn facts(input: &str) -> JobFacts {
    JobFacts {
        id: 7,
        nonce: 0x5eed,
        input: Value::parse(input).expect("the input is JSON"),
        created_at: start(),
        tenant: "acme".into(),
        ..JobFacts::default()
    }
}

pub fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 9, 0, 0).unwrap()
}

pub fn json(text: &str) -> Value {
    Value::parse(text).expect("JSON")
}

pub fn communication(status: u16) -> Fault {
    Fault::standard("communication", status, format!("answered {status}"))
}

impl Rig {
    pub fn new(program: Arc<Program>, facts: JobFacts, crashes: bool) -> Rig {
        Rig {
            execution: Execution::new(program.clone(), facts.clone()),
            program,
            facts,
            now: start(),
            entries: Vec::new(),
            heads: Vec::new(),
            asked: Vec::new(),
            rows: Vec::new(),
            outcome: None,
            parked: None,
            crashes,
            seals_slices: false,
            compares_every: 1,
        }
    }

    pub fn start(&mut self) {
        self.tell(EventKind::Started {
            attempt: 0,
            losses: 0,
        });
    }

    /// One event, as the driver would apply it; then its turn.
    pub fn tell(&mut self, kind: EventKind) -> Applied {
        self.try_tell(kind).expect("the event is legal")
    }

    pub fn try_tell(&mut self, kind: EventKind) -> Result<Applied, Refusal> {
        let applied = self.execution.apply(Event { at: self.now, kind })?;
        let mut going = applied;
        while going == Applied::More {
            if self.seals_slices {
                self.flush();
            }
            going = self.execution.apply(Event {
                at: self.now,
                kind: EventKind::Continued,
            })?;
        }
        self.flush();
        Ok(applied)
    }

    fn flush(&mut self) {
        while let Some(turn) = self.execution.seal() {
            let is_remembered = turn.entry.is_some();
            self.entries.extend(turn.entry.clone());
            self.heads.extend(turn.head.clone());
            if let Some(End::Outcome(outcome)) = turn.end.clone() {
                assert!(self.outcome.is_none(), "a job has one outcome");
                self.outcome = Some(outcome);
            } else if turn.end.is_some() {
                self.parked = turn.end.clone();
            }
            self.rows.extend(turn.rows.clone());
            let left = self.execution.settle(turn);
            self.asked
                .extend(left.iter().map(|command| format!("{command:?}")));
            if is_remembered {
                if self.entries.len().is_multiple_of(self.compares_every) {
                    self.compare();
                }
            } else if self.crashes && self.outcome.is_none() {
                self.begin_again();
            }
        }
    }

    /// A person lets the parked job go on: it is loaded again.
    pub fn go_on(&mut self) {
        self.parked = None;
        self.execution = self.reloaded(None, self.entries.clone());
        self.tell(EventKind::Due);
    }

    /// The worker dies; the next one has what the journal says.
    pub fn crash(&mut self) {
        self.execution = self.reloaded(None, self.entries.clone());
    }

    /// The journal folds to what stands here, from its first entry and from its newest head.
    fn compare(&mut self) {
        let whole = self.reloaded(None, self.entries.clone());
        let head = self.heads.last().cloned();
        let later = self
            .entries
            .iter()
            .filter(|entry| head.as_ref().is_none_or(|head| entry.seq > head.seq));
        let newest = self.reloaded(head.clone(), later.cloned().collect());
        for folded in [&whole, &newest] {
            assert_eq!(
                format!("{:?}", folded.pending()),
                format!("{:?}", self.execution.pending())
            );
            assert_eq!(folded.next_due(), self.execution.next_due());
            assert_eq!(folded.interests(), self.execution.interests());
            assert_eq!(folded.view(), self.execution.view());
        }
        if self.crashes {
            self.execution = newest;
        }
    }

    fn reloaded(&self, head: Option<Head>, entries: Vec<Entry>) -> Execution {
        Execution::load(self.program.clone(), self.facts.clone(), head, entries)
            .expect("the journal can be read")
    }

    /// A job without a journal begins again from its row and asks for the same.
    fn begin_again(&mut self) {
        let before = bare(&self.execution.pending());
        let mut again = Execution::new(self.program.clone(), self.facts.clone());
        let started = EventKind::Started {
            attempt: 0,
            losses: 1,
        };
        again
            .apply(Event {
                at: self.now,
                kind: started,
            })
            .expect("it begins");
        let turn = again.seal().expect("it began");
        assert!(turn.entry.is_none() && turn.end.is_none());
        again.settle(turn);
        assert_eq!(bare(&again.pending()), before);
        self.execution = again;
    }

    pub fn after(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
    }

    /// Moves the clock to the next timer and fires it.
    pub fn fire(&mut self) {
        self.now = self
            .execution
            .next_due()
            .expect("a timer is set")
            .max(self.now);
        self.tell(EventKind::Due);
    }

    /// Seconds until the next timer.
    pub fn due_in(&self) -> f64 {
        let due = self.execution.next_due().expect("a timer is set");
        (due - self.now).num_milliseconds() as f64 / 1000.0
    }

    pub fn performs(&self) -> Vec<Perform> {
        let performs = self
            .execution
            .pending()
            .into_iter()
            .filter_map(|command| match command {
                Command::Perform(perform) => Some(perform),
                _ => None,
            });
        performs.collect()
    }

    /// The one open step.
    pub fn open(&self) -> Perform {
        let mut performs = self.performs();
        assert_eq!(
            performs.len(),
            1,
            "one step is open: {:?}",
            self.execution.view()
        );
        performs.remove(0)
    }

    /// What the open step was given.
    pub fn given(&self) -> String {
        match self.open().call {
            Call::Function { input, .. } => input.to_json(),
            Call::Http(request) => panic!("a function was expected: {request:?}"),
        }
    }

    pub fn request(&self) -> HttpRequest {
        match self.open().call {
            Call::Http(request) => request,
            Call::Function { input, .. } => panic!("a request was expected: {input}"),
        }
    }

    pub fn answer(&mut self, output: &str) -> Applied {
        let activity = self.open().activity;
        self.tell(EventKind::Succeeded {
            activity,
            output: json(output),
        })
    }

    /// Answers the first step of a job that closes: it is not pending any more, but still runs.
    pub fn answer_stopping(&mut self, output: &str) -> Applied {
        self.tell(EventKind::Succeeded {
            activity: Activity(1),
            output: json(output),
        })
    }

    pub fn refuse(&mut self, fault: Fault) -> Applied {
        let activity = self.open().activity;
        self.tell(EventKind::Failed {
            activity,
            fault,
            again_after: None,
        })
    }

    pub fn refuse_until(&mut self, fault: Fault, seconds: u64) -> Applied {
        let (activity, again_after) = (self.open().activity, Some(Duration::from_secs(seconds)));
        self.tell(EventKind::Failed {
            activity,
            fault,
            again_after,
        })
    }

    pub fn cancel(&mut self) -> Applied {
        self.tell(EventKind::Cancel {
            who: "ann".into(),
            why: "enough".into(),
        })
    }

    pub fn ended(&self) -> &Outcome {
        self.outcome
            .as_ref()
            .unwrap_or_else(|| panic!("the job has ended: {:?}", self.execution.view()))
    }

    pub fn result(&self, kind: OutcomeKind) -> String {
        let outcome = self.ended();
        assert_eq!(outcome.kind, kind, "{outcome:?}");
        outcome.result.clone().unwrap_or_default()
    }

    pub fn output(&self) -> String {
        self.result(OutcomeKind::Completed)
    }

    pub fn error(&self) -> Value {
        json(&self.result(OutcomeKind::Failed))
    }
}

/// Commands without their deadlines, which begin anew with a claim.
fn bare(commands: &[Command]) -> Vec<String> {
    let bare = commands.iter().map(|command| match command {
        Command::Perform(perform) => format!(
            "{:?}",
            Perform {
                due: None,
                ..perform.clone()
            }
        ),
        other => format!("{other:?}"),
    });
    bare.collect()
}
