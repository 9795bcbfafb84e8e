//! Time that passes, and what is told: by the test to the jobs, and by the jobs to everybody.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use windlass_engine::protocol::Occurrence;
use windlass_engine::store::{JobFilter, JobView, WaitCause};

use crate::samples::world::{TENANT, World, eventually};

impl World {
    /// Tells everybody of an event.
    pub async fn tell(&self, kind: &str, id: &str, data: Json) {
        let event = Occurrence {
            kind: kind.to_owned(),
            id: id.to_owned(),
            source: "/test".to_owned(),
            subject: None,
            data: Some(RawValue::from_string(data.to_string()).expect("JSON")),
            at: Utc::now(),
        };
        self.store.tell(TENANT, vec![event]).await.expect("told");
    }

    /// What was called, in order.
    pub fn names(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.what).collect()
    }

    /// Waits until that was called so often.
    pub async fn called(&self, what: &str, times: usize) {
        let enough = async || match self.of(what).len() {
            seen if seen >= times => Ok(()),
            seen => Err(format!("{what} was called {seen} times")),
        };
        eventually(enough).await;
    }

    /// Moves the clock to where the job's timer falls, once it rests; gives how long it would have rested.
    pub async fn pass(&self, job: i64) -> Duration {
        // Only for time or news: a step that is done by a job of its own is on its way.
        let of_others =
            |waits: &[WaitCause]| waits.iter().any(|one| one.kind.as_deref() == Some("child"));
        let rests = async || match self.store.job(TENANT, job).await.expect("the job") {
            JobView {
                due: Some(due),
                state,
                waits,
                ..
            } if state.as_str() == "waiting" && !of_others(&waits) => Ok(due),
            view => Err(format!("it does not rest: {view:?}; {:#?}", self.calls())),
        };
        let due = eventually(rests).await;
        let now = self.now().await;
        if due > now {
            self.store.set_clock(due).await.expect("moved");
        }
        // It has been taken up when it rests no more, or until another instant.
        let goes = async || match self.store.job(TENANT, job).await.expect("the job") {
            view if view.state.as_str() == "waiting" && view.due == Some(due) => {
                Err(format!("it rests: {view:?}"))
            }
            _ => Ok(()),
        };
        eventually(goes).await;
        (due - now).to_std().unwrap_or_default()
    }

    pub async fn now(&self) -> DateTime<Utc> {
        self.store.clock().await.expect("the clock").now
    }

    /// The first job of a template that there is.
    pub async fn job_of(&self, template: &str) -> i64 {
        let born = async || {
            let jobs = self
                .store
                .jobs(TENANT, &JobFilter::default(), None, 100)
                .await;
            let mut jobs = jobs.expect("a page").items.into_iter();
            let found = jobs.find(|job| job.template.starts_with(template));
            found
                .map(|job| job.id)
                .ok_or(format!("no job of {template}"))
        };
        eventually(born).await
    }

    /// The events of a type that were told, once there are so many.
    pub async fn told(&self, kind: &str, many: usize) -> Vec<Json> {
        let there = async || {
            let all = self.crowd.texts("select data from event order by pos");
            let all = all.await.into_iter();
            let all = all.map(|event| serde_json::from_str(&event).expect("JSON"));
            let told: Vec<Json> = all.filter(|event: &Json| event["type"] == kind).collect();
            match told.len() >= many {
                true => Ok(told),
                false => Err(format!("{} events", told.len())),
            }
        };
        eventually(there).await
    }
}

/// Whether a rest was of so many seconds, but for what had passed of it before the test looked.
pub fn is_about(rest: Duration, seconds: u64) -> bool {
    let whole = Duration::from_secs(seconds);
    (whole / 2..=whole).contains(&rest)
}
