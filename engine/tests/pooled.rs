//! A pooler in transaction mode: what a start finds out about it, on a real PgBouncer.
//!
//! Without one these tests do not run, and say so. The store's own tests run through it once more in
//! `.ci/run`, with `WINDLASS_TEST_POOLED` set.

use std::io::Write;
use std::time::Duration;

use tokio::time::timeout;
use windlass_engine::Error;
use windlass_engine::store::{
    ConnectOptions, Listener, Notifier, Store, check_pooler, connect_options, pooled_options,
};
use windlass_engine::testing::{Pooler, Proxy, TestDatabase};

/// Beyond what a listener needs to notice that its peer is gone: a silence of 5 s and a question of 5 s.
const NOTICED_WITHIN: Duration = Duration::from_secs(15);

/// A database, and a pooler with these settings in front of its server.
async fn pooled(settings: &[(&str, &str)]) -> Option<(TestDatabase, Pooler)> {
    let database = TestDatabase::direct().await;
    let pooler = Pooler::start(database.port(), settings);
    if pooler.is_none() {
        // Past the test runner, which keeps what a test that passes prints.
        let told = writeln!(
            std::io::stderr(),
            "NOT RUN: there is no PgBouncer; .ci/install builds it"
        );
        told.expect("somebody reads");
    }
    Some((database, pooler?))
}

fn direct(database: &TestDatabase) -> ConnectOptions {
    connect_options(database.direct_url(), "test").expect("an address")
}

fn through(pooler: &Pooler, database: &TestDatabase) -> ConnectOptions {
    pooled_options(&pooler.url(database.name()), "test").expect("an address")
}

/// What the start says, in one string.
fn refusal(error: &Error) -> String {
    match error {
        Error::Conflict {
            code,
            message,
            hint,
        } => format!("{code}: {message}; {}", hint.as_deref().unwrap_or_default()),
        other => panic!("another error: {other:?}"),
    }
}

#[tokio::test]
async fn a_pooler_in_front_of_a_role_with_our_settings_is_as_good_as_the_database() {
    let Some((database, pooler)) = pooled(&[]).await else {
        return;
    };
    let database = database.behind(&pooler).await;

    let found = check_pooler(&database.options("test"), &direct(&database))
        .await
        .expect("nothing stands in the way");

    assert!(
        found.is_shared,
        "two sessions got one process of the server"
    );
    assert_eq!(found.strange, []);
    let store = database.store().await;
    store.clock().await.expect("our tables");
}

#[tokio::test]
async fn a_database_without_pooler_is_told_from_one_with() {
    let database = TestDatabase::direct().await;

    let found = check_pooler(&direct(&database), &direct(&database)).await;

    assert!(!found.expect("nothing stands in the way").is_shared);
}

#[tokio::test]
async fn a_role_without_our_search_path_is_refused() {
    let Some((database, pooler)) = pooled(&[]).await else {
        return;
    };

    let refused = check_pooler(&through(&pooler, &database), &direct(&database)).await;

    let said = refusal(&refused.expect_err("tables of others"));
    assert!(said.starts_with("pooler_misconfigured: "), "{said}");
    assert!(said.contains("windlass migrate settings"), "{said}");
}

#[tokio::test]
async fn a_setting_that_only_makes_slow_is_told() {
    let Some((database, pooler)) = pooled(&[]).await else {
        return;
    };
    let database = database.behind(&pooler).await;
    let pool = database.pool().await;
    let sql = "do $$ begin
                   execute format('alter role %I in database %I set enable_seqscan = on', session_user, current_database());
               end $$";
    sqlx::query(sql).execute(&pool).await.expect("a setting");
    pool.close().await;
    let fresh = Pooler::start(database.port(), &[]).expect("there was one before");

    let found = check_pooler(&through(&fresh, &database), &direct(&database)).await;

    let strange = found.expect("statements find their tables").strange;
    assert_eq!(strange, [("enable_seqscan", "on".to_owned())]);
}

#[tokio::test]
async fn a_pooler_that_loses_prepared_statements_is_refused() {
    let Some((database, pooler)) = pooled(&[("max_prepared_statements", "0")]).await else {
        return;
    };
    let database = database.behind(&pooler).await;

    let refused = check_pooler(&database.options("test"), &direct(&database)).await;

    let said = refusal(&refused.expect_err("statements are mixed up"));
    assert!(said.contains("loses prepared statements"), "{said}");
    assert!(said.contains("max_prepared_statements"), "{said}");
}

#[tokio::test]
async fn a_pooler_of_one_session_is_judged_too() {
    let Some((database, pooler)) = pooled(&[("default_pool_size", "1")]).await else {
        return;
    };
    let database = database.behind(&pooler).await;

    let found = check_pooler(&database.options("test"), &direct(&database)).await;

    assert!(found.expect("nothing stands in the way").is_shared);
}

#[tokio::test]
async fn two_addresses_of_two_databases_are_refused() {
    let Some((database, pooler)) = pooled(&[]).await else {
        return;
    };
    let database = database.behind(&pooler).await;
    let other = TestDatabase::direct().await;

    let refused = check_pooler(&database.options("test"), &direct(&other)).await;

    let said = refusal(&refused.expect_err("two databases"));
    assert!(said.contains("not the same database"), "{said}");
}

#[tokio::test]
async fn a_pooler_that_nobody_spoke_of_is_recognised() {
    let Some((database, pooler)) = pooled(&[]).await else {
        return;
    };
    let (lenient, options) = ("ignore_startup_parameters", "extra_float_digits,options");
    let lenient = Pooler::start(database.port(), &[(lenient, options)]);
    let lenient = lenient.expect("there was one before");
    let unaware = |pooler: &Pooler| {
        connect_options(&pooler.url(database.name()), "test").expect("an address")
    };

    let refused = Store::open(unaware(&pooler), 2).await;
    let forgetful = check_pooler(&unaware(&lenient), &unaware(&lenient)).await;

    let refused = refused.expect_err("settings are refused");
    assert!(refused.is_from_pooler(), "{refused:?}");
    assert!(forgetful.expect("prepared statements work").is_shared);
}

#[tokio::test]
async fn a_store_goes_on_once_its_pooler_is_back() {
    let Some((database, mut pooler)) = pooled(&[]).await else {
        return;
    };
    let database = database.behind(&pooler).await;
    let store = database.store().await;
    store.clock().await.expect("the time");

    pooler.restart();

    // Each pooled connection may fail once.
    for _ in 0..20 {
        match store.clock().await {
            Ok(_) => return,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    }
    panic!("the store does not find its way back");
}

#[tokio::test]
async fn what_is_notified_through_the_pooler_is_heard_past_it() {
    let Some((database, pooler)) = pooled(&[]).await else {
        return;
    };
    let database = database.behind(&pooler).await;
    let mut listener = Listener::connect(&direct(&database)).await.expect("an ear");
    let notifier = Notifier::default();
    let telling = tokio::spawn(notifier.clone().run(database.store().await));

    notifier.tell();

    let heard = timeout(NOTICED_WITHIN, listener.next()).await;
    let heard = heard.expect("within the time");
    assert!(heard.is_some(), "a notification, not a loss");
    telling.abort();
}

/// Also run without a pooler: the listener's connection is always a direct one.
#[tokio::test]
async fn a_listener_notices_that_its_peer_is_gone_without_a_word() {
    let database = TestDatabase::direct().await;
    let network = Proxy::start(database.port()).await;
    let options = connect_options(&network.url(database.direct_url()), "listener");
    let options = options.expect("an address");
    let mut listener = Listener::connect(&options).await.expect("an ear");

    network.fall_silent();
    let heard = timeout(NOTICED_WITHIN, listener.next()).await;
    let silent = timeout(NOTICED_WITHIN, Listener::connect(&options)).await;
    network.speak();
    let mut again = Listener::connect(&options).await.expect("a new ear");

    assert!(heard.expect("noticed in time").is_none(), "a loss");
    assert!(
        silent.expect("given up in time").is_err(),
        "nobody answered"
    );
    let notifier = Notifier::default();
    let telling = tokio::spawn(notifier.clone().run(database.store().await));
    notifier.tell();
    assert!(again.next().await.is_some(), "a notification");
    telling.abort();
}

#[tokio::test]
async fn a_listener_that_hears_nothing_for_long_still_hears_what_comes_then() {
    let database = TestDatabase::direct().await;
    let network = Proxy::start(database.port()).await;
    let options = connect_options(&network.url(database.direct_url()), "listener");
    let mut listener = Listener::connect(&options.expect("an address"))
        .await
        .expect("an ear");
    let before = network.statements();
    let asked = async {
        while network.statements() < before + 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let notifier = Notifier::default();
    let telling = tokio::spawn(notifier.clone().run(database.store().await));

    // Two questions are asked and answered.
    let heard = tokio::select! {
        heard = timeout(NOTICED_WITHIN, listener.next()) => Some(heard),
        () = asked => None,
    };
    assert!(heard.is_none(), "silence is no loss: {heard:?}");
    notifier.tell();
    let heard = timeout(NOTICED_WITHIN, listener.next()).await;

    let heard = heard.expect("in time");
    assert!(heard.is_some(), "a notification, not a loss");
    telling.abort();
}
