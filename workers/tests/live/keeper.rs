//! A keeper: what fails for good in one duty keeps nothing else of it from being done.

use std::time::{Duration, Instant};

use crate::common::{PATIENCE, Site};
use tokio_util::sync::CancellationToken;
use windlass_engine::protocol::{NewBatch, Planned, Source};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_engine::testing::application;
use windlass_workers::keeper::{Keeper, KeeperOptions};
use windlass_workflows::value::Value;

/// Refuses whatever it is a trigger of.
const REFUSE: &str = "create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'not this one'; end $$";

async fn run(site: &Site, sql: &'static str) {
    site.database.hold(sql).await.commit().await;
}

/// A keeper works until a count is 0.
async fn keep_until_none(site: &Site, sql: &str) {
    let stop = CancellationToken::new();
    let notifier = site.store.notifier();
    let keeper = Keeper::new(site.store.clone(), notifier, KeeperOptions::default());
    let running = tokio::spawn(keeper.run(stop.clone()));
    let since = Instant::now();
    while site.database.count(sql).await > 0 && since.elapsed() < PATIENCE / 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    running.await.expect("it stops");
    assert_eq!(site.database.count(sql).await, 0, "{sql}");
}

#[tokio::test]
async fn what_cannot_be_forgotten_keeps_nothing_else() {
    let site = Site::new().await;
    run(&site, REFUSE).await;
    run(
        &site,
        "create trigger refuse before delete on notice for each statement execute function refuse()",
    )
    .await;
    run(
        &site,
        "with hook as (
             insert into webhook (tenant, name, revision, events, enabled, disable_after_seconds)
             values (1, 'ops', 1, '{}', true, 60) returning tenant, name)
         insert into delivery (tenant, webhook, event, kind, body, state, due, ended_at)
         select tenant, name, 'evt_1', 'batch.finished', '{}', 'delivered', now(), now() - interval '31 days' from hook",
    )
    .await;

    keep_until_none(&site, "select count(*) from delivery").await;
}

#[tokio::test]
async fn a_redrive_whose_passes_fail_stops_no_restart() {
    let site = Site::new().await;
    site.publish("say", "  - say: { set: { word: hello } }\n")
        .await;
    let purpose = "windlass: v1\nkind: Purpose\nname: say\ntemplate: test.say\n";
    let applied = site.store.apply(application(&[purpose])).await;
    applied.expect("applied");
    let document = r#"{"windlass":"v1","kind":"JobConfiguration","name":"all","purpose":"say",
        "selection":{"items":[{"id":"1"}],"key":"id"},"strategy":"individual"}"#;
    let new = NewBatch {
        source: Source::Document(Value::parse(document).expect("a recipe")),
        name: None,
        who: "mia".into(),
        idempotency_key: None,
    };
    let batch = site.store.create_batch(DEFAULT_TENANT, new).await;
    let batch = batch.expect("created").id;
    let planned = site.store.plan().await.expect("planned");
    assert_eq!((planned, batch), (Planned::Sealed(batch), 1));
    run(&site, REFUSE).await;
    run(
        &site,
        "create trigger refuse before update on redrive
             for each row when (old.generation is null) execute function refuse()",
    )
    .await;
    run(
        &site,
        "insert into redrive (tenant, batch, rate, upto_id, who, generation)
         values (1, null, 1, 1, 'mia', null), (1, 1, 1, 1, 'mia', 1)",
    )
    .await;

    let restarts =
        "select count(*) from redrive where state = 'running' and generation is not null";
    keep_until_none(&site, restarts).await;
    let redrives = "select count(*) from redrive where state = 'running'";
    assert_eq!(site.database.count(redrives).await, 1);
}
