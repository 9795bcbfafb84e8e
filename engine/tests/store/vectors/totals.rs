//! The sums of a batch through its failures, a restart and a redrive.

use super::kit::{Case, of_batches};
use crate::common::dead::{FINGERPRINT, exhausted, failed, pass, wanted};
use crate::common::recipe::{flock, over, plan, with_birds};
use crate::common::{Bench, TestWorker, ending, outcome};
use serde_json::{Value as Json, json};
use windlass_engine::Error;
use windlass_engine::protocol::NewRestart;
use windlass_engine::store::{Claimed, DEFAULT_TENANT, Ending};
use windlass_workflows::machine::turn::{End, OutcomeKind};

/// A batch, who works on it, and how often it ended.
struct Played {
    bench: Bench,
    batch: i64,
    worker: TestWorker,
    jobs: Vec<Claimed>,
    finished: usize,
}

impl Played {
    /// Planned and released.
    async fn of(jobs: usize) -> Self {
        let bench = Bench::new().await;
        with_birds(&bench.store, &flock(jobs, 3)).await;
        let source = over(json!({ "category": "birds" }), "individual");
        let batch = plan(&bench.store, &source).await;
        bench.store.release().await.expect("released");
        let mut worker = bench.worker().await;
        worker.lane = batch.lane.expect("a lane");
        let jobs = worker.claim(jobs).await;
        Self {
            bench,
            batch: batch.id,
            worker,
            jobs,
            finished: 0,
        }
    }

    async fn restart(&self) -> Result<(), Error> {
        let new = NewRestart {
            who: "mia".into(),
            ..NewRestart::default()
        };
        let store = &self.bench.store;
        let begun = store.restart_batch(DEFAULT_TENANT, self.batch, new).await;
        begun.map(drop)
    }

    /// What was put back is released, and a worker has it.
    async fn again(&mut self) {
        let store = &self.bench.store;
        while store.pace_restarts().await.expect("paced").is_some() {}
        store.release().await.expect("released");
        self.jobs = self.worker.claim(10).await;
    }

    async fn complete(&mut self, count: usize) {
        let jobs: Vec<Claimed> = self.jobs.drain(..count).collect();
        self.worker.complete(&jobs).await;
    }

    /// What happens by a step, as its name says.
    async fn step(&mut self, name: &str) {
        match name {
            "10 planned and released" => assert_eq!(self.jobs.len(), 10),
            "7 completed and 3 failed" => {
                self.complete(7).await;
                let bad: Vec<_> = self.jobs.iter().map(failed).collect();
                self.worker.record(&bad).await;
            }
            "restart failed" => {
                self.restart().await.expect("begun");
                self.again().await;
            }
            "2 completed and 1 parked" => {
                self.complete(2).await;
                let parked = exhausted(&self.jobs[0], FINGERPRINT);
                self.worker.record(&[parked]).await;
            }
            "the parked one redriven" => {
                let begun = self.bench.store.redrive(DEFAULT_TENANT, &wanted()).await;
                begun.expect("begun");
                assert_eq!(pass(&self.bench).await, Some(1));
                self.jobs = self.worker.claim(10).await;
            }
            "it completes" => self.complete(1).await,
            "10 completed but 1 cancelled and 1 suppressed of 12" => {
                *self = Self::of(12).await;
                self.one_cancelled_and_one_suppressed().await;
                self.complete(10).await;
            }
            other => panic!("a vector that nobody plays: {other}"),
        }
        let ended = self.bench.store.finish().await.expect("a look");
        self.finished += ended.len();
    }

    async fn one_cancelled_and_one_suppressed(&mut self) {
        let end = |job: Claimed, kind| {
            let end = Ending::Machine(End::Outcome(outcome(kind, None)));
            ending(&job, end)
        };
        let cancelled = end(self.jobs.remove(0), OutcomeKind::Cancelled);
        let suppressed = end(self.jobs.remove(0), OutcomeKind::Suppressed);
        let answer = self.worker.record(&[cancelled, suppressed]).await;
        assert!(answer.refused.is_empty(), "{answer:?}");
    }

    async fn is_as(&self, case: &mut Case) {
        let view = self.bench.store.batch(DEFAULT_TENANT, self.batch).await;
        let view = view.expect("its view");
        let progress = view.progress;
        let now = |kind: &str| progress.now.get(kind).copied().unwrap_or_default();
        for (field, found) in [
            ("expected", progress.expected),
            ("settled", progress.settled),
            ("completed", now("completed")),
            ("failed", now("failed")),
            ("parked", now("parked")),
        ] {
            if let Some(wanted) = case.take(field) {
                assert_eq!(wanted, found, "{field} of {}", case.told());
            }
        }
        assert_eq!(case.text("state"), view.state, "{}", case.told());
        if let Some(finished) = case.take("finished") {
            assert_eq!(finished, self.finished, "{}", case.told());
        }
    }
}

/// What a restart is answered, as a vector has it.
fn answer(of: Result<(), Error>) -> Json {
    match of {
        Ok(()) => true.into(),
        Err(Error::Conflict { code, .. }) => format!("409 {code}").into(),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_totals_of_a_batch_are_those_of_their_vectors() {
    let mut played = Played::of(10).await;
    for mut case in of_batches("totals") {
        let name = case.text("step");
        match name.as_str() {
            "nothing to restart" => {
                assert_eq!(case.need("answer"), answer(played.restart().await));
            }
            "restart while it runs" => {
                let mut running = Played::of(5).await;
                let bad = running.jobs.remove(0);
                running.worker.record(&[failed(&bad)]).await;
                assert_eq!(case.need("allowed"), answer(running.restart().await));
                running.again().await;
                assert_eq!(running.jobs.len(), 1, "the one that failed");
            }
            _ => {
                played.step(&name).await;
                played.is_as(&mut case).await;
            }
        }
    }
}
