//! `expires_at`: a job that nobody started in time ends, whoever looks first.

use crate::common::{Bench, ending};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use windlass_engine::store::{Ending, NewRequest, Submitted};
use windlass_workflows::machine::turn::End;

async fn submit(bench: &Bench, requests: &[NewRequest]) -> Vec<i64> {
    let submitted = bench
        .store
        .submit(1, "mia", requests)
        .await
        .expect("submitted");
    submitted
        .into_iter()
        .map(|one| match one {
            Submitted::Created { job } => job,
            other => panic!("{other:?}"),
        })
        .collect()
}

fn expiring(bench: &Bench, at: DateTime<Utc>) -> NewRequest {
    NewRequest {
        expires_at: Some(at),
        ..bench.request()
    }
}

async fn kind(bench: &Bench, job: i64) -> String {
    let view = bench.store.job(1, job).await.expect("the job");
    view.state.as_str().to_owned()
}

#[tokio::test]
async fn jobs_that_nobody_started_end_expired_and_their_neighbours_stay() {
    let bench = Bench::new().await;
    let (soon, late) = (
        Utc::now() + TimeDelta::hours(1),
        Utc::now() + TimeDelta::hours(9),
    );
    let mut requests = vec![expiring(&bench, late); 6];
    for place in [1, 2, 5] {
        requests[place].expires_at = Some(soon);
    }
    let later = NewRequest {
        start_at: Some(Utc::now() + TimeDelta::hours(3)),
        ..expiring(&bench, soon)
    };
    let ids = submit(&bench, &requests).await;
    let scheduled = submit(&bench, &[later]).await;
    assert_eq!(bench.count("select count(*) from ready").await, 1);

    let early = bench.store.expire_jobs(None).await.expect("a pass");
    let ended = bench
        .store
        .expire_jobs(Some(soon + TimeDelta::seconds(1)))
        .await;

    assert_eq!((early, ended.expect("a pass")), (0, 4));
    for (place, id) in ids.iter().enumerate() {
        let wanted = if [1, 2, 5].contains(&place) {
            "expired"
        } else {
            "ready"
        };
        assert_eq!(kind(&bench, *id).await, wanted);
    }
    assert_eq!(kind(&bench, scheduled[0]).await, "expired");
    assert_eq!(bench.count("select count(*) from expiry").await, 3);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn what_a_worker_has_is_left_to_it_and_comes_back_to_its_end() {
    let bench = Bench::new().await;
    let soon = Utc::now() + TimeDelta::hours(1);
    let past = Some(soon + TimeDelta::hours(1));
    let mut worker = bench.worker().await;
    let ids = submit(&bench, &vec![expiring(&bench, soon); 4]).await;
    let claimed = worker.claim(3).await;

    let while_leased = bench.store.expire_jobs(past).await.expect("a pass");
    assert_eq!(while_leased, 1, "only what nobody has");
    assert_eq!(
        claimed[0].expires_at.map(|at| at.timestamp()),
        Some(soon.timestamp())
    );
    let retry = Ending::Machine(End::Retry { at: Utc::now() });
    let entries = [
        ending(&claimed[0], Ending::Back),
        ending(&claimed[1], retry),
    ];
    worker.record(&entries).await;
    worker.complete(&claimed[2..]).await;
    let after = bench.store.expire_jobs(past).await.expect("a pass");

    assert_eq!(after, 1, "one came back unstarted");
    assert_eq!(kind(&bench, ids[0]).await, "expired");
    assert_eq!(
        kind(&bench, ids[1]).await,
        "scheduled",
        "one was tried, and goes on"
    );
    assert_eq!(kind(&bench, ids[2]).await, "completed");
    assert_eq!(kind(&bench, ids[3]).await, "expired");
    bench.store.expire_jobs(past).await.expect("a pass");
    assert_eq!(
        bench.count("select count(*) from expiry").await,
        0,
        "nothing is left to watch"
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_locked_extent_is_looked_at_again() {
    let bench = Bench::new().await;
    let soon = Utc::now() + TimeDelta::hours(1);
    let past = Some(soon + TimeDelta::hours(1));
    submit(&bench, &[expiring(&bench, soon)]).await;
    let held = bench.database.hold("select from ready for update").await;

    let meanwhile = bench.store.expire_jobs(past).await.expect("a pass");
    held.release().await;
    let after = bench.store.expire_jobs(past).await.expect("a pass");

    assert_eq!((meanwhile, after), (0, 1));
    bench.assert_held_once().await;
}

#[tokio::test]
async fn two_keepers_end_each_job_once() {
    let bench = Bench::new().await;
    let soon = Utc::now() + TimeDelta::hours(1);
    let past = Some(soon + TimeDelta::hours(1));
    let tagged = NewRequest {
        tags: Some(json!({ "team": "ops" })),
        ..expiring(&bench, soon)
    };
    submit(&bench, &vec![tagged; 900]).await;
    let mut worker = bench.worker().await;

    let mut ended = 0;
    let mut claimed = 0;
    for _ in 0..20 {
        let (one, two, claim) = tokio::join!(
            bench.store.expire_jobs(past),
            bench.store.expire_jobs(past),
            worker.claim(10),
        );
        ended += one.expect("a pass") + two.expect("a pass");
        claimed += claim.len() as i64;
    }

    assert_eq!(ended + claimed, 900);
    bench.assert_held_once().await;
}
