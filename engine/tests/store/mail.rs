//! What jobs are told: who is given what, how often, and what becomes of what nobody reads.

mod many;
mod passing;

use crate::common::mail::{
    an_event, cause, child, letters, paid, resting, send, signal_to, spawning, tell, unread,
    with_post,
};
use crate::common::{Bench, TestWorker, completed, journal};
use chrono::Utc;
use serde_json::value::RawValue;
use windlass_engine::Error;
use windlass_engine::protocol::{Occurrence, SIGNAL_TTL, Signal, To, signal_name};
use windlass_engine::store::{CauseKind, Claimed, OnClose, Post, Signalled};

/// A job that a worker has.
async fn claimed(bench: &Bench) -> (TestWorker, Claimed) {
    bench.submit(1).await;
    let mut worker = bench.worker().await;
    let job = worker.claim(1).await.remove(0);
    (worker, job)
}

#[tokio::test]
async fn explain_names_what_a_job_waits_for() {
    let bench = Bench::new().await;
    let (mut worker, job) = claimed(&bench).await;
    let turn = spawning(&bench, &job, 1, OnClose::Wait).await;
    worker.record(&[turn]).await;
    let me = format!("j_{}", job.id);
    let causes = vec![
        signal_to(&me),
        signal_to("order-17"),
        paid(""),
        paid("a"),
        child(),
    ];
    worker.record(&[resting(&job, 2, causes)]).await;

    let reasons = bench
        .store
        .explain(1, job.id, crate::common::LEASE_TIME)
        .await;

    let mut texts: Vec<String> = reasons
        .expect("said")
        .into_iter()
        .map(|one| one.text)
        .collect();
    texts.sort();
    let child = bench
        .count("select id from job where parent is not null")
        .await;
    let mut expected = vec![
        "it waits for the signal `go`".to_owned(),
        "it waits for the signal `go` to `order-17`".to_owned(),
        "it waits for an event `order.paid`".to_owned(),
        "it waits for an event `order.paid` of `a`".to_owned(),
        format!("it waits for its job j_{child}, which is ready"),
    ];
    expected.sort();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn an_event_is_given_once_to_each_job_that_waits_or_was_there_before_it() {
    let bench = Bench::new().await;
    bench.submit(3).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(3).await;
    tell(&bench.store, "a", "e1").await;
    bench.submit(1).await;
    let late = worker.claim(1).await.remove(0);
    worker
        .record(&[
            resting(&jobs[0], 1, vec![paid("a")]),
            resting(&jobs[1], 1, vec![paid(""), paid("a")]),
            resting(&jobs[2], 1, vec![paid("b")]),
            resting(&late, 1, vec![paid("a")]),
        ])
        .await;
    let given = |place: usize| letters(&bench, jobs[place].id);
    assert_eq!(given(0).await.len(), 1);
    assert_eq!(given(1).await.len(), 1, "once, though two listens fit");
    assert_eq!(given(2).await.len(), 0);
    assert_eq!(letters(&bench, late.id).await.len(), 0, "younger than it");

    // Taken and waiting again, under another subject that fits as well: it is not given again.
    let again = worker.claim(2).await;
    for job in &again {
        let ids = unread(&bench, job.id).await;
        let taken = ids.iter().map(|letter| letter.id).collect();
        let mut entry = resting(job, 2, vec![paid("")]);
        entry.post.as_mut().expect("a post").taken = taken;
        worker.record(&[entry]).await;
    }

    assert_eq!(given(1).await.len(), 0);
    assert_eq!(tell(&bench.store, "b", "e2").await, 1);
    assert_eq!(given(0).await.len(), 1);
    assert_eq!(given(2).await.len(), 1);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_second_event_of_one_id_is_dropped() {
    let bench = Bench::new().await;
    let events = [
        an_event("a", "e1"),
        an_event("a", "e1"),
        an_event("a", "e2"),
    ];
    bench
        .store
        .append_events(1, &events)
        .await
        .expect("written");
    bench.store.publish_events().await.expect("published");
    tell(&bench.store, "a", "e2").await;

    assert_eq!(bench.count("select count(*) from event").await, 2);
    assert_eq!(bench.count("select pos from event_head").await, 2);
    assert_eq!(bench.count("select count(*) from event_new").await, 0);
}

#[tokio::test]
async fn any_event_wakes_who_waits_for_any() {
    let bench = Bench::new().await;
    let (mut worker, job) = claimed(&bench).await;
    worker
        .record(&[resting(&job, 1, vec![cause(CauseKind::Event, "", "a")])])
        .await;

    tell(&bench.store, "b", "e1").await;
    assert_eq!(letters(&bench, job.id).await.len(), 0);
    tell(&bench.store, "a", "e2").await;
    assert_eq!(letters(&bench, job.id).await.len(), 1);
}

#[tokio::test]
async fn a_running_job_collects_what_it_listens_for() {
    let bench = Bench::new().await;
    let (mut worker, job) = claimed(&bench).await;
    send(&bench.store, "k", "s1").await;
    send(&bench.store, "k", "s2").await;
    tell(&bench.store, "a", "e1").await;
    let causes = [signal_to("k"), paid("a")];
    let collect = || bench.store.collect(1, job.id, job.lease, 0, &causes);

    assert_eq!(collect().await.expect("looked"), 2);
    assert_eq!(collect().await.expect("looked"), 1, "the second signal");
    assert_eq!(collect().await.expect("looked"), 0);

    worker.complete(std::slice::from_ref(&job)).await;
    send(&bench.store, "k", "s3").await;
    assert_eq!(collect().await.expect("looked"), 0, "its lease is gone");
}

#[tokio::test]
async fn what_an_ended_job_has_not_read_goes_to_the_next() {
    let bench = Bench::new().await;
    bench.submit(2).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(2).await;
    send(&bench.store, "k", "s1").await;
    let entries = [resting(&jobs[0], 1, vec![signal_to("k")])];
    worker.record(&entries).await;
    worker
        .record(&[resting(&jobs[1], 1, vec![signal_to("k")])])
        .await;
    bench
        .store
        .kill(1, jobs[0].id, "mia", "")
        .await
        .expect("killed");

    assert_eq!(bench.store.return_letters().await.expect("returned"), 1);

    assert_eq!(letters(&bench, jobs[1].id).await.len(), 1);
    let again = send(&bench.store, "k", "s1").await;
    assert_eq!(
        again,
        Signalled::Duplicate {
            job: Some(jobs[1].id)
        }
    );
}

#[tokio::test]
async fn a_letter_that_is_put_back_can_be_taken_again() {
    let bench = Bench::new().await;
    let (mut worker, job) = claimed(&bench).await;
    send(&bench.store, "k", "s1").await;
    let causes = [signal_to("k")];
    let collected = bench.store.collect(1, job.id, job.lease, 0, &causes).await;
    collected.expect("looked");
    let letter = unread(&bench, job.id).await.remove(0);
    let said = |post: Post, seq| with_post(journal(&job, seq), post);
    let taken = vec![letter.id];
    worker
        .record(&[said(
            Post {
                taken,
                ..Post::default()
            },
            1,
        )])
        .await;
    assert_eq!(letters(&bench, job.id).await.len(), 0);

    let returned = vec![letter.clone()];
    worker
        .record(&[said(
            Post {
                returned,
                ..Post::default()
            },
            2,
        )])
        .await;

    let back = unread(&bench, job.id).await.remove(0);
    assert_eq!((back.id, &back.data), (letter.id, &letter.data));
    let kind = "select count(*) from inbox where kind = 'signal' and signal = 's1'";
    assert_eq!(bench.count(kind).await, 1);
    // Its job ends without it: it is there for others.
    worker.complete(&[job]).await;
    bench.store.return_letters().await.expect("returned");
    let kept = "select count(*) from signal where job is null";
    assert_eq!(bench.count(kept).await, 1);
}

#[tokio::test]
async fn signals_end_with_their_time() {
    let bench = Bench::new().await;
    send(&bench.store, "k", "s1").await;
    sqlx::query("update signal set expires_at = now() - interval '1 minute'")
        .execute(&bench.pool)
        .await
        .expect("long ago");
    let (mut worker, job) = claimed(&bench).await;

    worker
        .record(&[resting(&job, 1, vec![signal_to("k")])])
        .await;

    assert_eq!(letters(&bench, job.id).await.len(), 0);
    assert_eq!(bench.store.expire_signals().await.expect("expired"), 1);
}

fn signal(to: To, name: &str) -> Signal {
    Signal {
        to,
        name: name.into(),
        id: "s1".into(),
        data: Some(RawValue::from_string(r#"{"n":1.50}"#.into()).expect("JSON")),
        ttl: SIGNAL_TTL,
        at: Utc::now(),
    }
}

#[tokio::test]
async fn a_signal_is_a_cloud_event_to_a_job_that_has_not_ended() {
    let bench = Bench::new().await;
    let (mut worker, job) = claimed(&bench).await;
    let me = format!("j_{}", job.id);
    worker
        .record(&[resting(&job, 1, vec![signal_to(&me)])])
        .await;

    let sent = bench.store.signal(1, signal(To::Job(job.id), "go")).await;

    assert_eq!(sent.expect("sent"), Signalled::Taken { job: job.id });
    let letter = letters(&bench, job.id).await.remove(0);
    assert!(letter.ends_with(r#","data":{"n":1.50}}"#), "{letter}");
    let event: serde_json::Value = serde_json::from_str(&letter).expect("JSON");
    assert_eq!(event["subject"], me.as_str());
    let kind = event["type"].as_str().expect("a type");
    assert_eq!(signal_name(kind), Some("go"));

    let job = worker.claim(1).await.remove(0);
    worker.record(&[completed(&job)]).await;
    let mut another = signal(To::Job(job.id), "go");
    another.id = "s2".into();
    let late = bench.store.signal(1, another).await;
    assert_eq!(late.expect_err("it has ended").code(), "illegal_state");
    let nobody = bench.store.signal(1, signal(To::Job(1), "go")).await;
    assert_eq!(nobody.expect_err("no such job").code(), "not_found");
}

#[tokio::test]
async fn messages_that_say_too_much_are_refused_with_every_fault() {
    let bench = Bench::new().await;
    let wrong = signal(To::Key("j_7".into()), "no name");
    let refused = bench.store.signal(1, wrong).await;
    let Err(Error::Invalid { problems }) = refused else {
        panic!("{refused:?}");
    };
    let places: Vec<&str> = problems.iter().map(|one| one.pointer.as_str()).collect();
    assert_eq!(places, ["/name", "/key"]);

    let ours = Occurrence {
        kind: "io.windlass.signal.go.v1".into(),
        id: String::new(),
        source: "test".into(),
        subject: None,
        data: None,
        at: Utc::now(),
    };
    let refused = bench.store.tell(1, vec![ours]).await;
    assert_eq!(refused.expect_err("ours").code(), "invalid");
    assert_eq!(bench.count("select count(*) from event_new").await, 0);
}

#[tokio::test]
async fn a_child_that_its_parent_closes_is_cancelled() {
    let bench = Bench::new().await;
    let (mut worker, job) = claimed(&bench).await;
    let turn = spawning(&bench, &job, 1, OnClose::Cancel).await;
    worker.record(&[turn]).await;
    let closed = vec![1];
    let close = with_post(
        journal(&job, 2),
        Post {
            closed,
            ..Post::default()
        },
    );
    worker.record(&[close]).await;

    assert_eq!(bench.store.close_children().await.expect("closed"), 1);
    assert_eq!(bench.store.tell_parents().await.expect("told"), 1);

    let said = letters(&bench, job.id).await.remove(0);
    assert!(said.contains(r#""outcome" : "cancelled""#), "{said}");
    assert_eq!(bench.store.close_children().await.expect("looked"), 0);
}
