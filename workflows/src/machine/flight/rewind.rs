//! Going back to the state of the turn that opened a task, with the visits of now.
//!
//! A branch that stands where it stood then stays as it is: its step is not stopped, its child not closed,
//! its mail kept. All other branches end as if an error had left them, and what they stood at then is
//! entered again: new visits, so new keys, which no remote remembers; new deadlines; new children. Tasks
//! around that are still open keep their deadlines and all that completed inside to be undone.

use std::collections::HashSet;

use chrono::TimeDelta;
use serde::Serialize;

use super::history::{Found, is_undoing};
use super::{Change, History, StepId, What};
use crate::machine::Execution;
use crate::machine::state::{Branch, Doing, Frame, FrameKind, Move, State, Tries};
use crate::problem::Problem;
use crate::program::{NodeId, NodeKind, Program};

/// A place to go back to.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// The entry whose state it is; 0 for the job's beginning.
    seq: i32,
    state: State,
}

/// A rewind, and what it would do.
#[derive(Clone, Debug)]
pub struct Rewinding {
    /// To be applied as `EventKind::Changed`.
    pub change: Change,
    /// The entry whose state the job goes back to; 0 for its beginning.
    pub seq: i32,
    /// What has run since and runs again, in document order.
    pub again: Vec<Again>,
    /// Open steps that are stopped, by pointer.
    pub stops: Vec<String>,
}

/// A task that runs again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Again {
    /// JSON pointer.
    pub path: String,
    /// `call`, `run`, `emit` …
    pub kind: &'static str,
    /// How often it was entered since: so many effects may have happened.
    pub times: u32,
    /// It declares an effect: with the same key, whoever remembers it refuses it.
    pub has_effect: bool,
    /// It declares an undo, which is kept where the scope around it stays open.
    pub has_undo: bool,
}

/// A rewind to a task, with its preview. Back to where the job stands already it changes nothing.
///
/// # Errors
/// `flight.no_step`, `flight.not_reached` if no turn ended there, `flight.undoing` while undos run,
/// `flight.undone` if something that was done by then has been undone since, `flight.history` if the
/// journal cannot be read.
pub fn rewind(history: &History<'_>, to: &StepId) -> Result<Rewinding, Problem> {
    let Found {
        seq,
        state,
        undone,
        last: (last, now),
    } = history.find(to)?;
    if is_undoing(&state) || is_undoing(&now) {
        let message = "undos run; nobody knows how far they are until they have ended";
        return Err(Problem::new("flight.undoing", to.path.as_str(), message));
    }
    let kept = undos(&state).find(|done| undone.contains(done));
    if let Some((node, _)) = kept {
        let path = &history.program.node(node).pointer;
        let message = format!("`{path}` was done by then, and has been undone since");
        let problem = Problem::new("flight.undone", to.path.as_str(), message);
        return Err(problem.hint(format!("go back to `{path}` or before it")));
    }
    let point = Point { seq, state };
    let is_here = point.is_here(last);
    let again = if is_here {
        Vec::new()
    } else {
        again(history.program, &point.state, &now)
    };
    let stops = match is_here {
        true => Vec::new(),
        false => stops(history.program, &point.state, &now),
    };
    Ok(Rewinding {
        change: Change {
            expected: last,
            what: What::Rewound(Box::new(point)),
            by: None,
        },
        seq,
        again,
        stops,
    })
}

fn undos(state: &State) -> impl Iterator<Item = (NodeId, u32)> + '_ {
    let frames = state.branches.iter().flat_map(|branch| &branch.frames);
    let undos = frames.flat_map(|frame| &frame.undos);
    undos.map(|undo| (undo.node, undo.visit))
}

/// Tasks with a part outside that were entered since, and those at which the job stood then.
fn again(program: &Program, then: &State, now: &State) -> Vec<Again> {
    let mut visits = then.root.visits.clone();
    for top in reentered(then, now) {
        discount(&mut visits, top);
    }
    let nodes = program.nodes.iter().zip(visits).zip(&now.root.visits);
    let told = nodes.filter_map(|((node, then), now)| {
        let times = now.saturating_sub(then);
        let acts = matches!(
            node.kind,
            NodeKind::Call(_) | NodeKind::Chunks(_) | NodeKind::Run(_) | NodeKind::Emit(_)
        );
        (acts && times > 0).then(|| Again {
            path: node.pointer.to_string(),
            kind: node.kind.word(),
            times,
            has_effect: node.settings.effect.is_some(),
            has_undo: node.settings.undo.is_some(),
        })
    });
    told.collect()
}

fn stops(program: &Program, then: &State, now: &State) -> Vec<String> {
    let stay = |branch: &&Branch| {
        let old = then.branches.iter().find(|old| old.id == branch.id);
        old.is_some_and(|old| is_alike(old, branch))
    };
    let open = now.branches.iter().filter(|branch| branch.step().is_some());
    let stopped = open.filter(|branch| !stay(branch));
    let nodes = stopped.filter_map(Branch::top).map(|top| top.node);
    nodes
        .map(|node| program.node(node).pointer.to_string())
        .collect()
}

/// Tasks at which branches stood then, and that they enter again.
fn reentered<'s>(then: &'s State, now: &'s State) -> impl Iterator<Item = NodeId> + 's {
    let moves = then.branches.iter().filter(|old| {
        let new = of_id(now, old.id);
        !new.is_some_and(|new| is_alike(old, new)) && !listens_on(old, new)
    });
    moves.filter_map(Branch::stood_in)
}

fn of_id(state: &State, id: u32) -> Option<&Branch> {
    state.branches.iter().find(|branch| branch.id == id)
}

/// How many frames from below two branches share.
fn shared(old: &Branch, new: &Branch) -> usize {
    let is_same = |(old, new): &(&Frame, &Frame)| (old.node, old.visit) == (new.node, new.visit);
    let pairs = old.frames.iter().zip(&new.frames);
    pairs.take_while(is_same).count()
}

/// Whether a branch stands where it stood: at the same task for the same time, and at the same activity.
fn is_alike(old: &Branch, new: &Branch) -> bool {
    let whole = old.frames.len();
    let is_there = new.frames.len() == whole && shared(old, new) == whole;
    let activity = |branch: &Branch| branch.step().map(|step| step.activity);
    is_there
        && match (&old.doing, &new.doing) {
            (Doing::Step(_), Doing::Step(_)) => activity(old) == activity(new),
            (Doing::Sleep { until: old }, Doing::Sleep { until: new })
            | (Doing::Backoff { until: old }, Doing::Backoff { until: new }) => old == new,
            (Doing::Listening, Doing::Listening)
            | (Doing::Forked, Doing::Forked)
            | (Doing::Done, Doing::Done)
            | (Doing::Lost, Doing::Lost) => true,
            _ => false,
        }
}

/// A task that is entered again counts as not entered.
pub(super) fn discount(visits: &mut [u32], top: NodeId) {
    let count = &mut visits[top.index()];
    *count = count.saturating_sub(1);
}

/// Whether a branch stood at a listen that is still open, and is at the body of one of its events now: it
/// goes on with its events, and what it has taken stays taken.
fn listens_on(old: &Branch, new: Option<&Branch>) -> bool {
    let is_open = new.is_some_and(|new| shared(old, new) == old.frames.len());
    is_open && matches!(old.doing, Doing::Listening)
}

impl Point {
    /// The last turn opened the task: the job stands there.
    pub(super) const fn is_here(&self, last: i32) -> bool {
        self.seq == last
    }
}

impl Execution {
    /// Goes back; the walk that follows enters what is entered again.
    pub(super) fn go_back(&mut self, point: Point) {
        let then = point.state;
        let now = self.state.clone();
        self.leave_all_but(&then, &now);
        let late = self.state.root.at - then.root.at;
        let mut visits = then.root.visits.clone();
        for top in reentered(&then, &now) {
            discount(&mut visits, top);
        }
        let kept: HashSet<(NodeId, u32)> = undos(&self.state).collect();
        let branches = then.branches.into_iter().map(|mut old| {
            let new = of_id(&now, old.id);
            if let Some(new) = new.filter(|new| is_alike(&old, new)) {
                return new.clone();
            }
            let stays = of_id(&self.state, old.id).map_or(&[][..], |new| &new.frames);
            for (place, frame) in old.frames.iter_mut().enumerate() {
                match stays.get(place) {
                    Some(stay) => frame.stays_as(stay, late),
                    None => frame.begins_again(late, &kept),
                }
                frame.count_from(&visits, &now.root.visits);
            }
            if listens_on(&old, new) {
                old.doing = Doing::Moving(Move::Iterate);
            } else {
                old.enter_again();
            }
            old
        });
        let branches: Vec<Branch> = branches.collect();
        self.state.branches = branches;
        self.state.cursor = 0;
    }

    /// Ends what the job stands at, but for branches that stood there then, and leaves their tasks down to
    /// those that were open then: mail goes back, children close, undos go outward.
    fn leave_all_but(&mut self, then: &State, now: &State) {
        for place in (0..now.branches.len()).rev() {
            let new = &now.branches[place];
            let old = of_id(then, new.id);
            if old.is_some_and(|old| is_alike(old, new)) {
                continue;
            }
            self.state.cursor = place;
            self.unpark(new.id);
            self.stop_standing();
            let stays = old.map_or(0, |old| shared(old, new));
            while self.state.branch().frames.len() > stays {
                self.pop_frame();
            }
        }
        self.state
            .branches
            .retain(|branch| of_id(then, branch.id).is_some());
        self.state.cursor = 0;
    }
}

impl Frame {
    /// A task that is still open: its clocks go on, and what completed inside is still to be undone. Mail
    /// that its listen took since was taken for good.
    fn stays_as(&mut self, now: &Frame, late: TimeDelta) {
        (self.started, self.due) = (now.started, now.due);
        self.undos.clone_from(&now.undos);
        match (&mut self.kind, &now.kind) {
            (FrameKind::Try(old), FrameKind::Try(new)) => {
                (old.first, old.due) = (new.first, new.due);
            }
            // Its handler runs: the tries begin with now.
            (FrameKind::Try(old), _) => old.begin_again(late),
            (FrameKind::Listen(old), FrameKind::Listen(new)) => {
                old.taken.clone_from(&new.taken);
                old.keys = new.keys.clone();
                old.is_full = new.is_full;
            }
            _ => {}
        }
    }

    /// A task that is open again: its clocks begin with now. What an outer task keeps to be undone is its own.
    fn begins_again(&mut self, late: TimeDelta, kept: &HashSet<(NodeId, u32)>) {
        self.started += late;
        self.due = self.due.map(|due| due + late);
        self.undos
            .retain(|undo| !kept.contains(&(undo.node, undo.visit)));
        if let FrameKind::Try(tries) = &mut self.kind {
            tries.begin_again(late);
        }
    }

    /// A retry enters its tasks with the visits that they had in this try: as many more as there are now.
    fn count_from(&mut self, then: &[u32], now: &[u32]) {
        if let FrameKind::Try(tries) = &mut self.kind {
            for (node, visits) in &mut tries.visits {
                let inside = then[node.index()].saturating_sub(*visits);
                *visits = now[node.index()].saturating_sub(inside);
            }
        }
    }
}

impl Tries {
    pub(super) fn begin_again(&mut self, late: TimeDelta) {
        self.first += late;
        self.due = self.due.map(|due| due + late);
    }
}
