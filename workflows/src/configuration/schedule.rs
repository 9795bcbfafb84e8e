//! `schedule`: read into `calendar::Schedule`, where its meaning lives.

use super::spec::{Spec, bag, field, section};
use super::spot::{Fault, Spot};
use super::{length, time};
use crate::calendar::{
    Alerts, CatchUp, ClosedDay, Daily, Fold, Gap, Interval, Monthly, MonthlyDay, Overlap, Pattern,
    PatternProblem, Rule, Schedule, Weekly,
};

pub(super) const SPEC: Spec = Spec {
    fields: &[
        section("daily", &DAILY),
        section("weekly", &WEEKLY),
        section("monthly", &MONTHLY),
        section("interval", &INTERVAL),
        field("cron"),
        field("quartz"),
        field("zone").or("\"UTC\""),
        field("start"),
        field("end"),
        field("include").or("[]"),
        field("exclude").or("[]"),
        field("calendar"),
        field("closed_day").or("\"run\""),
        field("gap"),
        field("fold"),
        field("spread").or("\"0s\""),
        section("catch_up", &CATCH_UP),
        field("grace").or("\"5m\""),
        field("overlap").or("\"queue_one\""),
        bag("alerts", &ALERTS),
        field("enabled").or("true"),
    ],
    later: &[],
};

const ALERTS: Spec = Spec {
    fields: &[field("not_started_by"), field("not_finished_by")],
    later: &[],
};

const DAILY: Spec = Spec {
    fields: &[field("at")],
    later: &[],
};

const WEEKLY: Spec = Spec {
    fields: &[field("days"), field("at"), field("every").or("1")],
    later: &[],
};

const MONTHLY: Spec = Spec {
    fields: &[
        field("day"),
        field("nth"),
        field("weekday"),
        field("business_day"),
        field("months"),
        field("at"),
        field("clamp").or("true"),
    ],
    later: &[],
};

const INTERVAL: Spec = Spec {
    fields: &[field("every"), field("anchor")],
    later: &[],
};

const CATCH_UP: Spec = Spec {
    fields: &[section("all", &ALL)],
    later: &[],
};

const ALL: Spec = Spec {
    fields: &[
        field("max").or("100"),
        field("within").or("\"7d\""),
        field("pace").or("\"0s\""),
    ],
    later: &[],
};

/// So many times stand in one day.
const TIMES_MAX: usize = 96;

/// So many dates are included or excluded; a pattern of seconds is searched through all of them.
const DATES_MAX: usize = 366;

const CLOSED_DAYS: [(&str, ClosedDay); 4] = [
    ("run", ClosedDay::Run),
    ("skip", ClosedDay::Skip),
    ("previous_open", ClosedDay::PreviousOpen),
    ("next_open", ClosedDay::NextOpen),
];

const RULES: [&str; 6] = ["daily", "weekly", "monthly", "interval", "cron", "quartz"];

pub(super) fn read(spot: &Spot<'_>) -> Option<Schedule> {
    let section = spot.object()?;
    let rule = read_rule(section);
    let mut schedule = Schedule::new(rule?);
    read_times(section, &mut schedule)?;
    read_policies(section, &mut schedule)?;
    Some(schedule)
}

/// Puts what a key says where it belongs; an absent key leaves the default.
fn put<'a, T>(
    section: &Spot<'a>,
    key: &str,
    place: &mut T,
    read: impl Fn(&Spot<'a>) -> Option<T>,
) -> bool {
    let Some(spot) = section.get(key) else {
        return true;
    };
    let value = read(&spot);
    let is_read = value.is_some();
    if let Some(value) = value {
        *place = value;
    }
    is_read
}

fn read_times(section: &Spot<'_>, schedule: &mut Schedule) -> Option<()> {
    let dates = |spot: &Spot<'_>| list(spot, |one| one.parsed(time::local));
    let excepts = |spot: &Spot<'_>| list(spot, |one| one.parsed(time::except));
    let bound = |spot: &Spot<'_>| spot.parsed(time::bound).map(Some);
    let read = [
        put(section, "zone", &mut schedule.zone, |zone| {
            zone.parsed(time::zone)
        }),
        put(section, "start", &mut schedule.start, bound),
        put(section, "end", &mut schedule.end, bound),
        put(section, "include", &mut schedule.include, dates),
        put(section, "exclude", &mut schedule.exclude, excepts),
    ];
    if let (Some(start), Some(end)) = (schedule.starts_at(), schedule.ends_at())
        && start >= end
    {
        return section.refuse(Fault::new("`start` must lie before `end`"));
    }
    read.into_iter().all(|read| read).then_some(())
}

fn read_policies(section: &Spot<'_>, schedule: &mut Schedule) -> Option<()> {
    let gaps = [
        ("next", Gap::Next),
        ("shift", Gap::Shift),
        ("skip", Gap::Skip),
    ];
    let folds = [
        ("first", Fold::First),
        ("second", Fold::Second),
        ("both", Fold::Both),
    ];
    let length = |spot: &Spot<'_>| spot.parsed(length::parse);
    let name = |spot: &Spot<'_>| Some(Some(spot.name()?.to_owned()));
    let read = [
        put(section, "calendar", &mut schedule.calendar, name),
        put(section, "closed_day", &mut schedule.closed_day, |day| {
            day.choice(&CLOSED_DAYS)
        }),
        put(section, "gap", &mut schedule.gap, |gap| {
            gap.choice(&gaps).map(Some)
        }),
        put(section, "fold", &mut schedule.fold, |fold| {
            fold.choice(&folds).map(Some)
        }),
        put(section, "spread", &mut schedule.spread, length),
        put(section, "grace", &mut schedule.grace, length),
        put(section, "catch_up", &mut schedule.catch_up, read_catch_up),
        put(section, "overlap", &mut schedule.overlap, read_overlap),
        put(section, "alerts", &mut schedule.alerts, read_alerts),
        put(section, "enabled", &mut schedule.enabled, Spot::flag),
    ];
    check_closed_day(section, schedule)?;
    read.into_iter().all(|read| read).then_some(())
}

fn read_alerts(spot: &Spot<'_>) -> Option<Alerts> {
    let section = spot.object()?;
    let by = |spot: &Spot<'_>| spot.parsed(time::by).map(Some);
    let mut alerts = Alerts::default();
    let read = put(section, "not_started_by", &mut alerts.not_started_by, by)
        & put(section, "not_finished_by", &mut alerts.not_finished_by, by);
    read.then_some(alerts)
}

/// A closed day is one of a calendar, and no beat moves to another day.
fn check_closed_day(section: &Spot<'_>, schedule: &Schedule) -> Option<()> {
    let moves = !matches!(schedule.closed_day, ClosedDay::Run | ClosedDay::Skip);
    let Some(spot) = section.get("closed_day") else {
        return Some(());
    };
    let fault = match schedule.rule {
        _ if section.get("calendar").is_none() => {
            let fault = Fault::new("a rule for closed days needs `calendar`");
            fault.hint("a calendar without dates closes Saturdays and Sundays")
        }
        Rule::Interval(_) if moves => {
            let fault = Fault::new("an interval does not move to another day");
            fault.hint("`skip` or `run`")
        }
        _ => return Some(()),
    };
    spot.report("configuration.conflict", fault);
    None
}

fn list<'a, T>(spot: &Spot<'a>, one: impl Fn(&Spot<'a>) -> Option<T>) -> Option<Vec<T>> {
    match spot.tree.as_list() {
        Some([]) => Some(Vec::new()),
        _ => spot.each(DATES_MAX, one),
    }
}

fn read_overlap(spot: &Spot<'_>) -> Option<Overlap> {
    let words = [
        ("skip", Overlap::Skip),
        ("queue_one", Overlap::QueueOne),
        ("queue_all", Overlap::QueueAll),
        ("cancel_running", Overlap::CancelRunning),
        ("allow", Overlap::Allow),
    ];
    spot.choice(&words)
}

fn read_catch_up(spot: &Spot<'_>) -> Option<CatchUp> {
    if spot.tree.as_map().is_none() {
        return spot.choice(&[("none", CatchUp::None), ("latest", CatchUp::Latest)]);
    }
    let all = spot.need("all")?;
    let all = all.object()?;
    let CatchUp::All {
        mut max,
        mut within,
        mut pace,
    } = CatchUp::ALL
    else {
        return None;
    };
    let count = |spot: &Spot<'_>| u32::try_from(spot.integer(1, 10_000)?).ok();
    let length = |spot: &Spot<'_>| spot.parsed(length::parse);
    let read = [
        put(all, "max", &mut max, count),
        put(all, "within", &mut within, length),
        put(all, "pace", &mut pace, length),
    ];
    let is_read = read.into_iter().all(|read| read);
    is_read.then_some(CatchUp::All { max, within, pace })
}

fn read_rule(section: &Spot<'_>) -> Option<Rule> {
    let mut found = RULES
        .into_iter()
        .filter_map(|name| Some((name, section.get(name)?)));
    let (name, spot) = match (found.next(), found.next()) {
        (Some(rule), None) => rule,
        (None, _) => {
            let fault = Fault::new("a schedule needs a rule");
            return section.refuse(fault.hint(format!("one of {}", RULES.join(", "))));
        }
        (Some((first, _)), Some((second, _))) => {
            let fault = Fault::new(format!("`{first}` and `{second}` exclude each other"));
            return section.refuse(fault);
        }
    };
    match name {
        "daily" => read_daily(&spot).map(Rule::Daily),
        "weekly" => read_weekly(&spot).map(Rule::Weekly),
        "monthly" => read_monthly(&spot).map(Rule::Monthly),
        "interval" => read_interval(&spot).map(Rule::Interval),
        "cron" => read_pattern(&spot, Pattern::unix),
        _ => read_pattern(&spot, Pattern::quartz),
    }
}

fn read_pattern(
    spot: &Spot<'_>,
    read: impl Fn(&str) -> Result<Pattern, PatternProblem>,
) -> Option<Rule> {
    let fault = |problem: PatternProblem| Fault(problem.message, problem.hint);
    let pattern = spot.parsed(|text| read(text).map_err(fault))?;
    Some(Rule::Pattern(Box::new(pattern)))
}

fn read_at(section: &Spot<'_>) -> Option<Vec<chrono::NaiveTime>> {
    section
        .need("at")?
        .one_or_each(TIMES_MAX, |at| at.parsed(time::time))
}

fn read_daily(spot: &Spot<'_>) -> Option<Daily> {
    let at = read_at(spot.object()?)?;
    Some(Daily { at })
}

fn read_weekly(spot: &Spot<'_>) -> Option<Weekly> {
    let rule = spot.object()?;
    let at = read_at(rule);
    let days = rule
        .need("days")
        .and_then(|days| days.each(time::DAYS.len(), |day| day.choice(&time::DAYS)));
    let mut every = 1;
    let weeks = |spot: &Spot<'_>| u32::try_from(spot.integer(1, 52)?).ok();
    let is_read = put(rule, "every", &mut every, weeks);
    Some(Weekly {
        days: days?,
        at: at?,
        every: is_read.then_some(every)?,
    })
}

fn read_monthly(spot: &Spot<'_>) -> Option<Monthly> {
    let rule = spot.object()?;
    let at = read_at(rule);
    let day = read_day(rule);
    let (mut months, mut clamp) = (Vec::new(), true);
    let month = |spot: &Spot<'_>| u32::try_from(spot.integer(1, 12)?).ok();
    let read = put(rule, "months", &mut months, |months| months.each(12, month))
        & put(rule, "clamp", &mut clamp, Spot::flag);
    Some(Monthly {
        day: day?,
        months,
        at: at?,
        clamp: read.then_some(clamp)?,
    })
}

fn read_day(rule: &Spot<'_>) -> Option<MonthlyDay> {
    let nth = (rule.get("nth"), rule.get("weekday"));
    match (rule.get("day"), nth, rule.get("business_day")) {
        (Some(day), (None, None), None) if day.tree.as_str() == Some("last") => {
            Some(MonthlyDay::Last)
        }
        (Some(day), (None, None), None) => {
            Some(MonthlyDay::Day(u32::try_from(day.integer(1, 31)?).ok()?))
        }
        (None, (Some(nth), Some(weekday)), None) => {
            let place = nonzero(&nth, -1, 5);
            let weekday = weekday.choice(&time::DAYS);
            Some(MonthlyDay::Nth(place?, weekday?))
        }
        (None, (None, None), Some(day)) => Some(MonthlyDay::BusinessDay(nonzero(&day, -23, 23)?)),
        _ => {
            let message =
                "exactly one of `day`, `nth` with `weekday`, and `business_day` is needed";
            rule.refuse(Fault::new(message))
        }
    }
}

fn nonzero(spot: &Spot<'_>, least: i64, most: i64) -> Option<i32> {
    match spot.integer(least, most)? {
        0 => spot.refuse(Fault::new("0 counts from neither end")),
        place => i32::try_from(place).ok(),
    }
}

fn read_interval(spot: &Spot<'_>) -> Option<Interval> {
    let (every, anchor) = match spot.tree.as_map() {
        None => (spot.clone(), None),
        Some(_) => (spot.need("every")?, spot.get("anchor")),
    };
    let length = every.parsed(length::parse)?;
    if length.as_secs() == 0 || length.subsec_nanos() != 0 {
        return every.refuse(Fault::new(
            "an interval is a whole number of seconds, at least one",
        ));
    }
    let anchor = match anchor {
        Some(anchor) => Some(anchor.parsed(time::instant)?),
        None => None,
    };
    Some(Interval {
        every: length,
        anchor,
    })
}
