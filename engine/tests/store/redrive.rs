//! Dead letter and redrive: what is parked is grouped by its error and comes back at a pace; the error
//! that returns stops it.

use std::time::Duration;

use crate::common::dead::{FINGERPRINT, exhausted, failed, parked, pass, view, wanted};
use crate::common::{Bench, ending};
use windlass_engine::store::{Ending, NewRedrive};
use windlass_workflows::machine::turn::End;

#[tokio::test]
async fn the_dead_letter_is_grouped_by_error_and_paged() {
    let bench = Bench::new().await;
    let mut worker = parked(&bench, 7).await;
    bench.submit(3).await;
    let others = worker.claim(3).await;
    let entries = [
        exhausted(&others[0], "validation-400-ffff"),
        exhausted(&others[1], "validation-400-ffff"),
        ending(
            &others[2],
            Ending::Machine(End::Park {
                reason: "look".into(),
            }),
        ),
    ];
    worker.record(&entries).await;

    let first = bench.store.dead_letter(1, None, 2).await.expect("groups");
    let next = first.next.clone().expect("there is more");
    let second = bench
        .store
        .dead_letter(1, Some(&next), 2)
        .await
        .expect("groups");

    let groups: Vec<_> = first.items.iter().chain(&second.items).collect();
    let counts: Vec<_> = groups
        .iter()
        .map(|group| (group.fingerprint.as_str(), group.jobs))
        .collect();
    assert_eq!(
        counts,
        [("", 1), (FINGERPRINT, 7), ("validation-400-ffff", 2)]
    );
    assert_eq!(
        (groups[0].why.as_str(), groups[1].why.as_str()),
        ("look", "answered 503")
    );
    assert!(second.next.is_none());
    let page = bench
        .store
        .dead_jobs(1, FINGERPRINT, None, 5)
        .await
        .expect("jobs");
    let rest = bench
        .store
        .dead_jobs(1, FINGERPRINT, page.next, 5)
        .await
        .expect("jobs");
    assert_eq!((page.items.len(), rest.items.len()), (5, 2));
    assert!(
        bench
            .store
            .dead_letter(2, None, 10)
            .await
            .expect("foreign")
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn parked_jobs_come_back_unspent_and_the_redrive_completes() {
    let bench = Bench::new().await;
    let mut worker = parked(&bench, 3).await;
    let redrive = bench.store.redrive(1, &wanted()).await.expect("begun");

    assert_eq!(pass(&bench).await, Some(3));
    let again = worker.claim(10).await;
    assert_eq!(again.len(), 3);
    assert!(again.iter().all(|job| job.attempt == 0));
    worker.complete(&again).await;
    assert_eq!(pass(&bench).await, Some(0));

    let seen = view(&bench, redrive.id).await;
    assert_eq!(
        (seen.state.as_str(), seen.moved, seen.good, seen.bad),
        ("completed", 3, 3, 0)
    );
    assert_eq!(bench.store.pace_redrives().await.expect("none runs"), None);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn the_rate_is_kept() {
    let bench = Bench::new().await;
    let _worker = parked(&bench, 25).await;
    let slow = NewRedrive {
        rate: 10,
        ..wanted()
    };
    bench.store.redrive(1, &slow).await.expect("begun");

    assert_eq!(pass(&bench).await, Some(10));
    assert_eq!(
        bench.store.pace_redrives().await.expect("paced"),
        Some(0),
        "not in the same second"
    );
    assert_eq!(pass(&bench).await, Some(10));
    assert_eq!(pass(&bench).await, Some(5));
}

#[tokio::test]
async fn the_others_wait_for_the_canary() {
    let bench = Bench::new().await;
    let mut worker = parked(&bench, 10).await;
    let careful = NewRedrive {
        canary: 2,
        ..wanted()
    };
    bench.store.redrive(1, &careful).await.expect("begun");

    assert_eq!(pass(&bench).await, Some(2));
    assert_eq!(pass(&bench).await, Some(0), "the canary is still out");
    let canary = worker.claim(10).await;
    worker.complete(&canary).await;
    assert_eq!(pass(&bench).await, Some(8));
}

#[tokio::test]
async fn the_error_that_returns_stops_it() {
    let bench = Bench::new().await;
    let mut worker = parked(&bench, 10).await;
    let careful = NewRedrive {
        canary: 2,
        ..wanted()
    };
    let redrive = bench.store.redrive(1, &careful).await.expect("begun");
    pass(&bench).await;
    let canary = worker.claim(10).await;
    worker.record(&[exhausted(&canary[0], FINGERPRINT)]).await;

    assert_eq!(pass(&bench).await, Some(0));

    let seen = view(&bench, redrive.id).await;
    assert_eq!(seen.state, "stopped");
    let reason = seen.reason.expect("it says why");
    assert!(reason.contains(&format!("j_{}", canary[0].id)), "{reason}");
    assert_eq!(
        bench.count("select count(*) from held").await,
        9,
        "the others stayed"
    );
}

#[tokio::test]
async fn another_error_does_not_stop_it() {
    let bench = Bench::new().await;
    let mut worker = parked(&bench, 2).await;
    let redrive = bench.store.redrive(1, &wanted()).await.expect("begun");
    pass(&bench).await;
    let again = worker.claim(10).await;
    worker
        .record(&[exhausted(&again[0], "validation-400-ffff")])
        .await;
    worker.complete(&again[1..]).await;

    pass(&bench).await;

    assert_eq!(view(&bench, redrive.id).await.state, "completed");
}

#[tokio::test]
async fn a_failed_job_is_redriven_once_as_a_new_job_that_links_back() {
    let bench = Bench::new().await;
    bench.submit(2).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(2).await;
    worker
        .record(&jobs.iter().map(failed).collect::<Vec<_>>())
        .await;
    let both = NewRedrive {
        failed_too: true,
        ..wanted()
    };

    for _ in 0..2 {
        bench.store.redrive(1, &both).await.expect("begun");
        for _ in 0..4 {
            pass(&bench).await;
        }
        let again = worker.claim(10).await;
        worker.complete(&again).await;
        pass(&bench).await;
    }

    let mut links: Vec<i64> =
        sqlx::query_scalar("select redrive_of from job where redrive_of is not null")
            .fetch_all(&bench.pool)
            .await
            .expect("links");
    links.sort_unstable();
    assert_eq!(links, [jobs[0].id, jobs[1].id], "once each");
    assert_eq!(
        bench
            .count("select count(*) from outcome where kind = 'failed'")
            .await,
        2,
        "a final outcome never changes"
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_job_that_parked_first_and_failed_then_is_redriven_as_failed() {
    let bench = Bench::new().await;
    let mut worker = parked(&bench, 1).await;
    bench.store.redrive(1, &wanted()).await.expect("begun");
    pass(&bench).await;
    let job = worker.claim(1).await.remove(0);
    worker.record(&[failed(&job)]).await;
    pass(&bench).await;
    let both = NewRedrive {
        failed_too: true,
        ..wanted()
    };

    bench.store.redrive(1, &both).await.expect("begun again");
    for _ in 0..4 {
        pass(&bench).await;
    }

    let links = "select redrive_of from job where redrive_of is not null";
    assert_eq!(bench.count(links).await, job.id);
}

#[tokio::test]
async fn a_failed_job_that_somebody_else_renews_at_the_same_time_is_left_to_them() {
    let bench = Bench::new().await;
    bench.submit(2).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(2).await;
    worker
        .record(&jobs.iter().map(failed).collect::<Vec<_>>())
        .await;
    let both = NewRedrive {
        failed_too: true,
        ..wanted()
    };
    let elsewhere = NewRedrive {
        fingerprint: Some("another".into()),
        ..wanted()
    };
    bench.store.redrive(1, &elsewhere).await.expect("begun");
    bench.store.redrive(1, &both).await.expect("begun");
    let mut other = bench.pool.begin().await.expect("a transaction");
    sqlx::query(
        "insert into redrive_job (redrive, job, origin) select min(id), -1, $1 from redrive",
    )
    .bind(jobs[0].id)
    .execute(&mut *other)
    .await
    .expect("renewed elsewhere");

    let passes = async {
        for _ in 0..4 {
            pass(&bench).await;
        }
    };
    let waiting = "select count(*) from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'";
    let commit = async {
        while bench.count(waiting).await == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        other.commit().await.expect("committed");
    };
    tokio::time::timeout(Duration::from_secs(20), async {
        tokio::join!(passes, commit)
    })
    .await
    .expect("one waits for the other");

    let links: Vec<i64> =
        sqlx::query_scalar("select redrive_of from job where redrive_of is not null")
            .fetch_all(&bench.pool)
            .await
            .expect("links");
    assert_eq!(links, [jobs[1].id]);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_redrive_names_something_and_stays_within_bounds() {
    let bench = Bench::new().await;
    let wrong = [
        NewRedrive {
            fingerprint: None,
            ..wanted()
        },
        NewRedrive {
            rate: 0,
            ..wanted()
        },
        NewRedrive {
            jobs: Some(Vec::new()),
            ..wanted()
        },
        NewRedrive {
            canary: -1,
            ..wanted()
        },
    ];
    for new in wrong {
        assert_eq!(
            bench
                .store
                .redrive(1, &new)
                .await
                .expect_err("wrong")
                .code(),
            "invalid"
        );
    }
    assert_eq!(bench.count("select count(*) from redrive").await, 0);
}

#[tokio::test]
async fn a_cancelled_redrive_lets_nothing_more_go() {
    let bench = Bench::new().await;
    let _worker = parked(&bench, 20).await;
    let slow = NewRedrive {
        rate: 5,
        ..wanted()
    };
    let redrive = bench.store.redrive(1, &slow).await.expect("begun");
    pass(&bench).await;

    bench
        .store
        .cancel_redrive(1, redrive.id, "no")
        .await
        .expect("cancelled");

    assert_eq!(pass(&bench).await, None);
    assert_eq!(bench.count("select count(*) from held").await, 15);
    let again = bench
        .store
        .cancel_redrive(1, redrive.id, "no")
        .await
        .expect("harmless");
    assert_eq!((again.state.as_str(), again.moved), ("cancelled", 5));
}

#[tokio::test]
async fn a_redriven_poison_job_stays_alone() {
    let bench = Bench::new().await;
    let mut worker = parked(&bench, 1).await;
    sqlx::query("update held set losses = 3, fingerprint = 'lost'")
        .execute(&bench.pool)
        .await
        .expect("poison");
    let poison = NewRedrive {
        fingerprint: Some("lost".into()),
        ..wanted()
    };
    bench.store.redrive(1, &poison).await.expect("begun");
    pass(&bench).await;

    let again = worker.claim(10).await;
    assert_eq!(again[0].losses, 2);
    bench.silence(&worker).await;
    let expired = bench
        .store
        .expire(Duration::from_secs(30))
        .await
        .expect("expired");

    assert_eq!(expired.parked, 1, "its next loss parks it");
}
