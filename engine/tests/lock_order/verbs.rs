//! The writing verbs, each as a keeper, a worker or a caller would run it on the scene.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use futures::future::BoxFuture;
use uuid::Uuid;
use windlass_engine::Error;
use windlass_engine::protocol::Trigger;
use windlass_engine::store::{Ending, Expected, NewEntry, NewRequest, NewSave, Post, Want};
use windlass_workflows::machine::event::Activity;
use windlass_workflows::machine::turn::Effect;

use super::common::LEASE_TIME;
use super::common::contexts::{a_change, a_save, merge};
use super::common::mail::{a_signal, paid, signal_to, with_post};
use super::scene::Scene;

type Done = BoxFuture<'static, Result<(), Error>>;

/// A verb that writes.
pub struct Verb {
    pub name: &'static str,
    /// What it wants to find beside the scene.
    pub prepare: &'static str,
    pub run: fn(Arc<Scene>) -> Done,
}

/// A verb that is one call of the store.
macro_rules! of_store {
    ($name:literal, $prepare:literal, |$store:ident, $scene:ident| $call:expr) => {
        Verb {
            name: $name,
            prepare: $prepare,
            run: |$scene| {
                Box::pin(async move {
                    let $store = $scene.store.lock().await.clone();
                    $call.await.map(drop)
                })
            },
        }
    };
}

/// A verb of a worker's heartbeat.
macro_rules! of_beat {
    ($name:literal, |$beat:ident, $scene:ident| $call:expr) => {
        Verb {
            name: $name,
            prepare: "",
            run: |$scene| {
                Box::pin(async move {
                    let mut $beat = $scene.beats.lock().await.pop().expect("one a verb");
                    let answer = $call.await.map(drop);
                    $scene.beats.lock().await.push($beat);
                    answer
                })
            },
        }
    };
}

/// All of them.
pub const VERBS: &[Verb] = &[
    Verb {
        name: "settle",
        prepare: "",
        run: |scene| exchange(scene, |all| all, 0),
    },
    Verb {
        name: "settle in another order",
        prepare: "",
        run: |scene| exchange(scene, reversed, 0),
    },
    Verb {
        name: "claim",
        prepare: "",
        run: |scene| exchange(scene, |_| vec![], 5),
    },
    Verb {
        name: "settle and claim",
        prepare: "",
        run: |scene| exchange(scene, half, 5),
    },
    of_store!(
        "keep breakers",
        "insert into breaker (tenant, template, state, opened_at, due)
         select 1, template, 'open', now(), now() from lane where template <> '' limit 1
         on conflict do nothing",
        |store, scene| store.keep_breakers(None)
    ),
    of_store!("expire", "", |store, scene| store.expire(LEASE_TIME)),
    of_beat!("give back unlisted", |beat, scene| beat.give_back_unlisted(
        scene.worker,
        &[],
        Duration::from_secs(1)
    )),
    of_beat!("heartbeat", |beat, scene| beat.renew(scene.worker)),
    of_beat!("leave", |beat, scene| beat.leave(scene.worker)),
    of_store!("cancel ready", "", |store, scene| store.cancel(
        1,
        scene.jobs.ready,
        "mia",
        ""
    )),
    of_store!("cancel later", "", |store, scene| store.cancel(
        1,
        scene.jobs.later,
        "mia",
        ""
    )),
    of_store!("cancel parked", "", |store, scene| store.cancel(
        1,
        scene.jobs.parked,
        "mia",
        ""
    )),
    of_store!("cancel planned", "", |store, scene| store.cancel(
        1,
        scene.jobs.planned,
        "mia",
        ""
    )),
    of_store!("cancel leased", "", |store, scene| store.cancel(
        1,
        scene.jobs.leased,
        "mia",
        ""
    )),
    of_store!("cancel lost", "", |store, scene| store.cancel(
        1,
        scene.jobs.lost,
        "mia",
        ""
    )),
    of_store!("cancel waiting", "", |store, scene| store.cancel(
        1,
        scene.jobs.waiting,
        "mia",
        ""
    )),
    of_store!("fulfil cancels", "", |store, scene| store.fulfil_cancels()),
    of_store!("end cancelling", "", |store, scene| store.end_cancelling()),
    of_store!("signal what rests", "", |store, scene| {
        store.send_signal(a_signal("k", "s1"))
    }),
    of_store!(
        "publish to what rests",
        "insert into event_new (tenant, kind, subject, data) values (1, 'order.paid', 'a', '{}')",
        |store, scene| store.publish_events()
    ),
    of_store!(
        "tell parents",
        "insert into child (job, parent, activity, awaited, on_close)
         select outcome.first_id, wait.job, 1, true, 'wait' from outcome, wait where n = 0 limit 1
         on conflict do nothing",
        |store, scene| store.tell_parents()
    ),
    of_store!(
        "pass signals on",
        "insert into signal (tenant, key, id, name, data, expires_at, refused)
         values (1, 'k', 'r1', 'go', '{}', now() + interval '1 day', '{7}')
         on conflict do nothing",
        |store, scene| store.pass_signals_on()
    ),
    of_store!(
        "return letters",
        "insert into inbox (job, kind, data) select min(first_id), 'event', '{}' from outcome",
        |store, scene| store.return_letters()
    ),
    Verb {
        name: "settle, start, tell and rest",
        prepare: "",
        run: |scene| exchange(scene, with_posts, 0),
    },
    Verb {
        name: "settle, start, tell and rest in another order",
        prepare: "",
        run: |scene| exchange(scene, |all| reversed(with_posts(all)), 0),
    },
    Verb {
        name: "settle and save contexts",
        prepare: CONTEXTS,
        run: |scene| exchange(scene, with_saves, 0),
    },
    Verb {
        name: "settle and save contexts in another order",
        prepare: CONTEXTS,
        run: |scene| exchange(scene, |all| reversed(with_saves(all)), 0),
    },
    Verb {
        name: "change a context",
        prepare: CONTEXTS,
        run: |scene| {
            Box::pin(async move {
                let store = scene.store.lock().await.clone();
                let change = merge(Expected::Anything, "{}");
                store.change_context(1, "a", change, "mia").await.map(drop)
            })
        },
    },
    Verb {
        name: "expire contexts",
        prepare: CONTEXTS,
        run: |scene| {
            Box::pin(async move {
                let store = scene.store.lock().await.clone();
                store.expire_contexts().await.map(drop)
            })
        },
    },
    of_store!("wake and promote", "", |store, scene| store.wake(None)),
    Verb {
        name: "submit",
        prepare: "",
        run: |scene| submit(scene, [None, None]),
    },
    Verb {
        name: "submit keyed",
        prepare: "",
        run: |scene| submit(scene, [Some("a"), Some("b")]),
    },
    Verb {
        name: "submit keyed in another order",
        prepare: "",
        run: |scene| submit(scene, [Some("b"), Some("a")]),
    },
    Verb {
        name: "submit keyed again",
        prepare: "",
        run: |scene| submit(scene, [Some("old2"), Some("old1")]),
    },
    of_store!("prune keys", "", |store, scene| store.prune_keys()),
    of_store!("plan and seal", "", |store, scene| store.plan()),
    of_store!(
        "fail a plan",
        "update batch set document = '{}' where state = 'planning'",
        |store, scene| store.plan()
    ),
    of_store!("release", "", |store, scene| store.release()),
    of_store!("finish", "", |store, scene| store.finish()),
    of_store!("cancel batch", "", |store, scene| store
        .cancel_batch(1, 1, "", "")),
    of_store!("compact", "", |store, scene| store.compact_tallies()),
    of_store!("fire", "", |store, scene| store.fire()),
    of_store!("gather", "", |store, scene| store.gather()),
    of_store!("trigger", "", |store, scene| store.trigger(
        1,
        "briefs",
        Trigger::Extra,
        "mia"
    )),
];

/// Contexts that are over.
const CONTEXTS: &str = "insert into context (tenant, key, version, document, expires_at)
    values (1, 'a', 1, '{}', now()), (1, 'b', 1, '{}', now()) on conflict do nothing";

/// Stops at the gate of keys, and passes it beside another.
const AT_THE_GATE: &str = "select from tenant for share";

/// Two that lock a batch and a lease, one this way and one that way.
pub const OPPOSED: [Verb; 2] = [
    Verb {
        name: "batch, then lease",
        prepare: "",
        run: |scene| {
            raw(
                scene,
                [
                    "select from batch for update",
                    AT_THE_GATE,
                    "select from lease for update",
                ],
            )
        },
    },
    Verb {
        name: "lease, then batch",
        prepare: "",
        run: |scene| {
            raw(
                scene,
                [
                    "select from lease for update",
                    AT_THE_GATE,
                    "select from batch for update",
                ],
            )
        },
    },
];

fn raw(scene: Arc<Scene>, statements: [&'static str; 3]) -> Done {
    Box::pin(async move {
        let mut transaction = scene.bench.pool.begin().await?;
        for statement in statements {
            sqlx::query(statement).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    })
}

fn reversed(mut entries: Vec<NewEntry>) -> Vec<NewEntry> {
    entries.reverse();
    entries
}

fn effect(kind: &str, job: i64) -> Effect {
    Effect {
        activity: Activity(1),
        key: format!("{kind}{job}"),
        step: String::new(),
    }
}

/// Every other job ends and tells the next one, which comes to rest.
fn with_posts(entries: Vec<NewEntry>) -> Vec<NewEntry> {
    let jobs: Vec<i64> = entries.iter().map(|new| new.job).collect();
    let next = jobs.iter().skip(1).chain(&jobs);
    let paired = entries.into_iter().zip(next).enumerate();
    paired
        .map(|(place, (new, next))| {
            let (ending, causes) = match place % 2 {
                0 => (new.ending.clone(), Vec::new()),
                _ => (
                    Some(Ending::Rest { due: None }),
                    vec![signal_to("k"), paid("a")],
                ),
            };
            let parent = (place % 2 == 0).then_some(*next);
            let post = Post {
                causes,
                parent,
                effects: vec![effect("e", new.job)],
                freed: vec![effect("f", new.job)],
                ..Post::default()
            };
            with_post(NewEntry { ending, ..new }, post)
        })
        .collect()
}

/// Every entry saves the same two contexts, every other one in another order.
fn with_saves(entries: Vec<NewEntry>) -> Vec<NewEntry> {
    let saves = |place: usize| {
        let mut keys = ["a", "b"];
        keys.rotate_left(place % 2);
        let save = |key: &str| NewSave {
            key: key.into(),
            ..[a_save as fn(&str) -> NewSave, a_change][place % 2]("{}")
        };
        keys.iter().map(|key| save(key)).collect()
    };
    let saving = |(place, new)| {
        let post = Post {
            saves: saves(place),
            ..Post::default()
        };
        with_post(new, post)
    };
    entries.into_iter().enumerate().map(saving).collect()
}

fn half(mut entries: Vec<NewEntry>) -> Vec<NewEntry> {
    entries.retain(|new| new.job % 2 == 0);
    entries
}

/// One exchange: some of what is leased ends, and as many jobs are claimed.
fn exchange(scene: Arc<Scene>, choose: fn(Vec<NewEntry>) -> Vec<NewEntry>, quota: usize) -> Done {
    Box::pin(async move {
        let entries = choose(scene.entries.clone());
        let want = (quota > 0).then(|| Want {
            limited: false,
            named: false,
            claim: Uuid::now_v7(),
            lanes: vec![(scene.bench.lane, quota)],
        });
        let mut hot = scene.hots.lock().await.pop().expect("one a verb");
        let answer = hot.exchange(scene.worker, &entries, want.as_ref()).await;
        scene.hots.lock().await.push(hot);
        answer.map(drop)
    })
}

fn submit(scene: Arc<Scene>, keys: [Option<&'static str>; 2]) -> Done {
    Box::pin(async move {
        let request = |key: Option<&str>| NewRequest {
            idempotency_key: key.map(Into::into),
            start_at: key.map(|_| Utc::now()),
            ..scene.bench.request()
        };
        let store = scene.store.lock().await.clone();
        store.submit(1, "test", &keys.map(request)).await.map(drop)
    })
}
