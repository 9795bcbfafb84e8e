//! Things in a category that has indexes, and the ways in which filters read them.

use std::io::Cursor;

use serde_json::{Value as Json, json};
use sqlx::{AssertSqlSafe, PgPool};
use windlass_engine::Store;
use windlass_engine::protocol::Wanted;
use windlass_engine::protocol::load::{Load, Source};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_engine::testing::application;
use windlass_workflows::configuration::Format;

use super::Bench;
use super::recipe::{PURPOSE, TEMPLATE, jobs, new_batch, over};

/// Applies the category with these indexes.
pub async fn applied(store: &Store, indexes: &str) {
    let category = format!(
        "windlass: v1\nkind: Category\nname: things\nkey: id\nobject: of\nindexes: {indexes}\n"
    );
    let texts = [TEMPLATE, PURPOSE, category.as_str()];
    store.apply(application(&texts)).await.expect("applied");
}

/// Replaces its items.
pub async fn load(store: &Store, rows: &[String]) -> Load {
    let source = Source::File {
        name: "things.ndjson".into(),
        format: Format::Ndjson,
        reader: Box::new(Cursor::new(rows.join("\n").into_bytes())),
    };
    let loaded = store.load_items(DEFAULT_TENANT, "mia", "things", source);
    loaded.await.expect("loaded")
}

pub async fn count(pool: &PgPool, sql: &str) -> i64 {
    let found = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
    found.fetch_one(pool).await.expect("a count")
}

/// What a plan comes to: keys and objects of its jobs, or the code of what refused it.
pub async fn planned(
    bench: &Bench,
    filter: &str,
    strategy: &str,
) -> Result<Vec<(Option<String>, Option<String>)>, String> {
    let selection =
        json!({ "category": "things", "filter": filter, "rows": { "invalid": "leave_out" } });
    let source = over(selection, strategy);
    let created = bench.store.create_batch(DEFAULT_TENANT, new_batch(&source));
    let batch = match created.await {
        Ok(created) => created.id,
        Err(windlass_engine::Error::Invalid { problems }) => return Err(problems[0].code.clone()),
        Err(error) => panic!("{error}"),
    };
    bench.store.plan().await.expect("decided");
    let view = bench.store.batch(DEFAULT_TENANT, batch).await;
    let view = view.expect("its view");
    if view.state == "failed" {
        let problem: Json = serde_json::from_str(&view.reason.expect("why")).expect("a problem");
        return Err(problem["code"].as_str().expect("text").to_owned());
    }
    let made = jobs(&bench.pool, batch).await.into_iter();
    Ok(made.map(|job| (job.0, job.1)).collect())
}

/// Keys of all pages that people see.
pub async fn browsed(store: &Store, filter: &str, limit: u32) -> Result<Vec<String>, String> {
    let (mut keys, mut after) = (Vec::new(), Some(0));
    while let Some(from) = after {
        let wanted = Wanted {
            category: "things",
            version: None,
            filter,
        };
        let page = store.items_kept(DEFAULT_TENANT, wanted, from, limit).await;
        let page = page.map_err(|error| error.code().to_owned())?;
        keys.extend(page.items.into_iter().map(|item| item.key));
        after = page.next;
    }
    Ok(keys)
}
