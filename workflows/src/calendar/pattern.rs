//! Cron patterns in their two dialects: Unix (`croner`) and Quartz (`cron`).
//!
//! No field is parsed here. Both crates are iterated on the wall clock and never see a zone, because
//! each has a daylight rule of its own; ours is in `daylight`.

use std::str::FromStr;

use chrono::{NaiveDateTime, TimeDelta, Timelike};
use croner::{Cron, Direction, parser::CronParser};

use super::rule::Window;

/// Characters that make a second, minute or hour field repeat.
const REPEATING: [char; 3] = ['*', '/', '-'];

/// A cron pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    text: String,
    dialect: Dialect,
    below_a_day: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Dialect {
    Unix(Box<Cron>),
    Quartz(Box<cron::Schedule>),
}

/// Why a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternProblem {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl PatternProblem {
    fn new(message: impl Into<String>, hint: Option<&str>) -> PatternProblem {
        PatternProblem {
            message: message.into(),
            hint: hint.map(str::to_owned),
        }
    }
}

impl Pattern {
    /// Reads the Unix dialect: 5 fields, or 6 with seconds first; Monday is 1, Sunday 0 or 7; day of
    /// month *or* weekday, `+` for both; `L`, `LW`, `15W`, `1#2`.
    ///
    /// # Errors
    /// Anything else, above all what belongs to Quartz.
    pub fn unix(text: &str) -> Result<Pattern, PatternProblem> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if text.contains('?') || fields.len() == 7 {
            let message = "`?` and a seventh field belong to the Quartz dialect";
            return Err(PatternProblem::new(
                message,
                Some("write `quartz:` instead of `cron:`"),
            ));
        }
        if !matches!(fields.len(), 5 | 6) {
            let message = format!(
                "a cron pattern has 5 or 6 fields, this one has {}",
                fields.len()
            );
            let hint = "minute hour day month weekday, such as `0 6 * * 1`";
            return Err(PatternProblem::new(message, Some(hint)));
        }
        let cron = CronParser::new()
            .parse(text)
            .map_err(|fault| PatternProblem::new(format!("`{text}`: {fault}"), None))?;
        Ok(Pattern {
            text: fields.join(" "),
            dialect: Dialect::Unix(Box::new(cron)),
            below_a_day: repeats(&fields[..fields.len() - 3]),
        })
    }

    /// Reads the Quartz dialect: 6 or 7 fields, seconds first, year last; Sunday is 1; day of month
    /// *and* weekday must match.
    ///
    /// # Errors
    /// Anything else, above all `L`, `W` and `#`.
    pub fn quartz(text: &str) -> Result<Pattern, PatternProblem> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if !matches!(fields.len(), 6 | 7) {
            let message = format!(
                "a Quartz pattern has 6 or 7 fields, this one has {}",
                fields.len()
            );
            let hint = "seconds come first; write `cron:` for a Unix pattern";
            return Err(PatternProblem::new(message, Some(hint)));
        }
        let schedule = cron::Schedule::from_str(text).map_err(|fault| {
            let special = fields[3].contains(['L', 'W']) || fields[5].contains(['L', '#']);
            let hint = special.then_some("`L`, `W` and `#` are understood by `cron:` only");
            PatternProblem::new(format!("`{text}`: {fault}"), hint)
        })?;
        Ok(Pattern {
            text: fields.join(" "),
            dialect: Dialect::Quartz(Box::new(schedule)),
            below_a_day: repeats(&fields[..3]),
        })
    }

    /// The pattern as it was written, single-spaced.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Is it of the Quartz dialect?
    pub fn is_quartz(&self) -> bool {
        matches!(self.dialect, Dialect::Quartz(_))
    }

    /// Does its second, minute or hour repeat?
    pub fn is_below_a_day(&self) -> bool {
        self.below_a_day
    }

    /// The first nominal time at or after `from`, on the wall clock; none when it never comes.
    pub fn first_from(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let from = from.with_nanosecond(0).unwrap_or(from);
        match &self.dialect {
            Dialect::Unix(cron) => cron.iter_from(from, Direction::Forward).next(),
            Dialect::Quartz(schedule) => {
                let before = (from - TimeDelta::seconds(1)).and_utc();
                schedule.after(&before).next().map(|at| at.naive_utc())
            }
        }
    }

    pub(super) fn walls(&self, window: Window) -> Vec<NaiveDateTime> {
        let from = window.from.with_nanosecond(0).unwrap_or(window.from);
        match &self.dialect {
            Dialect::Unix(cron) => cron
                .iter_from(from, Direction::Forward)
                .take_while(|wall| *wall < window.until)
                .collect(),
            // The instants of UTC stand for local times here.
            Dialect::Quartz(schedule) => schedule
                .after(&(from - TimeDelta::seconds(1)).and_utc())
                .map(|at| at.naive_utc())
                .take_while(|wall| *wall < window.until)
                .collect(),
        }
    }
}

fn repeats(fields: &[&str]) -> bool {
    fields.iter().any(|field| field.contains(REPEATING))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn the_two_dialects_agree_where_they_mean_the_same() {
        let pairs = [
            ("0 9 * * 1", "0 0 9 ? * 2"),
            ("*/15 6-22 * * 1-5", "0 */15 6-22 ? * 2-6"),
            ("30 2,14 1 1,7 *", "0 30 2,14 1 1,7 ?"),
            ("10 0 9 * * *", "10 0 9 * * ?"),
            ("0 0 29 2 *", "0 0 0 29 2 ?"),
        ];
        let day = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap().into();
        let window = Window {
            from: day(2026),
            until: day(2029),
        };

        for (unix, quartz) in pairs {
            let unix = Pattern::unix(unix).unwrap().walls(window);
            let quartz = Pattern::quartz(quartz).unwrap().walls(window);
            assert!(!unix.is_empty());
            assert_eq!(unix, quartz);
        }
    }

    #[test]
    fn what_belongs_to_the_other_dialect_is_refused_with_its_name() {
        for text in ["0 0 9 ? * 1", "0 0 9 1 1 * 2028"] {
            let problem = Pattern::unix(text).unwrap_err();
            assert!(problem.hint.unwrap().contains("quartz"), "{text}");
        }
        for text in ["0 9 * * 1", "0 0 9 L * ?", "0 0 9 ? * 2#1"] {
            let problem = Pattern::quartz(text).unwrap_err();
            assert!(problem.hint.unwrap().contains("cron"), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "@daily", "61 * * * *", "0 9 * *", "a b c d e"] {
            assert!(Pattern::unix(text).is_err(), "{text}");
            assert!(Pattern::quartz(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_repeating_clock_fields_make_a_pattern_below_a_day() {
        assert!(Pattern::unix("*/15 2 * * *").unwrap().is_below_a_day());
        assert!(Pattern::unix("0 6-22 * * *").unwrap().is_below_a_day());
        assert!(!Pattern::unix("30 2,14 * * 1-5").unwrap().is_below_a_day());
        assert!(
            !Pattern::quartz("0 30 5 ? * MON-FRI")
                .unwrap()
                .is_below_a_day()
        );
    }
}
