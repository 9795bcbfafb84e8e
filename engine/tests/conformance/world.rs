//! A store and a model side by side: each move is made in both, then every row is compared.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;
use windlass_engine::Store;
use windlass_engine::model::{CancelAnswer, End, Model, Moment, Planted, Settle, Taken};
use windlass_engine::store::doctor::{Check, Finding, Options};
use windlass_engine::store::{
    Cancelled, Claimed, Ending, Hot, Incarnation, LaneKey, LeaseKey, NewEntry, NewRequest,
    Submitted, Want,
};
use windlass_workflows::machine::turn::{End as MachineEnd, Entry, Outcome, OutcomeKind};

use super::common::recipe::{BIRDS, plan, recipe, with_birds};
use super::common::{Bench, TestWorker};
use super::moves::{Draw, Held, Move};

/// Workers at once; each dies and comes again as another.
pub const WORKERS: usize = 3;
/// Who dies here does so by a move, not because the machine was slow.
const FOR_EVER: Duration = Duration::from_hours(24);
const ROWS: &str = include_str!("rows.sql");
const CLEAR: &str = "delete from ready; delete from later; delete from held; delete from lease; delete from wait;
    delete from job; delete from request; delete from request_key; delete from journal; delete from outcome;
    delete from inbox; delete from intent; delete from tally; delete from worker; delete from batch_range;
    delete from notice; delete from batch";

/// A database, and the connections of its workers.
pub struct World {
    bench: Bench,
    lanes: Vec<i32>,
    workers: Vec<TestWorker>,
    base: DateTime<Utc>,
}

impl World {
    pub async fn new() -> Self {
        // Reading few rows is not worth the start of helpers.
        let settings = [("max_parallel_workers_per_gather", "0")];
        let bench = Bench::new().await.set(&settings).await;
        with_birds(&bench.store, BIRDS).await;
        let other = LaneKey::of_template(1, "test.other", "", 0);
        let lanes = vec![bench.lane, bench.store.lane(&other).await.expect("a lane")];
        let mut workers = Vec::new();
        for _ in 0..WORKERS {
            workers.push(bench.worker().await);
        }
        let base = sqlx::query_scalar("select date_trunc('second', now()) - interval '10 days'")
            .fetch_one(&bench.pool)
            .await
            .expect("a base");
        Self {
            bench,
            lanes,
            workers,
            base,
        }
    }

    /// Makes a sequence of moves; the kinds that were made, or the first difference.
    pub async fn compare(
        &mut self,
        seed: u64,
        moves: usize,
        planted: Option<Planted>,
    ) -> Result<BTreeSet<&'static str>, String> {
        let (mut model, mut draw) = self.begin(seed, planted).await;
        let (mut kinds, mut made) = (BTreeSet::new(), Vec::new());
        for _ in 0..moves {
            let next = draw.next(&model);
            kinds.insert(next.kind());
            let answers = self.make(&mut model, &mut draw, &next).await;
            made.push(format!("{next:?}"));
            let rows = self.rows().await;
            let told = model.rows();
            if answers.0 != answers.1 || rows != told {
                return Err(difference(seed, &made, &answers, &rows, &told));
            }
        }
        match self.findings().await {
            found if found.is_empty() => Ok(kinds),
            found => Err(format!(
                "seed {seed}: the doctor found {found:?} after\n{}",
                made.join("\n")
            )),
        }
    }

    /// What the doctor says of what both agree upon.
    async fn findings(&self) -> Vec<Finding> {
        let options = Options {
            only: vec![Check::Places, Check::Lanes, Check::Outcomes, Check::Tallies],
            ..Options::default()
        };
        let report = self.bench.store.doctor(&options).await.expect("looked");
        assert!(report.is_whole(), "{report:?}");
        report.findings().cloned().collect()
    }

    /// An empty database with living workers and a planned batch.
    async fn begin(&mut self, seed: u64, planted: Option<Planted>) -> (Model, Draw) {
        sqlx::raw_sql(CLEAR)
            .execute(&self.bench.pool)
            .await
            .expect("cleared");
        self.bench.store = Store::new(self.bench.pool.clone());
        let mut model = Model::new(planted);
        for (place, worker) in (1..).zip(&mut self.workers) {
            enter(worker, Uuid::from_u128(place << 64)).await;
            model.enter(worker.id);
        }
        let source = recipe(
            json!({ "selection": { "category": "birds" }, "strategy": "individual", "release": { "window": 3 } }),
        );
        let batch = plan(&self.bench.store, &source).await;
        let jobs: Vec<i64> = sqlx::query_scalar("select id from job order by id")
            .fetch_all(&self.bench.pool)
            .await
            .expect("its jobs");
        let lane = batch.lane.expect("a lane");
        model.plan(batch.id, lane, 3, &jobs);
        let lanes = [self.lanes.clone(), vec![lane]].concat();
        (model, Draw::new(seed, lanes, jobs))
    }

    async fn rows(&self) -> Vec<String> {
        sqlx::query_scalar(ROWS)
            .bind(self.base)
            .fetch_all(&self.bench.pool)
            .await
            .expect("the rows")
    }

    fn at(&self, moment: Moment) -> DateTime<Utc> {
        self.base + TimeDelta::milliseconds(moment)
    }

    /// Makes a move in both; what each of them answered.
    async fn make(&mut self, model: &mut Model, draw: &mut Draw, next: &Move) -> (String, String) {
        match next {
            Move::Submit { jobs, asked } => {
                let start_at = asked.start_at.map(|at| self.at(at));
                let request = NewRequest {
                    lane: asked.lane,
                    start_at,
                    priority: asked.priority,
                    ..self.bench.request()
                };
                let stored = self
                    .bench
                    .store
                    .submit(1, "test", &vec![request; *jobs])
                    .await;
                let ids: Vec<i64> = stored.expect("stored").iter().map(id).collect();
                model.submit(&ids, *asked);
                draw.jobs.extend(ids);
                Default::default()
            }
            Move::Claim {
                worker,
                claim,
                lanes,
            } => {
                let claimed = self.claim(*worker, *claim, lanes).await;
                draw.held
                    .extend(claimed.iter().map(|job| held(job, *worker)));
                let mut taken: Vec<Taken> = claimed.iter().map(taken).collect();
                taken.sort_unstable();
                answers(
                    &taken,
                    &model.claim(self.workers[*worker].id, *claim, lanes),
                )
            }
            Move::Settle { worker, entries } => {
                let mut refused = self.settle(model, *worker, entries).await;
                refused.sort_unstable();
                let entries: Vec<Settle> = entries.iter().map(|(entry, _)| *entry).collect();
                answers(&refused, &model.settle(&entries))
            }
            Move::Die { worker, heir } => {
                self.bench.silence(&self.workers[*worker]).await;
                model.die(self.workers[*worker].id);
                // Every other one is seen dead for a while before it comes again.
                if heir.as_u128() % 2 == 0 {
                    enter(&mut self.workers[*worker], *heir).await;
                    model.enter(*heir);
                }
                Default::default()
            }
            other => self.keep(model, other).await,
        }
    }

    /// The moves of keepers, heartbeats and people.
    async fn keep(&mut self, model: &mut Model, next: &Move) -> (String, String) {
        let store = &self.bench.store;
        match next {
            Move::Expire => {
                let done = store.expire(FOR_EVER).await.expect("expired");
                answers(&(done.leases, done.jobs, done.parked), &model.expire())
            }
            Move::GiveBack { worker, known } => {
                let worker = &mut self.workers[*worker];
                let given = worker
                    .beat
                    .give_back_unlisted(worker.id, known, Duration::ZERO)
                    .await;
                let told = model.give_back_unlisted(worker.id, known, Duration::ZERO);
                answers(&given.expect("given back"), &told)
            }
            Move::Beat { worker } => {
                let worker = &mut self.workers[*worker];
                let beat = worker.beat.renew(worker.id).await.expect("answered");
                let stops = beat.map(|mut beat| {
                    beat.stops.sort_unstable();
                    beat.stops
                });
                answers(&stops, &model.beat(worker.id))
            }
            Move::Cancel { job } => {
                let answer = match store.cancel(1, *job, "mia", "").await {
                    Ok(Cancelled::Ended) => CancelAnswer::Ended,
                    Ok(Cancelled::Asked) => CancelAnswer::Asked,
                    Err(error) if error.code() == "illegal_state" => CancelAnswer::Final,
                    Err(error) => panic!("{error:?}"),
                };
                answers(&answer, &model.cancel(*job))
            }
            Move::EndCancelling => {
                let ended = store.end_cancelling().await.expect("ended");
                answers(&ended, &model.end_cancelling())
            }
            Move::Wake { now } => {
                let woken = store.wake(Some(self.at(*now))).await.expect("woken");
                answers(&usize::try_from(woken).expect("a count"), &model.wake(*now))
            }
            Move::Release => {
                let released = store.release().await.expect("released");
                answers(&released, &model.release())
            }
            _ => answers(&store.finish().await.expect("finished"), &model.finish()),
        }
    }

    async fn claim(&mut self, worker: usize, claim: Uuid, lanes: &[(i32, i64)]) -> Vec<Claimed> {
        let lanes = lanes
            .iter()
            .map(|(lane, quota)| (*lane, usize::try_from(*quota).expect("small")));
        let want = Want {
            limited: false,
            named: false,
            claim,
            lanes: lanes.collect(),
        };
        let worker = &mut self.workers[worker];
        let exchanged = worker.hot.exchange(worker.id, &[], Some(&want)).await;
        exchanged.expect("claimed").claimed
    }

    async fn settle(
        &mut self,
        model: &Model,
        worker: usize,
        entries: &[(Settle, LeaseKey)],
    ) -> Vec<i64> {
        let entries: Vec<NewEntry> = entries
            .iter()
            .map(|(entry, lease)| self.entry(model, entry, *lease))
            .collect();
        let hot: &mut Hot = &mut self.workers[worker].hot;
        hot.exchange(Uuid::nil(), &entries, None)
            .await
            .expect("recorded")
            .refused
    }

    fn entry(&self, model: &Model, entry: &Settle, lease: LeaseKey) -> NewEntry {
        let turn = entry.turn.then(|| Entry {
            seq: model.turns(entry.job) + 1,
            kind: "started".into(),
            at: Utc::now(),
            data: "{}".into(),
        });
        NewEntry {
            post: None,
            job: entry.job,
            lease,
            obeys: entry.obeys,
            entry: turn,
            head: None,
            ending: entry.end.map(|end| self.ending(end)),
            remembers: entry.remembers,
            undoes: false,
            members: 0,
        }
    }

    fn ending(&self, end: End) -> Ending {
        match end {
            End::Outcome {
                kind,
                code,
                has_result,
            } => Ending::Machine(MachineEnd::Outcome(Outcome {
                kind: if kind == "failed" {
                    OutcomeKind::Failed
                } else {
                    OutcomeKind::Completed
                },
                code: code.map(Into::into),
                fingerprint: None,
                result: has_result.then(|| "{}".into()),
            })),
            End::Retry(at) => Ending::Machine(MachineEnd::Retry { at: self.at(at) }),
            End::Park => Ending::Machine(MachineEnd::Park {
                reason: "look".into(),
            }),
            End::Rest(due) => Ending::Rest {
                due: due.map(|due| self.at(due)),
            },
            End::Back => Ending::Back,
        }
    }
}

async fn enter(worker: &mut TestWorker, id: Uuid) {
    worker.id = id;
    let incarnation = Incarnation {
        id,
        ..Incarnation::default()
    };
    worker.beat.enter(&incarnation).await.expect("entered");
}

fn id(submitted: &Submitted) -> i64 {
    match submitted {
        Submitted::Created { job } => *job,
        other => panic!("a new job expected, {other:?} found"),
    }
}

fn held(job: &Claimed, worker: usize) -> Held {
    Held {
        job: job.id,
        lease: job.lease,
        worker,
        journaled: job.journaled,
    }
}

fn taken(job: &Claimed) -> Taken {
    Taken {
        job: job.id,
        attempt: job.attempt,
        losses: job.losses,
        journaled: job.journaled,
    }
}

fn answers(store: &impl std::fmt::Debug, model: &impl std::fmt::Debug) -> (String, String) {
    (format!("{store:?}"), format!("{model:?}"))
}

fn difference(
    seed: u64,
    made: &[String],
    answers: &(String, String),
    rows: &[String],
    told: &[String],
) -> String {
    let only = |these: &[String], those: &[String]| {
        let alone = these.iter().filter(|row| !those.contains(row));
        alone.map(|row| format!("  {row}\n")).collect::<String>()
    };
    format!(
        "seed {seed}, move {}\nthe store answers {}\nthe model answers {}\nonly in the store:\n{}only in the model:\n{}moves:\n  {}",
        made.len(),
        answers.0,
        answers.1,
        only(rows, told),
        only(told, rows),
        made.join("\n  ")
    )
}
