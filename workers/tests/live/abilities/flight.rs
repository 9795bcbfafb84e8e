//! What a person changes of a job that a real worker began and goes on with.

use chrono::Utc;
use serde_json::json;
use windlass_engine::Error;
use windlass_engine::protocol::{Flight, FlightPreview, SIGNAL_TTL, Signal, To};
use windlass_engine::store::{NewPause, PAGE_MAX};
use windlass_engine::vocabulary::{JobState, PauseMode, PauseScope};
use windlass_workers::secret::Secrets;
use windlass_workflows::value::Value;

use crate::abilities::site::Site;

pub fn rewind(to: &str) -> Flight {
    Flight::Rewind { to: to.into() }
}

pub fn patch(with: &str) -> Flight {
    Flight::Patch { with: value(with) }
}

pub fn value(text: &str) -> Value {
    Value::parse(text).expect("JSON")
}

impl Site {
    /// A job of `tasks` with a worker, in that state.
    pub async fn began(&self, tasks: &str, state: &str) -> i64 {
        self.publish("flies", "", tasks).await;
        let job = self.submit("flies", "{}").await;
        self.work(Secrets::new());
        self.until(job, state).await;
        job
    }

    pub async fn preview(&self, job: i64, flight: &Flight) -> FlightPreview {
        let preview = self.store.preview_flight(1, job, flight).await;
        preview.unwrap_or_else(|error| panic!("{error:?}"))
    }

    pub async fn refused(&self, job: i64, flight: &Flight) -> String {
        let preview = self.store.preview_flight(1, job, flight).await;
        match preview.expect_err("it is refused") {
            Error::Invalid { problems } => problems[0].code.clone(),
            error => error.code().to_owned(),
        }
    }

    pub async fn fly_with(&self, job: i64, flight: &Flight, token: &str) -> Result<i64, Error> {
        let by = ("mia", "wrong number");
        let flown = self.store.fly(1, job, flight, token, by).await;
        flown.map(|flown| flown.job)
    }

    /// Looks, and does it.
    pub async fn fly(&self, job: i64, flight: &Flight) -> i64 {
        let token = self.preview(job, flight).await.token;
        let flown = self.fly_with(job, flight, &token).await;
        flown.unwrap_or_else(|error| panic!("{error:?}"))
    }

    pub async fn say_go(&self, job: i64) {
        let signal = Signal {
            id: format!("go {job} {}", Utc::now()),
            to: To::Job(job),
            name: "go".into(),
            data: None,
            ttl: SIGNAL_TTL,
            at: Utc::now(),
        };
        self.store.signal(1, signal).await.expect("sent");
    }

    pub async fn pause_job(&self, job: i64) -> i64 {
        let pause = NewPause {
            scope: PauseScope::Job,
            subject: job.to_string(),
            mode: PauseMode::Hold,
            who: "mia".into(),
            why: "look".into(),
            until: None,
        };
        self.store.pause(1, pause).await.expect("paused").id
    }

    pub async fn kinds(&self, job: i64) -> Vec<String> {
        let page = self.store.journal(1, job, 0, PAGE_MAX).await;
        let entries = page.expect("a journal").items;
        entries.into_iter().map(|entry| entry.kind).collect()
    }
}

/// Says `k` of the context once somebody says go.
pub const LISTENS: &str = "do:
- a: { call: 'does:1.0.0@default', with: { n: 1 }, export: { as: '{ k: .n }' } }
- hear: { listen: { to: { one: { with: { type: io.windlass.signal.go.v1 } } } } }
- b: { call: 'does:1.0.0@default', with: { k: '${ $context.k }' } }
";

const PARKS: &str = "do:
- a: { call: 'does:1.0.0@default', with: { fails: true }, metadata: { windlass: { onExhausted: park } } }
- b: { set: { got: '${ .x }', k: '${ $context.k }' } }
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_job_goes_back_to_a_step_and_says_who_sent_it() {
    let site = Site::new().await;
    let job = site.began(LISTENS, "waiting").await;

    let preview = site.preview(job, &rewind("a")).await;
    assert_eq!(
        (preview.state, preview.then),
        (JobState::Waiting, JobState::Ready)
    );
    assert_eq!(preview.goes_on_at, ["/do/0/a"]);
    let again: Vec<_> = preview
        .again
        .iter()
        .map(|one| (one.path.as_str(), one.times))
        .collect();
    assert_eq!(again, [("/do/0/a", 1)]);
    site.fly_with(job, &rewind("a"), &preview.token)
        .await
        .expect("it goes back");

    assert_eq!(site.called(2).await, [json!({ "n": 1 }), json!({ "n": 1 })]);
    site.until(job, "waiting").await;
    let told = site
        .store
        .journal(1, job, 0, PAGE_MAX)
        .await
        .expect("a journal")
        .items;
    let turn = told
        .iter()
        .find(|entry| entry.kind == "rewound")
        .expect("it is told");
    assert!(
        turn.data
            .contains(r#""who":"mia","why":"wrong number","what":"back to /do/0/a""#)
    );
    assert_eq!(turn.claim, None, "a person wrote it");
    site.say_go(job).await;
    assert_eq!(site.result(job, "completed").await, r#"{"k":1}"#);
    assert_eq!(site.refused(job, &rewind("a")).await, "illegal_state");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patched_context_is_what_follows_whether_the_job_waits_or_is_paused() {
    let site = Site::new().await;
    let job = site.began(LISTENS, "waiting").await;

    let preview = site.preview(job, &patch(r#"{"k":7}"#)).await;
    assert_eq!(preview.context, ["- /k: 1", "+ /k: 7"]);
    site.fly(job, &patch(r#"{"k":7}"#)).await;
    site.until(job, "waiting").await;
    let pause = site.pause_job(job).await;
    site.until(job, "paused").await;
    assert_eq!(site.preview(job, &patch("{}")).await.then, JobState::Paused);
    site.fly(job, &patch(r#"{"k":8}"#)).await;
    assert_eq!(site.view(job).await.state, JobState::Paused);
    site.store.resume(1, pause).await.expect("it goes on");
    site.until(job, "waiting").await;

    site.say_go(job).await;
    assert_eq!(site.result(job, "completed").await, r#"{"k":8}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_job_that_goes_back_stays_paused_and_begins_there_when_it_goes_on() {
    let site = Site::new().await;
    let job = site.began(LISTENS, "waiting").await;
    let pause = site.pause_job(job).await;
    site.until(job, "paused").await;

    site.fly(job, &rewind("a")).await;
    assert_eq!(site.view(job).await.state, JobState::Paused);
    assert_eq!(site.called(1).await.len(), 1);
    site.store.resume(1, pause).await.expect("it goes on");

    site.called(2).await;
    site.until(job, "waiting").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_step_is_skipped_and_a_patch_leaves_it_parked() {
    let site = Site::new().await;
    let job = site.began(PARKS, "parked").await;

    assert_eq!(site.refused(job, &rewind("a")).await, "flight.here");
    assert_eq!(site.preview(job, &patch("{}")).await.then, JobState::Parked);
    site.fly(job, &patch(r#"{"k":2}"#)).await;
    let back = site.preview(job, &rewind("a")).await;
    assert_eq!(back.context, ["+ : {}", "- /k: 2"], "of then, and said so");
    let still = site.view(job).await;
    assert_eq!(still.state, JobState::Parked);
    assert!(
        site.store
            .dead_letter(1, None, 10)
            .await
            .expect("groups")
            .items[0]
            .code
            .is_some()
    );
    let skip = Flight::Skip {
        step: None,
        output: value(r#"{"x":5}"#),
    };
    site.fly(job, &skip).await;

    assert_eq!(site.result(job, "completed").await, r#"{"got":5,"k":2}"#);
    assert_eq!(site.called(1).await.len(), 1, "it was not made again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_a_worker_has_is_left_to_it() {
    let site = Site::new().await;
    let tasks = "do:
- a: { call: 'does:1.0.0@default', with: { n: 1 } }
- b: { call: 'does:1.0.0@default', with: { hangs: true } }\n";
    let job = site.began(tasks, "running").await;
    site.called(2).await;

    assert_eq!(site.refused(job, &rewind("a")).await, "job_running");
    assert_eq!(site.refused(job, &patch("{}")).await, "job_running");
    let copy = site.preview(job, &Flight::Fork { from: "a".into() }).await;
    assert_eq!(copy.goes_on_at, ["/do/0/a"], "a copy leaves it alone");
}

/// Case 29, its second half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_has_gone_on_since_its_preview_refuses_the_change() {
    let site = Site::new().await;
    let job = site.began(LISTENS, "waiting").await;
    let stale = site.preview(job, &patch(r#"{"k":7}"#)).await.token;
    site.fly(job, &patch(r#"{"k":9}"#)).await;
    site.until(job, "waiting").await;

    let codes = [
        site.fly_with(job, &patch(r#"{"k":7}"#), &stale).await,
        site.fly_with(job, &patch(r#"{"k":7}"#), "").await,
    ]
    .map(|refused| refused.expect_err("it is refused").code());
    let other = site.preview(job, &patch(r#"{"k":8}"#)).await.token;
    let other = site.fly_with(job, &patch(r#"{"k":7}"#), &other).await;

    assert_eq!(codes, ["moved_on", "preview_required"]);
    assert_eq!(
        other.expect_err("of another change").code(),
        "preview_required"
    );
    assert_eq!(
        site.kinds(job)
            .await
            .iter()
            .filter(|kind| *kind == "patched")
            .count(),
        1
    );
    site.say_go(job).await;
    assert_eq!(site.result(job, "completed").await, r#"{"k":9}"#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_change_one_job_at_once_are_one_who_does_and_one_who_is_told() {
    let site = Site::new().await;
    let job = site.began(LISTENS, "waiting").await;
    let flight = patch(r#"{"k":7}"#);
    let token = site.preview(job, &flight).await.token;

    let (one, other) = tokio::join!(
        site.fly_with(job, &flight, &token),
        site.fly_with(job, &flight, &token)
    );

    let done = [one, other].map(|flown| flown.map_err(|error| error.code()));
    assert_eq!(
        done.iter().filter(|flown| flown.is_ok()).count(),
        1,
        "{done:?}"
    );
    assert_eq!(
        site.kinds(job)
            .await
            .iter()
            .filter(|kind| *kind == "patched")
            .count(),
        1
    );
}
