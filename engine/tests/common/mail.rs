//! Jobs that wait for the outside, and what they are told.

use std::time::Duration;

use windlass_engine::Store;
use windlass_engine::store::{
    Cause, CauseKind, Claimed, Ending, Letter, NewChild, NewEntry, NewEvent, NewSignal, OnClose,
    Post, Signalled, Unread,
};

use super::{Bench, completed, journal};

/// A signal's name that the tests use.
pub const GO: &str = "go";
/// An event's type that they use.
pub const PAID: &str = "order.paid";

pub fn cause(kind: CauseKind, name: &str, key: &str) -> Cause {
    Cause {
        kind,
        name: name.into(),
        key: key.into(),
    }
}

/// The signal [`GO`] to this key.
pub fn signal_to(key: &str) -> Cause {
    cause(CauseKind::Signal, GO, key)
}

/// An event [`PAID`] of this subject.
pub fn paid(subject: &str) -> Cause {
    cause(CauseKind::Event, PAID, subject)
}

/// The end of the child that activity 1 started.
pub fn child() -> Cause {
    cause(CauseKind::Child, "", "1")
}

/// A job that remembers and then rests for these, with nothing in its inbox that it knows.
pub fn resting(job: &Claimed, seq: i32, causes: Vec<Cause>) -> NewEntry {
    with_post(
        NewEntry {
            ending: Some(Ending::Rest { due: None }),
            ..journal(job, seq)
        },
        Post {
            causes,
            ..Post::default()
        },
    )
}

/// The same, with a timer that is over.
pub fn resting_until_now(job: &Claimed, seq: i32, causes: Vec<Cause>) -> NewEntry {
    let due = Some(chrono::Utc::now() - chrono::TimeDelta::minutes(1));
    NewEntry {
        ending: Some(Ending::Rest { due }),
        ..resting(job, seq, causes)
    }
}

pub fn with_post(new: NewEntry, post: Post) -> NewEntry {
    let post = Post { tenant: 1, ..post };
    NewEntry {
        post: Some(Box::new(post)),
        ..new
    }
}

/// A turn that starts a child which it waits for.
pub async fn spawning(bench: &Bench, job: &Claimed, seq: i32, on_close: OnClose) -> NewEntry {
    let ids = bench.store.child_ids(1).await.expect("an id");
    let child = NewChild {
        id: ids[0],
        lane: bench.lane,
        template_version: bench.version,
        input: "{}".into(),
        priority: 0,
        start_within: None,
        activity: u32::try_from(seq).expect("a number of a turn"),
        awaited: true,
        on_close,
    };
    with_post(
        journal(job, seq),
        Post {
            children: vec![child],
            ..Post::default()
        },
    )
}

/// A child that ends well, under the eyes of its parent.
pub fn child_done(job: &Claimed) -> NewEntry {
    let parent = job.parent;
    assert!(parent.is_some(), "a child knows its parent");
    with_post(
        completed(job),
        Post {
            parent,
            ..Post::default()
        },
    )
}

pub fn a_signal(key: &str, id: &str) -> NewSignal {
    NewSignal {
        tenant: 1,
        key: key.into(),
        id: id.into(),
        name: GO.into(),
        data: format!(r#"{{"id":"{id}","subject":"{key}"}}"#),
        ttl: Duration::from_secs(3_600),
    }
}

pub async fn send(store: &Store, key: &str, id: &str) -> Signalled {
    store.send_signal(a_signal(key, id)).await.expect("sent")
}

pub fn an_event(subject: &str, id: &str) -> NewEvent {
    NewEvent {
        kind: PAID.into(),
        subject: subject.into(),
        uid: Some(id.into()),
        data: format!(r#"{{"id":"{id}"}}"#),
    }
}

/// Writes an event and publishes what there is.
pub async fn tell(store: &Store, subject: &str, id: &str) -> i64 {
    let event = [an_event(subject, id)];
    store.append_events(1, &event).await.expect("written");
    store.publish_events().await.expect("published")
}

/// What stands in a job's inbox, as it was told.
pub async fn letters(bench: &Bench, job: i64) -> Vec<String> {
    let letters = unread(bench, job).await;
    letters.into_iter().map(|letter| letter.data).collect()
}

/// The first page of what stands in a job's inbox.
pub async fn unread(bench: &Bench, job: i64) -> Vec<Letter> {
    let read = bench.store.letters(job, Unread::default()).await;
    read.expect("read").page
}
