//! A store that knows another Postgres, and reads it as a keeper does.

use std::time::Duration;

use crate::common::recipe::{BIRDS, create, with_birds};
use crate::common::{Bench, LEASE_TIME};
use serde_json::json;
use tokio::sync::mpsc;
use windlass_engine::Error;
use windlass_engine::protocol::{Drawing, Drawn, Planned, Source};
use windlass_engine::store::foreign::{self, ForeignError, ForeignRow, Question};
use windlass_engine::store::{BatchView, DEFAULT_TENANT};
use windlass_engine::testing::TestDatabase;
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

pub const CONNECTION: &str = "windlass: v1\nkind: Connection\nname: warehouse\ntype: postgres\n\
    url: { secret: warehouse-url }\n";

/// A store that knows a warehouse, and the warehouse.
pub struct Scene {
    pub bench: Bench,
    pub warehouse: TestDatabase,
}

impl Scene {
    pub async fn new() -> Self {
        let bench = Bench::new().await;
        with_birds(&bench.store, BIRDS).await;
        crate::common::recipe::apply(&bench.store, &[CONNECTION], "").await;
        let warehouse = TestDatabase::direct().await;
        Self { bench, warehouse }
    }

    pub fn question<'a>(&'a self, sql: &'a str, params: &'a Value) -> Question<'a> {
        Question {
            url: self.warehouse.direct_url(),
            sql,
            params,
            statement_timeout: Duration::from_secs(60),
        }
    }

    /// All rows of a statement.
    pub async fn rows(
        &self,
        sql: &str,
        params: serde_json::Value,
    ) -> Result<Vec<String>, ForeignError> {
        let params = Value::from(params);
        let (sender, mut blocks) = mpsc::channel::<Vec<ForeignRow>>(1);
        let gather = async {
            let mut rows = Vec::new();
            while let Some(block) = blocks.recv().await {
                rows.extend(block.into_iter().map(Option::unwrap_or_default));
            }
            rows
        };
        let (read, rows) = tokio::join!(foreign::read(self.question(sql, &params), sender), gather);
        read.map(|()| rows)
    }

    pub async fn take(&self) -> Option<Drawing> {
        self.bench
            .store
            .take_source(LEASE_TIME)
            .await
            .expect("an answer")
    }

    /// Reads a source as a keeper does, to its end or to the first trouble.
    pub async fn draw(&self, drawing: &mut Drawing, sql: &str) -> Result<Drawn, ForeignError> {
        let params = drawing.asked.clone();
        let (sender, mut blocks) = mpsc::channel(1);
        let keep = async {
            let mut kept = Drawn::Kept;
            while let Some(block) = blocks.recv().await {
                kept = self.keep(drawing, block).await.expect("an answer");
                if kept != Drawn::Kept {
                    break;
                }
            }
            kept
        };
        let (read, kept) = tokio::join!(foreign::read(self.question(sql, &params), sender), keep);
        read.map(|()| kept)
    }

    pub async fn keep(
        &self,
        drawing: &mut Drawing,
        block: Vec<ForeignRow>,
    ) -> Result<Drawn, Error> {
        let rows = block.into_iter().map(|row| {
            let text = row.ok_or("too large")?;
            Value::parse(&text).map_err(|error| error.to_string())
        });
        let rows = rows.collect();
        self.bench.store.keep_rows(drawing, rows, None).await
    }

    /// A batch over a query, read to its end.
    pub async fn drawn(&self, source: &Source, sql: &str) -> (i64, Drawn) {
        let batch = create(&self.bench.store, source).await;
        let mut drawing = self.take().await.expect("a source to read");
        assert_eq!(drawing.batch, batch);
        let kept = self.draw(&mut drawing, sql).await.expect("read");
        if kept != Drawn::Kept {
            return (batch, kept);
        }
        let ended = self.bench.store.end_source(drawing).await.expect("ended");
        (batch, ended)
    }

    pub async fn view(&self, batch: i64) -> BatchView {
        let view = self.bench.store.batch(DEFAULT_TENANT, batch).await;
        view.expect("its view")
    }

    pub async fn planned(&self, batch: i64) -> BatchView {
        assert_eq!(
            self.bench.store.plan().await.expect("planned"),
            Planned::Sealed(batch)
        );
        self.view(batch).await
    }

    /// Why a batch failed; nothing of it is left to run.
    pub async fn failed(&self, batch: i64) -> Problem {
        let view = self.view(batch).await;
        assert_eq!(view.state, "failed", "{view:?}");
        assert_eq!(self.bench.count("select count(*) from held").await, 0);
        assert_eq!(
            self.bench
                .count("select count(*) from job where batch is not null")
                .await,
            0
        );
        serde_json::from_str(&view.reason.expect("a reason")).expect("a problem")
    }

    /// Another may read at once.
    pub async fn again(&self) {
        let free = sqlx::query("update batch set source_until = null");
        free.execute(&self.bench.pool).await.expect("freed");
    }
}

pub fn query(sql: &str, more: serde_json::Value) -> serde_json::Value {
    let mut query = json!({ "connection": "warehouse", "sql": sql });
    let keys = query.as_object_mut().expect("a map");
    keys.extend(more.as_object().expect("a map").clone());
    json!({ "query": query })
}
