//! What becomes of the due slots of a schedule: catch-up judges, overlap admits, backfills take what room is left.

use chrono::{DateTime, Utc};
use windlass_workflows::calendar::{CatchUp, Schedule};
use windlass_workflows::policy::catch_up::{DueSlot, Pause, Verdict, is_late, judge};
use windlass_workflows::policy::overlap::{Admission, Candidate, admit};

use crate::store::slot_run::NotRun;

/// Reason of a planned slot that waits for the batch before it.
const WAITING: &str = "waiting: a batch of this configuration is open";
/// Reason of one that catch-up let through for later.
const PACED: &str = "late: it starts at the pace of its catch-up";

/// A due slot as the ledger has it.
pub(super) struct Due {
    pub slot: DueSlot,
    /// It was judged and waits.
    pub is_waiting: bool,
    /// When it may start, of one that catch-up let through.
    pub not_before: Option<DateTime<Utc>>,
    /// Who wants it backfilled.
    pub asked_by: Option<String>,
}

/// By what slots are judged.
pub(super) struct Sight<'a> {
    pub now: DateTime<Utc>,
    pub schedule: &'a Schedule,
    pub pauses: &'a [Pause],
    pub is_open: bool,
}

/// How a slot starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    InTime,
    Late,
    Backfilled,
}

/// What becomes of one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Not yet.
    Leave,
    Start(How),
    /// Behind what is open; with the instant that catch-up gave it.
    Wait(Option<DateTime<Utc>>),
    /// Catch-up lets it through, but not before this.
    Paced(DateTime<Utc>),
    Skip(&'static str),
    Miss(&'static str),
}

impl Decision {
    pub fn is_final(self) -> bool {
        matches!(self, Self::Start(_) | Self::Skip(_) | Self::Miss(_))
    }

    pub fn not_before(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Paced(at) | Self::Wait(Some(at)) => Some(at),
            _ => None,
        }
    }

    /// State and reason of a slot that does not run.
    pub fn not_run(self) -> Option<NotRun> {
        match self {
            Self::Skip(reason) => Some(("skipped", reason)),
            Self::Miss(reason) => Some(("missed", reason)),
            _ => None,
        }
    }

    /// State and reason in the ledger.
    pub fn told(self, due: &Due) -> (&'static str, Option<String>) {
        let said = |reason: &str| Some(reason.to_owned());
        match self {
            Self::Leave => ("planned", None),
            Self::Wait(_) => ("planned", said(WAITING)),
            Self::Paced(_) => ("planned", said(PACED)),
            Self::Skip(reason) => ("skipped", said(reason)),
            Self::Miss(reason) => ("missed", said(reason)),
            Self::Start(How::InTime) => ("fired", None),
            Self::Start(How::Late) => ("late", None),
            Self::Start(How::Backfilled) => {
                let who = due.asked_by.as_deref().unwrap_or_default();
                ("manual", Some(format!("backfilled by {who}")))
            }
        }
    }
}

/// One decision for each due slot, which are in order.
pub(super) fn decide(sight: Sight<'_>, due: &[Due]) -> Vec<Decision> {
    let (now, schedule) = (sight.now, sight.schedule);
    let is_fresh = |due: &&Due| !due.is_waiting && due.asked_by.is_none();
    let fresh: Vec<DueSlot> = due.iter().filter(is_fresh).map(|due| due.slot).collect();
    let (grace, catch_up) = (schedule.grace, schedule.catch_up);
    let mut verdicts = judge(&fresh, sight.pauses, now, grace, catch_up).into_iter();
    let mut decisions: Vec<Decision> = due
        .iter()
        .map(|due| match (&due.asked_by, due.not_before) {
            (Some(_), _) => Decision::Leave,
            (None, Some(at)) if at > now => Decision::Leave,
            // Waiting is not lateness: catch-up has had its say.
            (None, _) if due.is_waiting => match is_late(due.slot.fire_at, now, grace) {
                true => Decision::Start(How::Late),
                false => Decision::Start(How::InTime),
            },
            _ => verdicts
                .next()
                .map_or(Decision::Leave, |verdict| judged(verdict, now)),
        })
        .collect();
    let may_start = admitted(&sight, due, &mut decisions);
    let asked = due.iter().position(|due| due.asked_by.is_some());
    if let Some(place) = asked.filter(|_| may_start) {
        decisions[place] = Decision::Start(How::Backfilled);
    }
    decisions
}

/// Lets overlap say which of those start; whether a backfill may start beside them: nothing is open, and nothing else
/// wants to.
fn admitted(sight: &Sight<'_>, due: &[Due], decisions: &mut [Decision]) -> bool {
    let starting: Vec<usize> = (0..decisions.len())
        .filter(|place| matches!(decisions[*place], Decision::Start(_)))
        .collect();
    let is_all = matches!(sight.schedule.catch_up, CatchUp::All { .. });
    let asked_for = |place: usize| {
        let was_let_through = due[place].not_before.is_some();
        was_let_through
            || is_all && decisions[place] == Decision::Start(How::Late) && !due[place].is_waiting
    };
    let candidates: Vec<Candidate> = starting
        .iter()
        .map(|place| Candidate {
            is_asked_for: asked_for(*place),
        })
        .collect();
    let admissions = admit(sight.schedule.overlap, sight.is_open, &candidates);
    for ((place, candidate), admission) in starting.iter().zip(&candidates).zip(admissions) {
        match admission {
            Admission::Start => {}
            Admission::Wait => {
                let since = due[*place].not_before.unwrap_or(sight.now);
                decisions[*place] = Decision::Wait(candidate.is_asked_for.then_some(since));
            }
            Admission::Skip(why) => decisions[*place] = Decision::Skip(why.as_str()),
        }
    }
    !sight.is_open && starting.is_empty()
}

fn judged(verdict: Verdict, now: DateTime<Utc>) -> Decision {
    match verdict {
        Verdict::Fired => Decision::Start(How::InTime),
        Verdict::Late { not_before } if not_before <= now => Decision::Start(How::Late),
        Verdict::Late { not_before } => Decision::Paced(not_before),
        Verdict::Paused => Decision::Skip("paused"),
        Verdict::Missed(why) => Decision::Miss(why.as_str()),
    }
}
