//! Work by the million for tests of dispatch, and what became of it.

use std::collections::HashMap;

use super::TestDatabase;

impl TestDatabase {
    /// Due jobs of a new lane and group, as extents of a thousand, with ids from `first` on. Their
    /// template's name is `template`, in the namespace `test`; they need `capability`.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn queue(
        &self,
        template: &str,
        capability: &str,
        group: &str,
        first: i64,
        jobs: i64,
    ) {
        let pool = self.pool().await;
        sqlx::query(
            "with version as (select id from template_version where name = $4),
             made as (
                 insert into lane (tenant, grp, purpose, template, capability)
                 values (1, '1/' || $1, $1, 'test.' || $4, $5) returning id),
             stored as (
                 insert into job (id, tenant, lane, template_version, nonce, input)
                 select n, 1, made.id, version.id, n, '{}'
                 from generate_series($2::int8, $2 + $3 - 1) n cross join made cross join version)
             insert into ready (first_id, last_id, lane, eff, run_at)
             select block, least(block + 999, $2 + $3 - 1), made.id, now(), now()
             from generate_series($2::int8, $2 + $3 - 1, 1000) block cross join made",
        )
        .bind(group)
        .bind(first)
        .bind(jobs)
        .bind(template)
        .bind(capability)
        .execute(&pool)
        .await
        .expect("queued");
        pool.close().await;
    }
}

/// What became of such work; one connection, kept.
#[derive(Debug)]
pub struct Crowd(sqlx::PgPool);

impl Crowd {
    /// The work of this database.
    pub async fn of(database: &TestDatabase) -> Self {
        Self(database.pool().await)
    }

    /// Jobs that have ended, by the purpose of their lane.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn ended(&self) -> HashMap<String, i64> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "select lane.purpose, sum(last_id - first_id + 1)::int8
             from outcome join lane on lane.id = outcome.lane group by 1",
        )
        .fetch_all(&self.0)
        .await
        .expect("counted");
        rows.into_iter().collect()
    }

    /// The one number that a statement gives.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(&self.0)
            .await
            .expect("a count")
    }

    /// The texts that a statement gives.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn texts(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql)
            .fetch_all(&self.0)
            .await
            .expect("texts")
    }

    /// Keeps the locks that a statement takes, until what it gives is dropped.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn hold(&self, sql: &'static str) -> Held {
        let mut transaction = self.0.begin().await.expect("a transaction");
        let done = sqlx::query(sql).execute(&mut *transaction).await;
        done.expect("locked");
        Held(transaction)
    }
}

/// Locks that somebody keeps.
#[derive(Debug)]
pub struct Held(sqlx::Transaction<'static, sqlx::Postgres>);

impl Held {
    /// Lets go, and waits until it is so.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn release(self) {
        self.0.rollback().await.expect("rolled back");
    }
}
