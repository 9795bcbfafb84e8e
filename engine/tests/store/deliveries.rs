//! Deliveries: at least once under one id, whoever takes them, until they succeeded or are dead; and how webhooks fare.

use crate::common::Bench;
use crate::common::told::{hurry, kinds, take, tell, unwelcome, webhook, welcome, with_webhook};
use windlass_engine::Error;
use windlass_engine::store::{DEFAULT_TENANT, DeliveryView, NewDelivery};
use windlass_engine::testing::application;

/// A webhook with so many deliveries that wait.
async fn waiting(bench: &Bench, deliveries: usize) {
    with_webhook(bench, "ops", "batch.*", "disable_after: 1d\n").await;
    for n in 0..deliveries {
        ask(bench, &format!("evt_{n}")).await;
    }
    sqlx::query("update delivery set asked = false")
        .execute(&bench.pool)
        .await
        .expect("as if by themselves");
}

async fn ask(bench: &Bench, event: &str) -> i64 {
    let new = NewDelivery {
        webhook: "ops".into(),
        event: event.into(),
        kind: "batch.finished".into(),
        body: "{}".into(),
    };
    let asked = bench.store.ask_delivery(DEFAULT_TENANT, new);
    asked.await.expect("asked")
}

async fn shown(bench: &Bench, id: i64) -> DeliveryView {
    let found = bench.store.delivery(DEFAULT_TENANT, id).await;
    found.expect("a delivery").0
}

#[tokio::test]
async fn two_deliverers_never_hold_one_row_and_what_is_lost_comes_again_under_its_id() {
    let bench = Bench::new().await;
    waiting(&bench, 3).await;

    let (first, second) = tokio::join!(take(&bench), take(&bench));
    let mut events: Vec<_> = first.iter().chain(&second).map(|one| &one.event).collect();
    events.sort_unstable();
    assert_eq!(events, ["evt_0", "evt_1", "evt_2"]);
    assert!(take(&bench).await.is_empty(), "they are taken");

    // Whoever took them is gone: a minute later they are due again.
    hurry(&bench).await;
    let again = take(&bench).await;
    assert_eq!(again.len(), 3);
    assert!(again.iter().all(|one| one.tries == 2));
}

#[tokio::test]
async fn a_straggler_records_nothing_over_the_one_who_came_after() {
    let bench = Bench::new().await;
    waiting(&bench, 1).await;
    let old = take(&bench).await.remove(0);
    hurry(&bench).await;
    let new = take(&bench).await.remove(0);

    let late = bench.store.record_delivery(&old, &unwelcome(None)).await;
    assert!(!late.expect("said").is_mine);
    let told = bench.store.record_delivery(&new, &welcome()).await;
    assert!(told.expect("said").is_mine);

    let view = shown(&bench, new.id).await;
    assert_eq!((view.state.as_str(), view.status), ("delivered", Some(204)));
    let (.., tries) = bench
        .store
        .delivery(DEFAULT_TENANT, new.id)
        .await
        .expect("it");
    let log: Vec<_> = tries.iter().map(|one| (one.n, one.status)).collect();
    assert_eq!(log, [(2, Some(204)), (1, Some(500))]);
}

#[tokio::test]
async fn a_failed_try_waits_and_the_last_one_is_dead_until_somebody_asks() {
    let bench = Bench::new().await;
    waiting(&bench, 1).await;
    let first = take(&bench).await.remove(0);
    bench
        .store
        .record_delivery(&first, &unwelcome(Some(300)))
        .await
        .expect("said");
    let view = shown(&bench, first.id).await;
    assert_eq!(view.state, "waiting");
    assert!((view.due - chrono::Utc::now()).num_seconds() > 250);

    hurry(&bench).await;
    let last = take(&bench).await.remove(0);
    bench
        .store
        .record_delivery(&last, &unwelcome(None))
        .await
        .expect("said");
    assert_eq!(shown(&bench, last.id).await.state, "dead");
    assert!(take(&bench).await.is_empty());

    bench
        .store
        .redeliver(DEFAULT_TENANT, last.id)
        .await
        .expect("asked");
    let again = take(&bench).await.remove(0);
    assert_eq!((again.event.as_str(), again.tries), ("evt_0", 3));
    let unknown = bench.store.redeliver(DEFAULT_TENANT, 99).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn one_that_fails_for_too_long_is_disabled_with_a_notice_and_a_success_brings_it_back() {
    let bench = Bench::new().await;
    waiting(&bench, 2).await;
    with_webhook(&bench, "watch", "webhook.*", "").await;
    let taken = take(&bench).await.remove(0);
    let told = bench
        .store
        .record_delivery(&taken, &unwelcome(Some(1)))
        .await;
    assert!(!told.expect("said").disabled);
    let long = "update webhook set failing_since = now() - interval '2 days' where name = 'ops'";
    sqlx::query(long)
        .execute(&bench.pool)
        .await
        .expect("long ago");

    hurry(&bench).await;
    let taken = take(&bench).await.remove(0);
    let told = bench
        .store
        .record_delivery(&taken, &unwelcome(Some(1)))
        .await;
    assert!(told.expect("said").disabled);
    tell(&bench).await;

    assert_eq!(kinds(&bench, "watch").await, ["webhook.disabled"]);
    let view = bench
        .store
        .webhook(DEFAULT_TENANT, "ops")
        .await
        .expect("it");
    assert_eq!(view.disabled_why.as_deref(), Some("it answered 500"));
    hurry(&bench).await;
    let others = take(&bench).await;
    assert!(
        others.iter().all(|one| one.webhook == "watch"),
        "{others:?}"
    );

    ask(&bench, "evt_test").await;
    let test = take(&bench).await.remove(0);
    assert_eq!(test.event, "evt_test");
    bench
        .store
        .record_delivery(&test, &welcome())
        .await
        .expect("said");
    let view = bench
        .store
        .webhook(DEFAULT_TENANT, "ops")
        .await
        .expect("it");
    assert!(view.disabled_at.is_none() && view.failing_since.is_none());
    assert_eq!(take(&bench).await.len(), 2, "what waited goes on");
}

#[tokio::test]
async fn one_that_says_it_is_gone_is_disabled_at_once() {
    let bench = Bench::new().await;
    waiting(&bench, 1).await;
    let taken = take(&bench).await.remove(0);
    let mut gone = unwelcome(None);
    gone.is_gone = true;
    let told = bench.store.record_delivery(&taken, &gone).await;

    assert!(told.expect("said").disabled);
}

#[tokio::test]
async fn a_webhook_that_fails_holds_back_no_other() {
    let bench = Bench::new().await;
    waiting(&bench, 5).await;
    with_webhook(&bench, "other", "batch.*", "").await;
    let fails = "update webhook set failing_since = now() where name = 'ops'";
    sqlx::query(fails)
        .execute(&bench.pool)
        .await
        .expect("it fails");
    let new = NewDelivery {
        webhook: "other".into(),
        event: "evt_x".into(),
        kind: "batch.finished".into(),
        body: "{}".into(),
    };
    bench
        .store
        .ask_delivery(DEFAULT_TENANT, new)
        .await
        .expect("asked");

    let taken = take(&bench).await;

    let mut to: Vec<_> = taken.iter().map(|one| one.webhook.as_str()).collect();
    to.sort_unstable();
    assert_eq!(to, ["ops", "other"]);
}

#[tokio::test]
async fn a_webhook_that_is_deleted_takes_its_deliveries_along() {
    let bench = Bench::new().await;
    waiting(&bench, 2).await;

    bench
        .store
        .delete_webhook(DEFAULT_TENANT, "ops")
        .await
        .expect("gone");

    let left = "select (select count(*) from delivery)
        + (select count(*) from configuration where kind = 'webhook')";
    assert_eq!(bench.count(left).await, 0);
    let again = bench.store.delete_webhook(DEFAULT_TENANT, "ops").await;
    assert!(matches!(again, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn equal_content_changes_nothing_and_another_one_lets_a_disabled_webhook_try_again() {
    let bench = Bench::new().await;
    waiting(&bench, 0).await;
    let off = "update webhook set disabled_at = now()";
    sqlx::query(off)
        .execute(&bench.pool)
        .await
        .expect("disabled");
    let disabled = async || {
        let view = bench
            .store
            .webhook(DEFAULT_TENANT, "ops")
            .await
            .expect("it");
        view.disabled_at.is_some()
    };

    with_webhook(&bench, "ops", "batch.*", "disable_after: 1d\n").await;
    assert!(disabled().await);
    with_webhook(&bench, "ops", "batch.*", "disable_after: 2d\n").await;
    assert!(!disabled().await);
}

#[tokio::test]
async fn events_that_nobody_tells_and_keys_in_the_open_are_refused() {
    let bench = Bench::new().await;
    let refused = |text: String| {
        let read = windlass_workflows::configuration::read(
            &[windlass_workflows::configuration::SourceFile {
                name: "w.yaml",
                text: &text,
            }],
            chrono::Utc::now(),
        );
        let problem = read.expect_err("refused").remove(0);
        (problem.code.to_string(), problem.pointer.to_string())
    };
    let pair = |code: &str, pointer: &str| (code.to_owned(), pointer.to_owned());

    let open = webhook("ops", "batch.*", "").replace("{ secret: ops-key }", "whsec_abc");
    assert_eq!(refused(open), pair("configuration.value", "/signing_key"));
    let unknown = refused(webhook("ops", "batch.finishd", ""));
    assert_eq!(unknown, pair("configuration.value", "/events/0"));
    let later = refused(webhook("ops", "job.failed", ""));
    assert_eq!(later, pair("configuration.not_supported_yet", "/events/0"));
    let applied = bench
        .store
        .apply(application(&[&webhook("ops", "slot.*, callback.*", "")]));
    applied.await.expect("applied");
}

#[tokio::test]
async fn nothing_more_is_taken_of_a_webhook_that_is_being_told_something() {
    let bench = Bench::new().await;
    waiting(&bench, 6).await;
    let busy = [(DEFAULT_TENANT, "ops".to_owned())];

    let refused = bench.store.take_deliveries(&busy, 16).await.expect("taken");
    let of_another = [(DEFAULT_TENANT + 1, "ops".to_owned())];
    let taken = bench.store.take_deliveries(&of_another, 3).await;

    assert!(refused.is_empty());
    assert_eq!(taken.expect("taken").len(), 3, "as many as were asked for");
}

#[tokio::test]
async fn a_busy_webhook_is_deleted_page_by_page() {
    let bench = Bench::new().await;
    waiting(&bench, 1).await;
    let many = "insert into delivery (tenant, webhook, event, kind, body, due)
             select 1, 'ops', 'many_' || n, 'batch.finished', '{}', now() from generate_series(1, 2500) n;
         create function limited() returns trigger language plpgsql as
             $$ begin
                 if (select count(*) from gone) > 1000 then
                     raise exception using errcode = '57014', message = 'too long';
                 end if;
                 return null;
             end $$;
         create trigger limited after delete on delivery referencing old table as gone
             for each statement execute function limited()";
    let many = sqlx::raw_sql(many).execute(&bench.pool).await;
    many.expect("a month of deliveries");

    let deleted = bench.store.delete_webhook(DEFAULT_TENANT, "ops").await;

    deleted.expect("deleted");
    assert_eq!(bench.count("select count(*) from delivery").await, 0);
    let gone = bench.store.webhook(DEFAULT_TENANT, "ops").await;
    assert!(matches!(gone, Err(Error::NotFound { .. })));
}
