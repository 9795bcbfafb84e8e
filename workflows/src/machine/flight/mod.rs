//! Jobs in flight: patch the context, rewind to a step, copy up to a step, move to another version.
//!
//! ```text
//!  patch, rewind, migrate ──▶ Change ──▶ preview for a person ──▶ apply(Changed) ──▶ turn as any other
//!  copy ──▶ a new Execution, whose first turn begins its own journal
//! ```
//!
//! All of it is pure: a change is made of a program and of what the journal says, and refused with every
//! reason at once, as `Problem`s of the family `flight`. It is for the entry that it was made of: a job
//! that has gone on refuses it as `moved_on`, so nobody gets more than the preview showed. Its turn is
//! written like any other, with a head, because what came before may no longer read: children close, mail
//! goes back, steps stop and begin in its own flush.
//!
//! | File | Story |
//! |---|---|
//! | `history`, `place` | where a job has been, and where it is |
//! | `rewind` | going back: what stays as it is, what begins again, under new keys |
//! | `copy` | a new job from a copied state, under a nonce of its own |
//! | `skip` | what a parked step gave, in a person's words |
//! | `migrate`, `counterpart` | another version: which task is which, and what cannot go on there |

mod copy;
mod counterpart;
mod history;
mod migrate;
mod place;
mod rewind;
mod skip;

pub use self::copy::{Copied, copy};
pub use self::counterpart::Mapping;
pub use self::history::History;
pub use self::migrate::{Migration, migrate};
pub use self::rewind::{Again, Rewinding, rewind};
pub use self::skip::{Skipping, skip};

use self::migrate::Passage;
use self::rewind::Point;
use super::journal::FOLD_CHANGED;
use super::state::{Branch, Doing, Move};
use super::transition::Verdict;
use super::{Applied, Execution, Refusal};
use crate::problem::Problem;
use crate::program::{NodeId, Program};
use crate::value::Value;

/// A task and which time it was entered: what a rewind goes back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepId {
    /// JSON pointer of the task.
    pub path: String,
    /// How often it was entered by then, from 1.
    pub visit: u32,
}

/// A change of a job in flight, for the entry that it was made of.
#[derive(Clone, Debug)]
pub struct Change {
    expected: i32,
    what: What,
    pub(super) by: Option<By>,
}

/// Who changes a job, as its journal tells people; what is empty is not told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct By {
    /// Who asked.
    pub who: String,
    /// In their words.
    pub why: String,
    /// In one line: back to which step, to which version.
    pub what: String,
}

#[derive(Clone, Debug)]
enum What {
    /// The context from now on.
    Patched(Value),
    Rewound(Box<Point>),
    Migrated(Passage),
    /// What the parked branch of that number gave.
    Skipped(u32, Value),
}

impl Change {
    /// The word in journals and on timelines.
    pub const fn word(&self) -> &'static str {
        match self.what {
            What::Patched(_) => "patched",
            What::Rewound(_) => "rewound",
            What::Migrated(_) => "migrated",
            What::Skipped(..) => "skipped",
        }
    }

    /// The same, with who makes it.
    pub fn by(self, by: By) -> Self {
        let by = Some(by);
        Self { by, ..self }
    }

    /// A job that undoes takes what ends its steps, and nothing else.
    pub(super) const fn is_result(&self) -> bool {
        matches!(self.what, What::Skipped(..))
    }

    /// The entry that it was made for: another one is refused.
    pub const fn expected(&self) -> i32 {
        self.expected
    }
}

/// A change of the context: `with` is merged into it as a merge patch (RFC 7396) says, so null removes a
/// key. Steps that are open keep what they were given.
///
/// # Errors
/// `flight.fork_open` while branches run, each with a context of its own; `flight.context` if `with` is no
/// object.
pub fn patch(job: &Execution, with: &Value) -> Result<Change, Vec<Problem>> {
    let mut problems = Vec::new();
    if job.state.branches.len() > 1 {
        let message = "the job stands in a fork, whose branches have contexts of their own";
        let problem = Problem::new("flight.fork_open", job.forked_at(), message);
        problems.push(problem.hint("wait until the fork has joined"));
    }
    if with.as_map().is_none() {
        let message = format!("a context is patched with an object, not {}", with.kind());
        problems.push(Problem::new("flight.context", "", message));
    }
    match problems.is_empty() {
        true => Ok(Change {
            expected: job.journal.seq,
            what: What::Patched(job.state.branch().context.value.patched(with)),
            by: None,
        }),
        false => Err(problems),
    }
}

impl Execution {
    /// Whether a change is for where the job stands, with nothing under way.
    pub(super) fn is_current(&self, change: &Change) -> Result<(), Refusal> {
        let actual = self.journal.seq;
        let is_under_way = self.changed || self.in_flight.is_some();
        if change.expected == actual && !is_under_way {
            return Ok(());
        }
        Err(Refusal::MovedOn {
            expected: change.expected,
            actual: actual + i32::from(self.changed),
        })
    }

    /// Makes a change that `is_current`.
    pub(super) fn change(&mut self, change: Change) -> Verdict<()> {
        match change.what {
            What::Patched(context) => {
                let context = self.state.hold(context);
                self.state.branches[0].context = context;
            }
            What::Rewound(point) => {
                if point.is_here(change.expected) {
                    return Verdict::Late;
                }
                self.go_back(*point);
            }
            What::Migrated(passage) => self.pass_over(passage),
            What::Skipped(branch, output) => {
                if !self.skip(branch, output) {
                    return Verdict::Late;
                }
            }
        }
        self.journal.is_changed = true;
        self.journal.format = self.journal.format.max(FOLD_CHANGED);
        Verdict::To(())
    }

    /// Whether the job could walk on.
    pub(super) fn going(&self) -> Applied {
        match self.state.moving() {
            Some(_) => Applied::More,
            None => Applied::Done,
        }
    }

    /// Where the outermost open fork stands.
    fn forked_at(&self) -> String {
        let top = self.state.branches[0].top();
        top.map_or_else(String::new, |frame| {
            self.program.node(frame.node).pointer.to_string()
        })
    }
}

impl Branch {
    /// The task at which it stands, if that can be entered again.
    fn stood_in(&self) -> Option<NodeId> {
        let top = self.top()?;
        let stands = match self.doing {
            Doing::Step(_) | Doing::Stopped(_) | Doing::Sleep { .. } | Doing::Listening => true,
            // A `try` that waits is entered again by itself.
            Doing::Backoff { .. } => top.is_made_again(),
            _ => false,
        };
        stands.then_some(top.node)
    }

    /// The task at which it stands is entered again, with the data that it was entered with.
    fn enter_again(&mut self) {
        if let Some(node) = self.stood_in()
            && let Some(frame) = self.frames.pop()
        {
            self.data = frame.raw;
            self.doing = Doing::Moving(Move::Enter(node));
        }
    }
}

/// The problem of a pointer that a program does not have.
fn unknown_step(program: &Program, to: &StepId) -> Problem {
    let message = format!("the template has no task at `{}`", to.path);
    let first = program.nodes.get(1).map(|node| node.pointer.clone());
    let problem = Problem::new("flight.no_step", to.path.as_str(), message);
    match first {
        Some(first) => problem.hint(format!(
            "tasks are named by their pointer, such as `{first}`"
        )),
        None => problem,
    }
}
