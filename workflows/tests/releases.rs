//! Release, stages and tolerance: the reference vectors, and what holds for every course of a batch.

#[path = "vectors/kit.rs"]
mod kit;

use chrono::{DateTime, TimeDelta, Utc};
use kit::of_batches;
use proptest::prelude::*;
use windlass_workflows::calendar::Blackout;
use windlass_workflows::configuration::{
    Canary, Content, JobConfiguration, Rules, edit_rules, read_rules, restore, rules_of,
};
use windlass_workflows::plan::{
    Bucket, Course, Hold, Moment, Stage, Tallies, allowed, filled, spread, stage, stages, trips,
};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

fn document(keys: serde_json::Value) -> Value {
    let mut document = serde_json::json!({
        "windlass": "v1", "kind": "JobConfiguration", "name": "briefs", "purpose": "brief",
        "selection": { "category": "birds" }, "strategy": "individual",
    });
    let keys = keys.as_object().unwrap().clone();
    document.as_object_mut().unwrap().extend(keys);
    Value::from(document)
}

fn configured(keys: serde_json::Value) -> JobConfiguration {
    match restore(&document(keys)).unwrap() {
        Content::JobConfiguration(configuration) => *configuration,
        _ => unreachable!("it is a job configuration"),
    }
}

fn rules(keys: serde_json::Value) -> Rules {
    read_rules(&rules_of(&document(keys))).unwrap()
}

/// Codes and pointers of what is refused.
fn refused<T: std::fmt::Debug>(answer: Result<T, Vec<Problem>>) -> Vec<String> {
    let problems = answer.unwrap_err().into_iter();
    problems
        .map(|one| format!("{} {}", one.code, one.pointer))
        .collect()
}

fn numbers(list: &serde_json::Value) -> Vec<u64> {
    let items = list.as_array().unwrap().iter();
    items.map(|item| item.as_u64().unwrap()).collect()
}

#[test]
fn a_ramp_has_the_stages_of_its_vector_and_a_spread_canary_its_places() {
    for mut case in of_batches("ramp") {
        let canary = serde_json::json!({ "items": case.need("items"), "ramp": case.need("ramp") });
        let canary = configured(serde_json::json!({ "canary": canary })).canary;
        let canary = canary.expect("a canary");
        let jobs = case.number("jobs");

        let told = case.told();
        assert_eq!(
            stages(&canary, jobs),
            numbers(&case.need("expect")),
            "{told}"
        );
        let wanted = numbers(&case.need("spread"));
        let places: Vec<u64> = spread(canary.items, jobs).take(wanted.len()).collect();
        assert_eq!(places, wanted, "{told}");
        assert!(spread(canary.items, jobs).all(|place| place < jobs));
    }
}

#[test]
fn a_tolerance_trips_where_its_vector_says() {
    for mut case in of_batches("tolerance") {
        let name = case.text("name");
        let keys = serde_json::json!({ "tolerance": case.need("tolerance") });
        let tolerance = configured(keys).tolerance.expect("a tolerance");
        let now = Tallies {
            completed: case.number("completed"),
            failed: case.number("failed"),
            parked: case.number("parked"),
            expired: case.number("expired"),
            cancelled: 7,
            suppressed: 9,
        };

        let trip = trips(
            &tolerance,
            now,
            case.number("accepted"),
            case.number("open"),
        );

        assert_eq!(trip.is_some(), case.flag("trips"), "{name}");
    }
}

/// Ten jobs of a hundred go first, of which nine in ten must be good.
fn after(released: u64, staged: u64, now: Tallies) -> Stage {
    let rules = rules(
        serde_json::json!({ "canary": { "items": 10, "require_ok": "90%", "ramp": [ 20 ] } }),
    );
    let course = Course {
        jobs: 100,
        staged,
        released,
        settled: now.sum(),
        now,
    };
    stage(rules.canary.as_ref(), &course)
}

#[test]
fn a_stage_waits_for_all_of_its_jobs_and_is_judged_by_what_says_something() {
    let done = |completed, failed, cancelled| Tallies {
        completed,
        failed,
        cancelled,
        ..Tallies::default()
    };

    assert_eq!(after(0, 0, done(0, 0, 0)), Stage::Upto(10));
    assert_eq!(after(10, 0, done(9, 0, 0)), Stage::Waits(10));
    assert_eq!(after(10, 0, done(9, 1, 0)), Stage::Passed(10));
    assert_eq!(after(10, 10, done(9, 1, 0)), Stage::Upto(20));
    let failed = Stage::Failed {
        of: 10,
        good: 8,
        judged: 9,
    };
    assert_eq!(after(10, 0, done(8, 1, 1)), failed);
    assert_eq!(after(10, 0, done(0, 0, 10)), Stage::Inconclusive(10));
    assert_eq!(after(20, 20, done(18, 2, 0)), Stage::Over);
    // A canary that is put on a batch under way judges what is out already.
    assert_eq!(after(60, 0, done(50, 9, 0)), Stage::Waits(60));
    assert_eq!(after(60, 60, done(50, 9, 0)), Stage::Over);
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn a_rate_gives_a_seconds_worth_at_most_and_one_at_least() {
    let now = at("2026-11-22T12:00:00Z");
    let after = |millis| now + TimeDelta::milliseconds(millis);
    let left = |tokens| Some(Bucket { tokens, at: now });

    assert_eq!(filled(20.0, None, now), 20.0);
    assert_eq!(filled(20.0, left(0.0), after(250)), 5.0);
    assert_eq!(filled(20.0, left(0.0), after(60_000)), 20.0);
    assert_eq!(filled(0.5, left(0.0), after(1_000)), 0.5);
    assert_eq!(filled(0.5, left(0.9), after(60_000)), 1.0);
    // A clock that goes back gives nothing, and a lowered rate takes what is over.
    assert_eq!(filled(20.0, left(3.0), after(-5_000)), 3.0);
    assert_eq!(filled(2.0, left(20.0), now), 2.0);
}

#[test]
fn outside_of_its_hours_and_in_a_blackout_nothing_goes() {
    let rules = rules(serde_json::json!({
        "release": { "hours": [ "05:00-22:00" ] },
        "schedule": { "daily": { "at": "06:00" }, "zone": "Europe/Berlin", "calendar": "days" },
    }));
    assert_eq!(rules.calendar.as_deref(), Some("days"));
    let course = Course {
        jobs: 50,
        ..Course::default()
    };
    let moment = |now| Moment {
        window: 10,
        bucket: None,
        now,
        blackout: None,
    };

    let night = allowed(&rules, &course, &moment(at("2026-11-22T02:00:00Z")));
    let opens = Some(at("2026-11-22T04:00:00Z"));
    assert_eq!((night.room, night.hold), (0, Some(Hold::Hours(opens))));
    let day = at("2026-11-22T12:00:00Z");
    assert_eq!(allowed(&rules, &course, &moment(day)).room, 10);
    let dark = Blackout {
        from: day,
        to: at("2026-11-23T00:00:00Z"),
        reason: "freeze".to_owned(),
    };
    let in_it = Moment {
        blackout: Some(&dark),
        ..moment(day)
    };
    let held = allowed(&rules, &course, &in_it);
    assert_eq!(held.room, 0);
    assert_eq!(held.hold.map(|hold| hold.as_str()), Some("blackout"));
}

#[test]
fn rules_are_changed_by_a_patch_and_every_problem_of_it_is_said() {
    let rules = rules_of(&document(serde_json::json!({
        "release": { "window": 5, "rate": "20/s" }, "tolerance": { "max_failed": 5 },
    })));
    let edit = |json: &str| edit_rules(&rules, &Value::parse(json).unwrap());

    let all =
        edit(r#"{"window":7,"rate":null,"tolerance":{"max_failed":9},"deadline":null}"#).unwrap();
    assert_eq!(all.rules.to_json(), r#"{"tolerance":{"max_failed":9}}"#);
    assert_eq!((all.window, all.deadline), (Some(7), Some(None)));
    let nothing = edit("{}").unwrap();
    assert_eq!((nothing.window, nothing.deadline), (None, None));
    assert_eq!((nothing.rules, nothing.priority), (rules.clone(), None));

    assert_eq!(
        refused(edit(r#"{"zone":"UTC"}"#)),
        ["configuration.unknown_key /zone"]
    );
    let wrong = r#"{"window":0,"rate":"fast","hours":"05:00-05:00","canary":{"ramp":["2"]}}"#;
    let mut found = refused(edit(wrong));
    found.sort();
    let wanted = [
        "configuration.missing_key /canary",
        "configuration.value /canary/ramp/0",
        "configuration.value /hours",
        "configuration.value /rate",
        "configuration.value /window",
    ];
    assert_eq!(found, wanted);
    assert_eq!(
        refused(edit(r#"{"tolerance":{"max_failed":null}}"#)),
        ["configuration.missing_key /tolerance"]
    );
}

/// What happens to a batch, one thing after another.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// A pass, so many milliseconds after the last one.
    Release(u16),
    /// So many of those under way end, such a part of them badly.
    Settle(u8, u8),
    /// A person changes the window.
    Window(u8),
    /// A person takes what the stage says as good enough.
    Accept,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        4 => (0u16..2_000).prop_map(Turn::Release),
        4 => (any::<u8>(), 0u8..4).prop_map(|(count, bad)| Turn::Settle(count, bad)),
        1 => (1u8..60).prop_map(Turn::Window),
        1 => Just(Turn::Accept),
    ]
}

fn ramps() -> impl Strategy<Value = Canary> {
    let ramp = proptest::collection::vec(0u64..300, 0..4);
    (1u64..50, 0u64..=100, ramp).prop_map(|(items, ok, ramp)| {
        let ok = format!("{ok}%");
        let canary = serde_json::json!({ "items": items, "require_ok": ok, "ramp": ramp });
        let keys = serde_json::json!({ "canary": canary });
        configured(keys).canary.expect("a canary")
    })
}

const JOBS: u64 = 200;

/// A batch of 200 jobs on its way.
struct Batch {
    rules: Rules,
    start: DateTime<Utc>,
    now: DateTime<Utc>,
    window: u64,
    bucket: Option<Bucket>,
    course: Course,
    /// So many may be out by the stage that it is in.
    limit: u64,
}

impl Batch {
    fn new(rules: Rules) -> Batch {
        let start = at("2026-11-22T12:00:00Z");
        let mut batch = Batch {
            rules,
            start,
            now: start,
            window: 40,
            bucket: None,
            course: Course {
                jobs: JOBS,
                ..Course::default()
            },
            limit: 0,
        };
        batch.open_after(0);
        batch
    }

    fn open_after(&mut self, staged: u64) {
        let canary = self.rules.canary.as_ref();
        let stages = canary.map_or(vec![JOBS], |canary| stages(canary, JOBS));
        let next = stages.into_iter().find(|stage| *stage > staged);
        self.limit = next.unwrap_or(JOBS);
    }

    fn release(&mut self) {
        let moment = Moment {
            window: self.window,
            bucket: self.bucket,
            now: self.now,
            blackout: None,
        };
        let may = allowed(&self.rules, &self.course, &moment);
        if may.staged > self.course.staged {
            assert_eq!(self.course.settled, self.course.released, "before its end");
            self.open_after(may.staged);
        }
        let moved = may.room.min(JOBS - self.course.released);
        self.course.staged = may.staged;
        self.course.released += moved;
        self.bucket = may.tokens.map(|tokens| Bucket {
            tokens: tokens - moved as f64,
            at: self.now,
        });
        let under_way = self.course.released - self.course.settled;
        assert!(moved == 0 || under_way <= self.window, "beyond its window");
        assert!(self.course.released <= self.limit, "beyond its stage");
    }

    fn settle(&mut self, count: u64, bad: u64) {
        let ended = count.min(self.course.released - self.course.settled);
        let failed = ended * bad / 8;
        self.course.settled += ended;
        self.course.now.failed += failed;
        self.course.now.completed += ended - failed;
    }

    fn accept(&mut self) {
        let said = stage(self.rules.canary.as_ref(), &self.course);
        if let Stage::Failed { of, .. } | Stage::Inconclusive(of) = said {
            self.course.staged = of;
            self.open_after(of);
        }
    }

    fn turn(&mut self, turn: Turn) {
        match turn {
            Turn::Release(millis) => {
                self.now += TimeDelta::milliseconds(i64::from(millis));
                self.release();
            }
            Turn::Settle(count, bad) => self.settle(count.into(), bad.into()),
            Turn::Window(to) => self.window = to.into(),
            Turn::Accept => self.accept(),
        }
        let seconds = (self.now - self.start).as_seconds_f64();
        let most = |rate: f64| rate.max(1.0) + rate * seconds + 1e-6;
        let is_paced = |rate| self.course.released as f64 <= most(rate);
        assert!(self.rules.rate.is_none_or(is_paced), "beyond its rate");
    }
}

proptest! {
    #[test]
    fn no_course_exceeds_its_window_its_stages_or_its_rate(
        canary in proptest::option::of(ramps()),
        rate in proptest::option::of(0.2f64..60.0),
        turns in proptest::collection::vec(turn(), 1..120),
    ) {
        let mut batch = Batch::new(Rules { canary, rate, ..Rules::default() });
        for one in turns {
            batch.turn(one);
        }
    }
}
