//! Items and rows of categories under `rows:`, with what was left out.

use crate::common::Bench;
use crate::common::recipe::{
    BIRDS, kept, left, new_batch, over, plan, recipe, refused, told, with_birds,
};
use serde_json::json;
use windlass_engine::store::DEFAULT_TENANT;

async fn bench() -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    bench
}

#[tokio::test]
async fn of_items_with_one_key_the_first_or_the_last_is_the_member() {
    let bench = bench().await;
    let items =
        json!([ { "id": 7, "v": 1 }, { "id": 8 }, { "id": "7", "v": 2 }, { "id": 7.0, "v": 3 } ]);
    let by = |duplicate: &str| {
        over(
            json!({ "items": items, "key": "id", "rows": { "duplicate": duplicate } }),
            "individual",
        )
    };

    let refusal = refused(
        bench
            .store
            .create_batch(DEFAULT_TENANT, new_batch(&by("refuse")))
            .await,
    );
    let first = plan(&bench.store, &by("first")).await;
    let last = plan(&bench.store, &by("last")).await;

    assert_eq!(
        (&*refusal.code, &*refusal.pointer),
        ("duplicate_key", "/selection/items/2")
    );
    assert_eq!(
        told(&bench, first.id).await,
        [
            kept(1, "7"),
            kept(2, "8"),
            left(3, "7", "duplicate"),
            left(4, "7", "duplicate")
        ]
    );
    assert_eq!(
        told(&bench, last.id).await,
        [
            kept(1, "8"),
            kept(2, "7"),
            left(1, "7", "duplicate"),
            left(3, "7", "duplicate")
        ]
    );
    assert_eq!((first.planned.members, first.planned.left_out), (2, 2));
}

#[tokio::test]
async fn items_without_a_key_refuse_the_selection_or_are_left_out() {
    let bench = bench().await;
    let items =
        json!([ { "id": 1 }, {}, { "id": null }, { "id": {} }, { "id": [1] }, { "id": true } ]);
    let by = |invalid: &str| {
        over(
            json!({ "items": items, "key": "id", "rows": { "invalid": invalid } }),
            "individual",
        )
    };

    let refusal = refused(
        bench
            .store
            .create_batch(DEFAULT_TENANT, new_batch(&by("refuse")))
            .await,
    );
    let batch = plan(&bench.store, &by("leave_out")).await;

    assert_eq!(
        (&*refusal.code, &*refusal.pointer),
        ("invalid_row", "/selection/items/1/id")
    );
    let out = [2, 3, 4, 5].map(|n| left(n, "", "invalid"));
    assert_eq!(
        told(&bench, batch.id).await,
        [&[kept(1, "1"), kept(2, "true")][..], &out].concat()
    );
}

#[tokio::test]
async fn a_row_without_an_object_is_left_out_where_that_is_said() {
    let bench = Bench::new().await;
    with_birds(
        &bench.store,
        "name,state,cost\nGull,Ohio,5\nHawk,,1\nOwl,Utah,2\nCrow,,9\n",
    )
    .await;
    let source = recipe(json!({
        "selection": { "category": "birds", "filter": ".cost < 9", "rows": { "invalid": "leave_out" } },
        "strategy": "object",
    }));
    let each = over(json!({ "category": "birds" }), "individual");

    let batch = plan(&bench.store, &source).await;
    let individual = plan(&bench.store, &each).await;

    let expected = [kept(1, "Gull"), kept(2, "Owl"), left(2, "Hawk", "invalid")];
    assert_eq!(told(&bench, batch.id).await, expected);
    assert_eq!(individual.planned.members, 4);
}
