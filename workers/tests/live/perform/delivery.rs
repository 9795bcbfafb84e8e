//! Deliveries over real sockets: what a receiver can check, and what it may do wrong.

use std::net::IpAddr;
use std::time::Duration;

use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use windlass_engine::Store;
use windlass_engine::store::{DEFAULT_TENANT, DeliveryTry, DeliveryView, NewDelivery};
use windlass_engine::testing::{TestDatabase, application};
use windlass_workers::delivery::{Deliverer, DelivererOptions};
use windlass_workers::egress::EgressRules;
use windlass_workers::keeper::{Keeper, KeeperOptions};
use windlass_workers::secret::Secrets;

use crate::perform::site::{Seen, Site, reply};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW_KEY: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const BODY: &str = r#"{"type":"batch.finished","data":{"id":"b_7"}}"#;

/// A database with one webhook, and what sends to it.
struct Sender {
    store: Store,
    deliverer: Deliverer,
    _database: TestDatabase,
}

impl Sender {
    async fn to(url: &str, key: &str, egress: EgressRules) -> Self {
        let database = TestDatabase::new().await;
        let store = database.store().await;
        let text = format!(
            "windlass: v1\nkind: Webhook\nname: ops\nurl: '{url}'\n\
             signing_key: {{ secret: ops-key }}\nevents: [ batch.finished ]\n"
        );
        store.apply(application(&[&text])).await.expect("applied");
        let options = DelivererOptions {
            egress,
            secrets: Secrets::new().with("ops-key", key.to_owned()),
            timeout: Duration::from_millis(500),
            ..DelivererOptions::default()
        };
        let deliverer = Deliverer::new(options).expect("a client");
        let sender = Self {
            store,
            deliverer,
            _database: database,
        };
        sender.ask().await;
        sender
    }

    async fn local(url: &str, key: &str) -> Self {
        Self::to(url, key, open()).await
    }

    async fn ask(&self) {
        self.ask_for("ops", "evt_1").await;
    }

    async fn ask_for(&self, webhook: &str, event: &str) {
        let new = NewDelivery {
            webhook: webhook.into(),
            event: event.into(),
            kind: "batch.finished".into(),
            body: BODY.into(),
        };
        let asked = self.store.ask_delivery(DEFAULT_TENANT, new).await;
        asked.expect("asked");
    }

    /// One pass; how many deliveries were tried.
    async fn pass(&self) -> usize {
        let stop = CancellationToken::new();
        let sent = self.deliverer.deliver(&self.store, &stop).await;
        sent.expect("sent")
    }

    /// One pass; the delivery and its log.
    async fn deliver(&self) -> (DeliveryView, Vec<DeliveryTry>) {
        assert_eq!(self.pass().await, 1);
        let (view, _, log) = self.store.delivery(DEFAULT_TENANT, 1).await.expect("it");
        (view, log)
    }
}

/// The site of a test is on this machine.
fn open() -> EgressRules {
    EgressRules {
        allow_private: true,
        ..EgressRules::default()
    }
}

fn ok(_: &Seen) -> Response {
    reply(200, "text/plain", "ok")
}

/// What a receiver does (Standard Webhooks): any of the signatures by its key, over what came, not too old.
fn verifies(seen: &Seen, key: &str, body: &[u8], now: i64) -> bool {
    let part = |name| seen.header(name).expect("a header").to_owned();
    let (id, seconds) = (part("webhook-id"), part("webhook-timestamp"));
    let age = now - seconds.parse::<i64>().expect("seconds");
    let key = key.strip_prefix("whsec_").expect("a key");
    let key = BASE64_STANDARD.decode(key).expect("Base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    let wanted = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    let signatures = part("webhook-signature");
    age.abs() <= 300 && signatures.split(' ').any(|one| one == wanted)
}

#[tokio::test]
async fn a_receiver_can_check_what_it_gets() {
    let site = Site::answering(ok).await;
    let sender = Sender::local(&site.url("/hook"), KEY).await;

    let (view, log) = sender.deliver().await;

    assert_eq!((view.state.as_str(), view.status), ("delivered", Some(200)));
    assert_eq!(log[0].answer.as_deref(), Some("ok"));
    let seen = &site.seen()[0];
    assert_eq!(seen.header("webhook-id"), Some("evt_1"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(&seen.body[..], BODY.as_bytes());
    let now = chrono::Utc::now().timestamp();
    assert!(verifies(seen, KEY, &seen.body, now));
    assert!(!verifies(seen, NEW_KEY, &seen.body, now), "another key");
    let changed = BODY.replace('7', "8");
    assert!(
        !verifies(seen, KEY, changed.as_bytes(), now),
        "a changed byte"
    );
    assert!(
        !verifies(seen, KEY, &seen.body, now + 301),
        "an old timestamp"
    );
}

#[tokio::test]
async fn while_a_key_rotates_either_checks() {
    let site = Site::answering(ok).await;
    let sender = Sender::local(&site.url("/hook"), &format!("{NEW_KEY} {KEY}")).await;

    sender.deliver().await;

    let (seen, now) = (&site.seen()[0], chrono::Utc::now().timestamp());
    assert!(verifies(seen, KEY, &seen.body, now) && verifies(seen, NEW_KEY, &seen.body, now));
}

#[tokio::test]
async fn a_failure_waits_and_comes_again_under_its_id_with_a_new_time() {
    let site = Site::answering(|_| reply(500, "text/plain", "x".repeat(5_000))).await;
    let sender = Sender::local(&site.url("/hook"), KEY).await;

    let (view, log) = sender.deliver().await;
    assert_eq!(view.state, "waiting");
    assert_eq!(log[0].error.as_deref(), Some("it answered 500"));
    assert_eq!(log[0].answer.as_ref().map(String::len), Some(1_024));
    sender
        .store
        .redeliver(DEFAULT_TENANT, 1)
        .await
        .expect("asked");
    let (view, _) = sender.deliver().await;

    assert_eq!(view.tries, 2);
    let ids = site.seen();
    let ids: Vec<_> = ids.iter().map(|seen| seen.header("webhook-id")).collect();
    assert_eq!(ids, [Some("evt_1"), Some("evt_1")]);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_nobody_follows_it() {
    let other = Site::answering(ok).await;
    let to = other.url("/elsewhere");
    let site = Site::answering(move |_| {
        let moved = Response::builder().status(307).header("location", &to);
        moved.body("".into()).expect("well formed")
    })
    .await;
    let sender = Sender::local(&site.url("/hook"), KEY).await;

    let (view, _) = sender.deliver().await;

    assert_eq!((view.state.as_str(), view.status), ("waiting", Some(307)));
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn one_that_hangs_or_closes_has_not_answered() {
    let site = Site::silent().await;
    let sender = Sender::local(&site.url("/hook"), KEY).await;
    let (view, log) = sender.deliver().await;
    assert_eq!((view.state.as_str(), view.status), ("waiting", None));
    let why = log[0].error.as_deref().expect("why");
    assert!(why.contains("no answer within 500 ms"), "{why}");

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            drop(socket);
        }
    });
    let sender = Sender::local(&format!("http://{address}/hook"), KEY).await;
    let (view, log) = sender.deliver().await;
    assert_eq!((view.state.as_str(), view.status), ("waiting", None));
    assert!(log[0].error.is_some());
}

#[tokio::test]
async fn one_that_says_it_is_gone_is_told_nothing_more() {
    let site = Site::answering(|_| reply(410, "text/plain", "")).await;
    let sender = Sender::local(&site.url("/hook"), KEY).await;

    let (view, _) = sender.deliver().await;

    assert_eq!(view.state, "dead");
    let webhook = sender
        .store
        .webhook(DEFAULT_TENANT, "ops")
        .await
        .expect("it");
    assert_eq!(webhook.disabled_why.as_deref(), Some("it answered 410"));
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_may_go() {
    let site = Site::answering(ok).await;
    assert!(site.address.ip() == IpAddr::from([127, 0, 0, 1]));
    let sender = Sender::to(&site.url("/hook"), KEY, EgressRules::default()).await;

    let (view, log) = sender.deliver().await;

    assert_eq!((view.state.as_str(), view.status), ("waiting", None));
    assert!(
        log[0]
            .error
            .as_deref()
            .is_some_and(|why| why.contains("out of reach"))
    );
    assert!(site.seen().is_empty());
}

#[tokio::test]
async fn a_key_that_is_none_sends_nothing_and_is_not_told() {
    let site = Site::answering(ok).await;
    let sender = Sender::local(&site.url("/hook"), "very-secret").await;

    let (_, log) = sender.deliver().await;

    let why = log[0].error.as_deref().expect("why");
    assert!(
        why.contains("whsec_") && !why.contains("very-secret"),
        "{why}"
    );
    assert!(site.seen().is_empty());
}

#[tokio::test]
async fn a_keeper_delivers_what_is_due() {
    let site = Site::answering(ok).await;
    let Sender {
        store,
        deliverer,
        _database,
    } = Sender::local(&site.url("/hook"), KEY).await;
    let stop = CancellationToken::new();
    let keeper = Keeper::new(store.clone(), store.notifier(), KeeperOptions::default());
    let running = tokio::spawn(keeper.delivering(deliverer).run(stop.clone()));

    let delivered = async {
        loop {
            let (view, ..) = store.delivery(DEFAULT_TENANT, 1).await.expect("it");
            if view.state == "delivered" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), delivered).await;
    stop.cancel();
    running.await.expect("it stops");

    assert!(in_time.is_ok());
    assert_eq!(site.seen().len(), 1);
}

#[tokio::test]
async fn a_webhook_that_never_answers_keeps_its_place_and_others_are_told_meanwhile() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("its address");
    let sender = Sender::local(&format!("http://{address}/hook"), KEY).await;
    let site = Site::answering(ok).await;
    let text = format!(
        "windlass: v1\nkind: Webhook\nname: well\nurl: '{}'\n\
         signing_key: {{ secret: ops-key }}\nevents: [ batch.finished ]\n",
        site.url("/hook")
    );
    let applied = sender.store.apply(application(&[&text])).await;
    applied.expect("applied");
    for n in 0..12 {
        sender.ask_for("well", &format!("evt_{n}")).await;
    }

    // Four at once of each, and all of it in one pass.
    assert_eq!(sender.pass().await, 13);

    assert_eq!(site.seen().len(), 12);
    let (view, ..) = sender.store.delivery(DEFAULT_TENANT, 1).await.expect("it");
    assert_eq!((view.state.as_str(), view.tries), ("waiting", 1));
}
