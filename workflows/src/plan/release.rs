//! How many jobs may be let go, what holds the others back, and how far a batch has come.

use std::fmt::{self, Display};

use chrono::{DateTime, TimeDelta, Utc};

use super::hours;
use super::stage::{Course, Stage, stage};
use crate::calendar::Blackout;
use crate::configuration::Rules;

/// A helping of a rate is worth a pass: no less than such a part of a second's.
const HELPINGS: f64 = 4.0;

/// Room for releases: what the window leaves, and no more than the rate's tokens. A window that was
/// lowered takes nothing back.
pub fn room(window: u64, released: u64, settled: u64, tokens: Option<u64>) -> u64 {
    let unsettled = released.saturating_sub(settled);
    let left = window.saturating_sub(unsettled);
    tokens.map_or(left, |tokens| left.min(tokens))
}

/// What a rate has left, and when that was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Releases; a part of one is kept.
    pub tokens: f64,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a rate has left now: one second's worth at most, and room for one at least. It begins full.
pub fn filled(rate: f64, bucket: Option<Bucket>, now: DateTime<Utc>) -> f64 {
    let most = rate.max(1.0);
    let Some(bucket) = bucket else {
        return most;
    };
    let seconds = seconds(now - bucket.at).max(0.0);
    (bucket.tokens + rate * seconds).clamp(0.0, most)
}

fn seconds(length: TimeDelta) -> f64 {
    length.as_seconds_f64()
}

/// What a batch is to be let go by.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// So many released and unsettled jobs at most.
    pub window: u64,
    /// What its rate had left.
    pub bucket: Option<Bucket>,
    /// Now, on the clock that schedules go by.
    pub now: DateTime<Utc>,
    /// The blackout that this lies in.
    pub blackout: Option<&'a Blackout>,
}

/// What may be let go.
#[derive(Clone, Debug, PartialEq)]
pub struct Allowed {
    /// So many jobs.
    pub room: u64,
    /// Releases that its stages have let through.
    pub staged: u64,
    /// What its rate has left before that; nothing where it has none.
    pub tokens: Option<f64>,
    /// What keeps it from more.
    pub hold: Option<Hold>,
}

/// What holds jobs of a batch back.
#[derive(Clone, Debug, PartialEq)]
pub enum Hold {
    /// Too few of a stage were good; a person decides.
    CanaryFailed {
        /// Completed.
        good: u64,
        /// Completed, or bad.
        judged: u64,
    },
    /// A stage says nothing; a person decides.
    CanaryInconclusive,
    /// The jobs of a stage have not all settled.
    Stage(u64),
    /// It is outside of its hours.
    Hours(Option<DateTime<Utc>>),
    /// It lies in a blackout.
    Blackout {
        /// In people's words.
        reason: String,
        /// Until then.
        until: DateTime<Utc>,
    },
    /// Its rate.
    Rate,
    /// Its window.
    Window,
}

impl Hold {
    /// Its word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Hold::CanaryFailed { .. } => "canary_failed",
            Hold::CanaryInconclusive => "canary_inconclusive",
            Hold::Stage(_) => "stage",
            Hold::Hours(_) => "hours",
            Hold::Blackout { .. } => "blackout",
            Hold::Rate => "rate",
            Hold::Window => "window",
        }
    }

    /// Its word where it lets nothing go, however few jobs are under way.
    pub fn stops(&self) -> Option<&'static str> {
        let is_pace = matches!(self, Hold::Rate | Hold::Window);
        (!is_pace).then(|| self.as_str())
    }

    /// Whether a person must decide.
    pub fn is_halt(&self) -> bool {
        matches!(self, Hold::CanaryFailed { .. } | Hold::CanaryInconclusive)
    }

    /// When it ends by itself, where that is known.
    pub fn until(&self) -> Option<DateTime<Utc>> {
        match self {
            Hold::Hours(until) => *until,
            Hold::Blackout { until, .. } => Some(*until),
            _ => None,
        }
    }
}

impl Display for Hold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hold::CanaryFailed { good, judged } => {
                write!(formatter, "{good} of {judged} jobs of its stage completed")
            }
            Hold::CanaryInconclusive => {
                write!(formatter, "no job of its stage completed or went wrong")
            }
            Hold::Stage(of) => write!(formatter, "the first {of} jobs have not all settled"),
            Hold::Hours(_) => write!(formatter, "it is outside of its hours"),
            Hold::Blackout { reason, .. } => write!(formatter, "blackout: {reason}"),
            Hold::Rate => write!(formatter, "its rate"),
            Hold::Window => write!(formatter, "its window is full"),
        }
    }
}

/// What a batch may let go now.
pub fn allowed(rules: &Rules, course: &Course, moment: &Moment<'_>) -> Allowed {
    let passed = match stage(rules.canary.as_ref(), course) {
        Stage::Passed(staged) => staged.max(course.staged),
        _ => course.staged,
    };
    let course = Course {
        staged: passed,
        ..*course
    };
    let tokens = rules
        .rate
        .map(|rate| filled(rate, moment.bucket, moment.now));
    let upto = staged(rules, &course).and_then(|upto| open(rules, moment).map(|()| upto));
    let (room, hold) = match upto {
        Ok(upto) => paced(rules, &course, moment, (upto, tokens)),
        Err(hold) => (0, Some(hold)),
    };
    Allowed {
        room,
        staged: passed,
        tokens,
        hold,
    }
}

/// So many may have been released by the stages of a batch.
fn staged(rules: &Rules, course: &Course) -> Result<u64, Hold> {
    match stage(rules.canary.as_ref(), course) {
        Stage::Over => Ok(u64::MAX),
        Stage::Upto(upto) => Ok(upto),
        // What was passed is let through already.
        Stage::Waits(of) | Stage::Passed(of) => Err(Hold::Stage(of)),
        Stage::Failed { good, judged, .. } => Err(Hold::CanaryFailed { good, judged }),
        Stage::Inconclusive(_) => Err(Hold::CanaryInconclusive),
    }
}

fn open(rules: &Rules, moment: &Moment<'_>) -> Result<(), Hold> {
    if let Some(dark) = moment.blackout {
        return Err(Hold::Blackout {
            reason: dark.reason.clone(),
            until: dark.to,
        });
    }
    match hours::is_open(&rules.hours, rules.zone, moment.now) {
        true => Ok(()),
        false => Err(Hold::Hours(hours::opens(
            &rules.hours,
            rules.zone,
            moment.now,
        ))),
    }
}

/// What window, rate and stage leave, and what of the first two is used up.
fn paced(
    rules: &Rules,
    course: &Course,
    moment: &Moment<'_>,
    (upto, tokens): (u64, Option<f64>),
) -> (u64, Option<Hold>) {
    let left = upto.saturating_sub(course.released);
    let by_window = room(moment.window, course.released, course.settled, None);
    let helping = rules
        .rate
        .zip(tokens)
        .map(|(rate, tokens)| helping(rate, tokens));
    let room = by_window.min(left);
    match helping {
        Some(helping) if helping < room => (helping, Some(Hold::Rate)),
        _ => (room, (by_window == 0).then_some(Hold::Window)),
    }
}

/// Whole releases that a rate has left, when they are worth a pass.
fn helping(rate: f64, tokens: f64) -> u64 {
    let least = (rate / HELPINGS).clamp(1.0, rate.max(1.0));
    match tokens.floor() >= least.floor() {
        // At most a second's worth of the largest rate, which a whole number holds.
        true => tokens.floor() as u64,
        false => 0,
    }
}

/// Progress in percent with one decimal, rounded down: 100 only at the end. Of a combined job with
/// chunks, count members instead of jobs, those of finished chunks as done.
pub fn progress_percent(jobs: u64, open: u64) -> f64 {
    if jobs == 0 {
        return 100.0;
    }
    let done = u128::from(jobs.saturating_sub(open));
    let thousandths = done * 1_000 / u128::from(jobs);
    // At most 1,000, which a float holds exactly.
    thousandths as f64 / 10.0
}
