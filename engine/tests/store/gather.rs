//! Events that start jobs: once an event, or once a set of them that belongs together.

use crate::common::Bench;
use crate::common::own::{
    NAME, clock_on, developing, inputs, occurrence, pause_of, published, schedule, tell, template,
};
use chrono::TimeDelta;
use futures::future::join_all;
use windlass_engine::Store;
use windlass_engine::protocol::Trigger;
use windlass_engine::store::DEFAULT_TENANT;

const ONE: &str = "schedule: { on: { one: { with: { type: order.paid } } } }\n";
const ANY: &str = "schedule: { on: { any: [ { with: { type: order.paid } }, { with: { type: order.packed } } ] }, read: data }\n";
const BOTH: &str = "schedule:\n  on:\n    all:\n      - with: { type: order.paid }\n        correlate: { order: { from: .data.orderId } }\n      - with: { type: order.packed }\n        correlate: { order: { from: .data.orderId } }\n";

async fn waiting(rest: &str) -> Bench {
    let bench = developing().await;
    tell(&bench, "order.paid", "before", "o0").await;
    published(&bench, &template("1.0.0", "", rest)).await;
    bench
}

async fn gather(bench: &Bench) -> usize {
    bench.store.gather().await.expect("a pass").jobs
}

/// `data.orderId` of the events of each job.
async fn orders(bench: &Bench) -> Vec<Vec<String>> {
    let of = |event: &serde_json::Value| event["data"]["orderId"].as_str().map(str::to_owned);
    let each = inputs(bench).await;
    let each = each.iter().map(|input| {
        input
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(of)
            .collect()
    });
    each.collect()
}

#[tokio::test]
async fn an_event_starts_one_job_with_its_envelope_and_one_before_the_template_none() {
    let bench = waiting(ONE).await;
    tell(&bench, "order.paid", "e1", "o1").await;
    tell(&bench, "order.paid", "e1", "o1").await;
    tell(&bench, "order.lost", "e2", "o2").await;
    tell(&bench, "order.paid", "e3", "o3").await;

    assert_eq!((gather(&bench).await, gather(&bench).await), (2, 0));

    assert_eq!(orders(&bench).await, [["o1"], ["o3"]]);
    let first = &inputs(&bench).await[0][0];
    assert_eq!(first["type"], "order.paid");
    assert_eq!(first["id"], "e1");
    let look = bench
        .store
        .duties_due(crate::common::LEASE_TIME)
        .await
        .expect("a look");
    assert!(!look.duties.contains(&"gather".to_owned()));
}

#[tokio::test]
async fn any_of_some_events_starts_a_job_with_its_data() {
    let bench = waiting(ANY).await;
    tell(&bench, "order.packed", "e1", "o1").await;
    tell(&bench, "order.paid", "e2", "o1").await;
    assert_eq!(gather(&bench).await, 2);
    let data = serde_json::json!([{ "orderId": "o1" }]);
    assert_eq!(inputs(&bench).await, [data.clone(), data]);
}

#[tokio::test]
async fn two_events_of_one_order_start_one_job_in_either_order() {
    let bench = waiting(BOTH).await;
    tell(&bench, "order.paid", "e1", "o1").await;
    tell(&bench, "order.packed", "e2", "o2").await;
    assert_eq!(gather(&bench).await, 0);
    assert_eq!(schedule(&bench).await.gathering, 2);

    tell(&bench, "order.paid", "e3", "o2").await;
    assert_eq!(gather(&bench).await, 1);
    tell(&bench, "order.packed", "e4", "o1").await;
    tell(&bench, "order.paid", "e5", "o1").await;
    assert_eq!(gather(&bench).await, 1);

    assert_eq!(orders(&bench).await, [["o2", "o2"], ["o1", "o1"]]);
    let types: Vec<_> = inputs(&bench).await[0]
        .as_array()
        .expect("two")
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    assert_eq!(
        types,
        ["order.paid", "order.packed"],
        "in the order of the filters"
    );
    assert_eq!(
        schedule(&bench).await.gathering,
        1,
        "the second payment waits"
    );
}

#[tokio::test]
async fn keepers_at_once_start_each_order_once() {
    let bench = waiting(BOTH).await;
    let keepers: Vec<Store> = join_all((0..3).map(|_| bench.database.store())).await;
    for round in 0..10 {
        let each = (0..10).flat_map(|n| {
            let (order, id) = (format!("o{round}-{n}"), round * 10 + n);
            [
                occurrence("order.paid", &format!("p{id}"), &order),
                occurrence("order.packed", &format!("q{id}"), &order),
            ]
        });
        let mut each: Vec<_> = each.collect();
        each.rotate_left(7);
        bench.store.tell(DEFAULT_TENANT, each).await.expect("told");
        for pass in join_all(keepers.iter().map(Store::gather)).await {
            pass.expect("a pass");
        }
    }
    gather(&bench).await;

    assert_eq!(bench.count("select count(*) from job").await, 100);
    let mut each = orders(&bench).await;
    assert!(
        each.iter()
            .all(|order| order.len() == 2 && order[0] == order[1])
    );
    each.sort();
    each.dedup();
    assert_eq!(each.len(), 100);
    assert_eq!(bench.count("select count(*) from gathering").await, 0);
}

#[tokio::test]
async fn events_that_wait_in_vain_are_given_up_and_counted() {
    let bench = waiting(BOTH).await;
    tell(&bench, "order.paid", "e1", "o1").await;
    gather(&bench).await;
    clock_on(&bench, TimeDelta::days(8)).await;
    let look = bench
        .store
        .duties_due(crate::common::LEASE_TIME)
        .await
        .expect("a look");
    assert!(look.duties.contains(&"gather".to_owned()));

    gather(&bench).await;
    let view = schedule(&bench).await;
    assert_eq!((view.gathering, view.lost), (0, 1));

    tell(&bench, "order.packed", "e2", "o1").await;
    assert_eq!(gather(&bench).await, 0, "it begins anew");
}

#[tokio::test]
async fn the_oldest_make_room_beyond_a_thousand() {
    let bench = waiting(BOTH).await;
    let each = (0..1_050).map(|n| occurrence("order.paid", &format!("p{n}"), &format!("o{n}")));
    let each: Vec<_> = each.collect();
    for page in each.chunks(350) {
        bench
            .store
            .tell(DEFAULT_TENANT, page.to_vec())
            .await
            .expect("told");
    }
    for _ in 0..4 {
        bench.store.publish_events().await.expect("published");
    }
    for _ in 0..50 {
        gather(&bench).await;
    }
    let view = schedule(&bench).await;
    assert_eq!((view.gathering, view.lost), (1_000, 50));
    tell(&bench, "order.packed", "q", "o1049").await;
    assert_eq!(gather(&bench).await, 1);
    tell(&bench, "order.packed", "r", "o0").await;
    assert_eq!(gather(&bench).await, 0);
}

#[tokio::test]
async fn what_comes_while_the_schedule_is_paused_starts_its_job_later() {
    let bench = waiting(ONE).await;
    let pause = pause_of(NAME);
    let pause = bench
        .store
        .pause(DEFAULT_TENANT, pause)
        .await
        .expect("paused");
    tell(&bench, "order.paid", "e1", "o1").await;
    assert_eq!(gather(&bench).await, 0);
    bench
        .store
        .resume(DEFAULT_TENANT, pause.id)
        .await
        .expect("resumed");
    assert_eq!(gather(&bench).await, 1);
}

#[tokio::test]
async fn the_same_rule_goes_on_under_the_next_version_and_another_begins_anew() {
    let bench = waiting(BOTH).await;
    tell(&bench, "order.paid", "e1", "o1").await;
    gather(&bench).await;
    published(&bench, &template("1.1.0", "", BOTH)).await;
    tell(&bench, "order.packed", "e2", "o1").await;
    tell(&bench, "order.packed", "e3", "o2").await;
    assert_eq!(gather(&bench).await, 1);
    let job = bench.count("select max(id) from job").await;
    let job = bench.store.job(DEFAULT_TENANT, job).await.expect("it");
    assert_eq!(job.template, "shop.rounds@1.1.0");

    published(&bench, &template("2.0.0", "", ONE)).await;
    let view = schedule(&bench).await;
    assert_eq!((view.gathering, view.lost), (0, 1));
    tell(&bench, "order.paid", "e4", "o2").await;
    assert_eq!(gather(&bench).await, 1);

    published(&bench, &template("3.0.0", "", "")).await;
    tell(&bench, "order.paid", "e5", "o3").await;
    assert_eq!(gather(&bench).await, 0);
    let by_hand = bench
        .store
        .trigger(DEFAULT_TENANT, NAME, Trigger::Extra, "mia")
        .await;
    assert!(by_hand.is_err());
}

#[tokio::test]
async fn an_event_that_no_predicate_can_be_asked_of_is_counted_and_stops_nobody() {
    let strange = "schedule: { on: { one: { with: { type: order.paid, data: '${ .orderId + 1 > 2 }' } } } }\n";
    let bench = waiting(strange).await;
    tell(&bench, "order.paid", "e1", "o1").await;
    gather(&bench).await;
    assert_eq!(schedule(&bench).await.lost, 1);
    assert_eq!(bench.count("select count(*) from job").await, 0);
}
