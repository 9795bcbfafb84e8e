//! A job's steps as bars on one line of time, in the order in which they began.
//!
//! Each entry of the journal holds the tasks in which the job stood after it, until the next entry,
//! whose kind says what became of them. A job without a journal has its waiting and its run.
//!
//! A journal goes by the clock of timers, rows go by the database's. Where development moved the
//! former, the journal is moved back: by as much, or so that it ends with a job that is over.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;
use windlass_engine::store::{JobView, JournalEntry};

use super::page::Now;
use super::words::{depth, length};

/// Bars shorter than this, in percent, would not be seen.
const WIDTH_MIN: f64 = 0.4;
/// Rows of a timeline; a loop over a thousand items repeats its tasks in the same rows.
const ROWS_MAX: usize = 200;
/// Name of the row before the first entry; sorts before every pointer.
const BEFORE: &str = "";

/// One task, with the stretches of time that the job stood there.
pub(super) struct Row {
    /// JSON pointer of the task, or a name of our own.
    pub task: String,
    pub name: String,
    /// As its template names it.
    pub stage: Option<String>,
    /// Nested tasks are set in; at most so deep.
    pub depth: usize,
    pub bars: Vec<Stretch>,
    pub took: String,
    began: DateTime<Utc>,
    seconds: f64,
}

/// One stretch, in percent of the whole.
pub(super) struct Stretch {
    pub kind: &'static str,
    pub x: String,
    pub width: String,
    pub title: String,
}

/// The rows, and the length of the whole.
pub(super) struct Timeline {
    pub rows: Vec<Row>,
    pub whole: String,
}

/// An event of the journal, as a line shows it.
pub(super) struct Moment {
    pub kind: String,
    pub task: Option<String>,
    pub subject: Option<String>,
}

/// As much of an entry as a timeline shows.
#[derive(Default, Deserialize)]
struct Turn {
    #[serde(default)]
    events: Vec<Noted>,
    #[serde(default)]
    root: Root,
    #[serde(default)]
    branches: Vec<Branch>,
}

#[derive(Deserialize)]
struct Noted {
    kind: String,
    /// Where it is not the entry's own.
    at: Option<DateTime<Utc>>,
    now_at: Option<String>,
    subject: Option<String>,
}

#[derive(Default, Deserialize)]
struct Root {
    /// Pointers of the tasks begun so far.
    #[serde(default)]
    visits: BTreeMap<String, i64>,
}

#[derive(Deserialize)]
struct Branch {
    #[serde(default)]
    frames: Vec<Frame>,
    doing: Option<BTreeMap<String, IgnoredAny>>,
}

#[derive(Deserialize)]
struct Frame {
    path: String,
}

impl Branch {
    /// The task in which it stands; none once it ended.
    fn task(&self) -> Option<&str> {
        let path = self.frames.last()?.path.as_str();
        (!path.is_empty()).then_some(path)
    }

    fn is_resting(&self) -> bool {
        let doing = self.doing.as_ref();
        doing.is_some_and(|doing| !doing.contains_key("step"))
    }

    /// Whether a try of its task has just failed and the next one is to come.
    fn is_between_tries(&self) -> bool {
        let doing = self.doing.as_ref();
        doing.is_some_and(|doing| doing.contains_key("backoff"))
    }
}

/// The events of an entry; the entry itself where it notes none.
pub(super) fn moments(entry: &JournalEntry) -> Vec<Moment> {
    let events = turn(entry).events;
    if events.is_empty() {
        return vec![Moment {
            kind: entry.kind.clone(),
            task: None,
            subject: None,
        }];
    }
    let told = events.into_iter().map(|event| Moment {
        kind: event.kind,
        task: event.now_at.filter(|task| !task.is_empty()),
        subject: event.subject,
    });
    told.collect()
}

fn turn(entry: &JournalEntry) -> Turn {
    serde_json::from_str(&entry.data).unwrap_or_default()
}

impl Timeline {
    /// What a job did, from its row and its journal.
    pub fn new(job: &JobView, journal: &[JournalEntry], now: Now) -> Self {
        let end = job.outcome.as_ref().map_or(now.real, |outcome| outcome.at);
        let last = journal.last().filter(|_| job.state.is_final());
        let ahead = last.map_or(now.clock - now.real, |last| last.at - end);
        let back = |at: DateTime<Utc>| at - ahead.max(TimeDelta::zero());
        let at = |entry: &JournalEntry| back(entry.at);
        let first = journal.first().map(|entry| (turn(entry), at(entry)));
        let begun = first.as_ref().map(|(turn, at)| {
            turn.events
                .first()
                .and_then(|event| event.at)
                .map_or(*at, back)
        });
        let begun = begun.or(job.lease.as_ref().map(|lease| lease.claimed_at));
        let mut drawn = Drawing::new(job.created_at.min(begun.unwrap_or(end)), end);
        let state = job.state.as_str();
        match begun {
            Some(begun) => drawn.add(BEFORE, "waiting", drawn.start, begun),
            None => drawn.add("so far", state, drawn.start, end),
        }
        if let (Some(begun), true) = (begun, journal.is_empty()) {
            drawn.add("run", state, begun, end);
        }
        if let Some((turn, at)) = &first {
            drawn.unwritten(turn, back, *at);
        }
        for (place, entry) in journal.iter().enumerate() {
            let next = journal.get(place + 1);
            let became = next.map_or(state, |next| next.kind.as_str());
            drawn.entry(&turn(entry), became, at(entry), next.map_or(end, at));
        }
        drawn.finish(state, end)
    }
}

impl Row {
    fn extend(&mut self, bar: Stretch, seconds: f64) {
        self.bars.push(bar);
        self.seconds += seconds;
    }
}

/// Rows under way.
struct Drawing {
    start: DateTime<Utc>,
    whole: f64,
    rows: Vec<Row>,
    begun: BTreeSet<String>,
    /// Where the job stood last.
    last: Option<String>,
}

impl Drawing {
    fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        Self {
            start,
            whole: (end - start).as_seconds_f64().max(0.001),
            rows: Vec::new(),
            begun: BTreeSet::new(),
            last: None,
        }
    }

    /// Where the job stood before its first entry, which came with the end of its first step.
    fn unwritten(
        &mut self,
        turn: &Turn,
        back: impl Fn(DateTime<Utc>) -> DateTime<Utc>,
        entry: DateTime<Utc>,
    ) {
        for two in turn.events.windows(2) {
            let task = two[0].now_at.as_deref().filter(|task| !task.is_empty());
            if let (Some(task), Some(from)) = (task, two[0].at) {
                self.begun.insert(task.to_owned());
                let until = two[1].at.map_or(entry, &back);
                self.add(task, &two[1].kind, back(from), until);
            }
        }
    }

    /// The tasks in which the job stood after an entry, and those that it only passed in it.
    fn entry(&mut self, turn: &Turn, became: &str, from: DateTime<Utc>, until: DateTime<Utc>) {
        let standing = || {
            turn.branches
                .iter()
                .filter_map(|branch| Some((branch, branch.task()?)))
        };
        for task in turn.root.visits.keys().filter(|task| !task.is_empty()) {
            let is_above = standing().any(|(_, standing)| standing.starts_with(task.as_str()));
            if self.begun.insert(task.clone()) && !is_above {
                let tried = |(branch, above): (&Branch, &str)| {
                    branch.is_between_tries() && task.starts_with(above)
                };
                let kind = if standing().any(tried) {
                    "failed"
                } else {
                    "passed"
                };
                self.add(task, kind, from, from);
            }
        }
        for (branch, task) in standing() {
            let kind = if branch.is_resting() {
                "waiting"
            } else {
                became
            };
            self.add(task, kind, from, until);
            if branch.is_between_tries() {
                self.add(task, "failed", from, from);
            }
            self.last = Some(task.to_owned());
        }
    }

    fn add(&mut self, task: &str, kind: &str, from: DateTime<Utc>, until: DateTime<Utc>) {
        let seconds = (until - from).as_seconds_f64().max(0.0);
        let x = 100.0 * (from - self.start).as_seconds_f64() / self.whole;
        let width = (100.0 * seconds / self.whole).max(WIDTH_MIN);
        let bar = Stretch {
            kind: colour(kind),
            x: format!("{:.2}%", x.clamp(0.0, 100.0 - WIDTH_MIN)),
            width: format!("{:.2}%", width.min(100.0)),
            title: format!("{}: {kind}, {}", name(task), length(seconds)),
        };
        match self.rows.iter().position(|row| row.task == task) {
            Some(place) => self.rows[place].extend(bar, seconds),
            None if self.rows.len() < ROWS_MAX => self.rows.push(Row {
                task: task.to_owned(),
                name: name(task),
                stage: None,
                depth: depth(task),
                bars: vec![bar],
                took: String::new(),
                began: from,
                seconds,
            }),
            None => {}
        }
    }

    /// In the order in which tasks began; a bad end is marked where the job stood last.
    fn finish(mut self, state: &str, end: DateTime<Utc>) -> Timeline {
        if let (Some(task), "failed") = (self.last.clone(), colour(state)) {
            self.add(&task, "failed", end, end);
        }
        for row in &mut self.rows {
            row.took = length(row.seconds);
        }
        self.rows
            .sort_by(|one, other| (one.began, &one.task).cmp(&(other.began, &other.task)));
        Timeline {
            rows: self.rows,
            whole: length(self.whole),
        }
    }
}

/// The class of a bar.
fn colour(kind: &str) -> &'static str {
    match kind {
        "failed" | "expired" | "parked" | "timed_out" => "failed",
        "waiting" | "ready" | "scheduled" | "backoff" | "paused" => "waiting",
        "completed" | "succeeded" | "passed" | "chunk" => "completed",
        "cancelled" | "suppressed" => "cancelled",
        _ => "running",
    }
}

/// `/do/0/fetch/try/1/call` → `call`.
fn name(pointer: &str) -> String {
    if pointer == BEFORE {
        return "before it began".to_owned();
    }
    let last = pointer.rsplit('/').next().unwrap_or(pointer);
    last.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_named_by_the_end_of_its_pointer_and_set_in_by_its_lists() {
        assert_eq!(
            (name("/do/0/greet").as_str(), depth("/do/0/greet")),
            ("greet", 0)
        );
        assert_eq!(
            (
                name("/do/1/a/try/0/b~1c").as_str(),
                depth("/do/1/a/try/0/b~1c")
            ),
            ("b/c", 1)
        );
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    /// A turn after which the one branch stands in this task.
    fn turn(visits: &str, path: &str, doing: &str) -> Turn {
        let frames = format!(r#"[{{"path":""}},{{"path":"{path}"}}]"#);
        let branch = format!(r#"{{"frames":{frames},"doing":{{"{doing}":{{}}}}}}"#);
        let text = format!(r#"{{"root":{{"visits":{visits}}},"branches":[{branch}]}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn shown(timeline: &Timeline) -> Vec<(&str, Vec<&str>, &str)> {
        let kinds = |row: &Row| row.bars.iter().map(|bar| bar.kind).collect();
        let rows = timeline.rows.iter();
        rows.map(|row| (row.name.as_str(), kinds(row), row.took.as_str()))
            .collect()
    }

    #[test]
    fn a_step_is_drawn_from_its_entry_to_the_next_and_a_passed_one_as_a_mark() {
        let mut drawn = Drawing::new(at(0), at(10));
        let visits = r#"{"":1,"/do/0/a":1,"/do/1/b":1}"#;

        drawn.entry(&turn(visits, "/do/1/b", "step"), "failed", at(0), at(5));
        drawn.entry(&turn(visits, "/do/1/b", "step"), "completed", at(5), at(10));

        let timeline = drawn.finish("completed", at(10));
        let expected = [
            ("a", vec!["completed"], "0 ms"),
            ("b", vec!["failed", "completed"], "10 s"),
        ];
        assert_eq!(shown(&timeline), expected);
    }

    #[test]
    fn a_task_between_two_tries_rests_and_shows_each_failure() {
        let mut drawn = Drawing::new(at(0), at(8));
        let visits = r#"{"":1,"/do/0/send":1,"/do/0/send/try/0/post":1}"#;

        drawn.entry(&turn(visits, "/do/0/send", "backoff"), "due", at(0), at(4));
        drawn.entry(&turn(visits, "/do/0/send", "backoff"), "due", at(4), at(8));

        let timeline = drawn.finish("failed", at(8));
        let tries = vec!["waiting", "failed", "waiting", "failed", "failed"];
        assert_eq!(
            shown(&timeline),
            [("send", tries, "8.0 s"), ("post", vec!["failed"], "0 ms")]
        );
        assert_eq!(
            timeline.rows[0].bars[4].x, "99.60%",
            "the last failure stands at the end"
        );
    }
}
