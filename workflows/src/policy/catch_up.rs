//! What becomes of slots that are found due: fired, late, skipped or missed.
//!
//! A slot within `grace` is fired. Of the older ones `catch_up` decides; a pause beats downtime, since
//! what a person stopped must not come back by itself.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::calendar::CatchUp;

/// A planned slot that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueSlot {
    /// Its name.
    pub at: DateTime<Utc>,
    /// When it was to be fired.
    pub fire_at: DateTime<Utc>,
}

/// The time in which a schedule was, or is, paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// First instant of the pause.
    pub since: DateTime<Utc>,
    /// First instant after it; none while it lasts.
    pub until: Option<DateTime<Utc>>,
}

impl Pause {
    pub(super) fn holds(&self, at: DateTime<Utc>) -> bool {
        self.since <= at && self.until.is_none_or(|until| at < until)
    }
}

/// What becomes of a due slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It runs, in time.
    Fired,
    /// It runs, late.
    Late {
        /// Not before this instant, by the pace of `catch_up: all`.
        not_before: DateTime<Utc>,
    },
    /// It lay in a pause.
    Paused,
    /// It does not run.
    Missed(Missed),
}

/// Why a slot does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// A newer one is due.
    Superseded,
    /// `catch_up: none`.
    CatchUpNone,
    /// Older than `within`.
    TooOld,
    /// Beyond `max`.
    OverLimit,
}

impl Missed {
    /// Its word in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Missed::Superseded => "superseded",
            Missed::CatchUpNone => "catch_up_none",
            Missed::TooOld => "too_old",
            Missed::OverLimit => "over_limit",
        }
    }
}

/// Does a slot that starts now start late? Up to `grace` it does not.
pub fn is_late(fire_at: DateTime<Utc>, now: DateTime<Utc>, grace: Duration) -> bool {
    now - fire_at > TimeDelta::from_std(grace).unwrap_or(TimeDelta::MAX)
}

/// One verdict for each due slot. `due` is in order, oldest first, and holds no slot after `now`.
pub fn judge(
    due: &[DueSlot],
    pauses: &[Pause],
    now: DateTime<Utc>,
    grace: Duration,
    catch_up: CatchUp,
) -> Vec<Verdict> {
    let paused = |slot: &DueSlot| pauses.iter().any(|pause| pause.holds(slot.at));
    let mut verdicts: Vec<Verdict> = due
        .iter()
        .map(|slot| match is_late(slot.fire_at, now, grace) {
            _ if paused(slot) => Verdict::Paused,
            false => Verdict::Fired,
            true => Verdict::Missed(Missed::CatchUpNone),
        })
        .collect();
    let late = positions(&verdicts, |verdict| matches!(verdict, Verdict::Missed(_)));
    let in_time = verdicts.contains(&Verdict::Fired);
    for (position, verdict) in caught_up(due, &late, in_time, now, catch_up) {
        verdicts[position] = verdict;
    }
    verdicts
}

/// What `resume --catch-up` makes of the slots that lay in the pause; the others stay skipped.
pub fn resume(paused: &[DueSlot], now: DateTime<Utc>, catch_up: CatchUp) -> Vec<Verdict> {
    let all: Vec<usize> = (0..paused.len()).collect();
    caught_up(paused, &all, false, now, catch_up)
        .into_iter()
        .map(|(_, verdict)| match verdict {
            Verdict::Missed(_) => Verdict::Paused,
            verdict => verdict,
        })
        .collect()
}

/// The verdicts over late slots, by position.
fn caught_up(
    due: &[DueSlot],
    late: &[usize],
    in_time: bool,
    now: DateTime<Utc>,
    catch_up: CatchUp,
) -> Vec<(usize, Verdict)> {
    let each = |verdict: Verdict| late.iter().map(move |position| (*position, verdict));
    match catch_up {
        CatchUp::None => each(Verdict::Missed(Missed::CatchUpNone)).collect(),
        CatchUp::Latest => {
            let mut verdicts: Vec<_> = each(Verdict::Missed(Missed::Superseded)).collect();
            if let Some(newest) = verdicts.last_mut().filter(|_| !in_time) {
                newest.1 = Verdict::Late { not_before: now };
            }
            verdicts
        }
        CatchUp::All { max, within, pace } => all(due, late, now, Limits { max, within, pace }),
    }
}

struct Limits {
    max: u32,
    within: Duration,
    pace: Duration,
}

fn all(
    due: &[DueSlot],
    late: &[usize],
    now: DateTime<Utc>,
    limits: Limits,
) -> Vec<(usize, Verdict)> {
    let within = TimeDelta::from_std(limits.within).unwrap_or(TimeDelta::MAX);
    let is_old = |position: &usize| now - due[*position].at >= within;
    let (old, young): (Vec<usize>, Vec<usize>) = late.iter().partition(|place| is_old(place));
    let beyond = young.len().saturating_sub(limits.max as usize);
    let missed = |places: &[usize], why| -> Vec<(usize, Verdict)> {
        places
            .iter()
            .map(|place| (*place, Verdict::Missed(why)))
            .collect()
    };
    let mut verdicts = missed(&old, Missed::TooOld);
    verdicts.extend(missed(&young[..beyond], Missed::OverLimit));
    let starts = (0u32..).map(|step| {
        let wait = TimeDelta::from_std(limits.pace.saturating_mul(step));
        now + wait.unwrap_or(TimeDelta::zero())
    });
    let late = young[beyond..].iter().zip(starts);
    verdicts.extend(late.map(|(place, not_before)| (*place, Verdict::Late { not_before })));
    verdicts
}

fn positions(verdicts: &[Verdict], wanted: impl Fn(&Verdict) -> bool) -> Vec<usize> {
    let places = verdicts
        .iter()
        .enumerate()
        .filter(|(_, verdict)| wanted(verdict));
    places.map(|(place, _)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Daily, Rule, Schedule, slots};

    const GRACE: Duration = Duration::from_secs(300);

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-{text}Z").parse().unwrap()
    }

    /// `daily at 09:00 UTC` after the 18th, as the vectors have it.
    fn due(now: DateTime<Utc>) -> Vec<DueSlot> {
        let nine = chrono::NaiveTime::from_hms_opt(9, 0, 0).unwrap();
        let schedule = Schedule::new(Rule::Daily(Daily { at: vec![nine] }));
        let until = now + TimeDelta::nanoseconds(1);
        slots(&schedule, None, at("18T10:00:00"), until)
            .into_iter()
            .map(|slot| DueSlot {
                at: slot.at,
                fire_at: slot.fire_at,
            })
            .collect()
    }

    fn words(verdicts: &[Verdict]) -> Vec<&'static str> {
        let word = |verdict: &Verdict| match verdict {
            Verdict::Fired => "fired",
            Verdict::Late { .. } => "late",
            Verdict::Paused => "paused",
            Verdict::Missed(why) => why.as_str(),
        };
        verdicts.iter().map(word).collect()
    }

    fn judged(now: &str, catch_up: CatchUp) -> Vec<&'static str> {
        words(&judge(&due(at(now)), &[], at(now), GRACE, catch_up))
    }

    fn all(max: u32, within_hours: u64) -> CatchUp {
        CatchUp::All {
            max,
            within: Duration::from_secs(within_hours * 3_600),
            pace: Duration::ZERO,
        }
    }

    #[test]
    fn downtime_of_three_days_is_judged_by_catch_up() {
        let now = "21T10:00:00";
        assert_eq!(
            judged(now, CatchUp::Latest),
            ["superseded", "superseded", "late"]
        );
        assert_eq!(judged(now, CatchUp::None), ["catch_up_none"; 3]);
        assert_eq!(judged(now, CatchUp::ALL), ["late"; 3]);
        assert_eq!(judged(now, all(2, 168)), ["over_limit", "late", "late"]);
        assert_eq!(judged(now, all(100, 36)), ["too_old", "late", "late"]);
    }

    #[test]
    fn lateness_up_to_grace_is_none() {
        let latest = judged("21T09:03:00", CatchUp::Latest);
        assert_eq!(latest, ["superseded", "superseded", "fired"]);
        let exactly = judged("21T09:05:00", CatchUp::None);
        assert_eq!(exactly, ["catch_up_none", "catch_up_none", "fired"]);
        let beyond = judged("21T09:05:01", CatchUp::None);
        assert_eq!(beyond, ["catch_up_none"; 3]);
    }

    #[test]
    fn a_pause_beats_downtime_and_ends_at_its_end() {
        let now = at("21T09:00:00");
        let mut pause = Pause {
            since: at("18T10:00:00"),
            until: Some(at("21T09:00:00")),
        };
        let ended = judge(&due(now), &[pause], now, GRACE, CatchUp::Latest);
        assert_eq!(words(&ended), ["paused", "paused", "fired"]);

        pause.until = Some(at("21T10:00:00"));
        let now = at("21T10:00:00");
        let resumed = judge(&due(now), &[pause], now, GRACE, CatchUp::ALL);
        assert_eq!(words(&resumed), ["paused"; 3]);
    }

    #[test]
    fn resume_with_catch_up_turns_the_newest_late() {
        let now = at("21T10:00:00");
        let verdicts = resume(&due(now), now, CatchUp::Latest);
        assert_eq!(words(&verdicts), ["paused", "paused", "late"]);
    }

    #[test]
    fn pace_keeps_late_slots_apart() {
        let now = at("21T10:00:00");
        let pace = Duration::from_secs(600);
        let catch_up = CatchUp::All {
            max: 100,
            within: Duration::from_secs(604_800),
            pace,
        };

        let verdicts = judge(&due(now), &[], now, GRACE, catch_up);

        let starts = (0..3).map(|step| Verdict::Late {
            not_before: now + TimeDelta::minutes(10 * step),
        });
        assert!(verdicts.into_iter().eq(starts));
    }
}
