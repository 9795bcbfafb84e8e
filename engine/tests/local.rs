//! A Postgres of our own: started, taken over, stopped, killed, and gone afterwards.
//!
//! Real servers and real signals; waiting is for what the system shows.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use tempfile::TempDir;
use windlass_engine::local::{Cluster, ClusterOptions, Durability, LocalError, Programs};
use windlass_engine::testing::{TestCluster, TestDatabase};

fn programs() -> Programs {
    let hints: Vec<_> = std::env::var_os("WINDLASS_PG_BIN")
        .map(Into::into)
        .into_iter()
        .collect();
    Programs::find(&hints, std::env::var_os("PATH").as_deref()).expect("installed programs")
}

/// A folder that the server's account may pass through.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let open = fs::Permissions::from_mode(0o711);
    fs::set_permissions(folder.path(), open).expect("its permissions");
    folder
}

fn options(folder: &TempDir, durability: Durability) -> ClusterOptions {
    ClusterOptions::new(folder.path().join("state").join("data"), durability)
}

async fn answer(url: &str) -> i32 {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    sqlx::query_scalar("select 42")
        .fetch_one(&mut connection)
        .await
        .expect("an answer")
}

#[tokio::test]
async fn started_cluster_is_taken_over_and_stopped() {
    let folder = folder();
    let options = options(&folder, Durability::Throwaway);

    let first = Cluster::start(&programs(), &options)
        .await
        .expect("a server");
    let second = Cluster::start(&programs(), &options)
        .await
        .expect("the same server");

    assert_eq!(answer(&first.url("postgres")).await, 42);
    assert_eq!((first.pid(), first.port()), (second.pid(), second.port()));
    assert!(!first.is_taken_over());
    assert!(second.is_taken_over());

    let sockets = fs::read_to_string(first.data().join("postmaster.pid")).expect("a lock file");
    let sockets = sockets
        .lines()
        .nth(4)
        .expect("its socket folder")
        .to_owned();
    first.stop().await.expect("a stopped server");
    assert!(
        PgConnection::connect(&second.url("postgres"))
            .await
            .is_err()
    );
    assert!(Cluster::running(&options).await.expect("a look").is_none());
    assert!(!Path::new(&sockets).exists());
}

#[tokio::test]
async fn taken_over_server_can_be_stopped_by_its_second_owner() {
    let folder = folder();
    let options = options(&folder, Durability::Throwaway);
    let first = Cluster::start(&programs(), &options)
        .await
        .expect("a server");

    let found = Cluster::running(&options)
        .await
        .expect("a look")
        .expect("the server");
    found.stop().await.expect("a stopped server");

    assert!(PgConnection::connect(&first.url("postgres")).await.is_err());
}

#[tokio::test]
async fn durable_cluster_asks_for_its_password() {
    let folder = folder();
    let options = options(&folder, Durability::Durable);
    let cluster = Cluster::start(&programs(), &options)
        .await
        .expect("a server");
    let url = cluster.url("postgres");

    let without = format!("postgres://windlass@127.0.0.1:{}/postgres", cluster.port());
    let refused = PgConnection::connect(&without).await;
    let mut connection = PgConnection::connect(&url).await.expect("a connection");
    let durable: Vec<String> = sqlx::query_scalar(
        "select setting from pg_settings
         where name in ('fsync', 'full_page_writes', 'synchronous_commit')",
    )
    .fetch_all(&mut connection)
    .await
    .expect("three settings");
    let secret = options.data.with_extension("password");
    let mode = fs::metadata(secret)
        .expect("a password file")
        .permissions()
        .mode();

    assert!(refused.is_err());
    assert_eq!(durable, ["on", "on", "on"]);
    assert_eq!(mode & 0o777, 0o600);
    cluster.stop().await.expect("a stopped server");
}

#[tokio::test]
async fn lock_file_of_another_program_does_not_stop_a_start() {
    let folder = folder();
    let options = options(&folder, Durability::Throwaway);
    let cluster = Cluster::start(&programs(), &options)
        .await
        .expect("a server");
    let lock = options.data.join("postmaster.pid");
    let text = fs::read_to_string(&lock).expect("a lock file");
    cluster.stop().await.expect("a stopped server");
    let mut other = Command::new("sleep")
        .arg("600")
        .spawn()
        .expect("another program");
    let (_, rest) = text.split_once('\n').expect("more lines");
    fs::write(&lock, format!("{}\n{rest}", other.id())).expect("a lock file");

    let cluster = Cluster::start(&programs(), &options)
        .await
        .expect("a server all the same");

    assert_eq!(answer(&cluster.url("postgres")).await, 42);
    assert!(
        other.try_wait().expect("a look").is_none(),
        "the other program was left alone"
    );
    cluster.stop().await.expect("a stopped server");
    other.kill().expect("its end");
    other.wait().expect("its end");
}

#[tokio::test]
async fn data_of_another_version_is_refused() {
    let folder = folder();
    let options = options(&folder, Durability::Throwaway);
    let cluster = Cluster::start(&programs(), &options)
        .await
        .expect("a server");
    cluster.stop().await.expect("a stopped server");
    fs::write(options.data.join("PG_VERSION"), "9\n").expect("an old version");

    let refused = Cluster::start(&programs(), &options)
        .await
        .expect_err("a refusal");

    assert!(matches!(refused, LocalError::Version { .. }));
    assert_eq!(refused.code(), "postgres.version");
}

#[tokio::test]
async fn failed_start_carries_the_servers_last_words() {
    let folder = folder();
    let mut options = options(&folder, Durability::Throwaway);
    options
        .settings
        .push(("shared_buffers".into(), "many".into()));

    let failed = Cluster::start(&programs(), &options)
        .await
        .expect_err("a failure");

    assert!(failed.to_string().contains("shared_buffers"), "{failed}");
    assert_eq!(failed.code(), "postgres.start");
}

#[tokio::test]
async fn killed_cluster_keeps_what_it_answered() {
    let mut cluster = TestCluster::durable().await;
    let pool = cluster.pool().await;
    sqlx::query("create table kept (n int)")
        .execute(&pool)
        .await
        .expect("a table");
    sqlx::query("insert into kept values (7)")
        .execute(&pool)
        .await
        .expect("a row");
    let (url, pid) = (cluster.url().to_owned(), cluster.pid());

    cluster.kill().await;
    assert!(PgConnection::connect(&url).await.is_err());
    cluster.restart().await;

    let kept: i32 = sqlx::query_scalar("select n from kept")
        .fetch_one(&cluster.pool().await)
        .await
        .expect("the row");
    assert_eq!(kept, 7);
    assert_eq!(cluster.url(), url);
    assert_ne!(cluster.pid(), pid);
}

#[tokio::test]
async fn two_databases_are_distinct_and_migrated() {
    let (left, right) = tokio::join!(TestDatabase::new(), TestDatabase::new());
    let (left_pool, right_pool) = tokio::join!(left.pool(), right.pool());

    sqlx::query("create table mark (n int)")
        .execute(&left_pool)
        .await
        .expect("a table");

    assert_ne!(left.url(), right.url());
    assert_eq!(
        schema_of_mark(&left_pool).await.as_deref(),
        Some("windlass")
    );
    assert_eq!(schema_of_mark(&right_pool).await, None);
}

/// Where an unqualified name lands: our schema comes first.
async fn schema_of_mark(pool: &PgPool) -> Option<String> {
    sqlx::query_scalar("select schemaname::text from pg_tables where tablename = 'mark'")
        .fetch_optional(pool)
        .await
        .expect("a look at the tables")
}

#[tokio::test]
async fn server_ends_with_its_last_user() {
    let cluster = TestCluster::durable().await;
    let lock = cluster.data().join("postmaster.pid");
    let folder = cluster.data().parent().expect("a state folder").to_owned();
    assert!(lock.exists());

    drop(cluster);

    let gone = tokio::time::timeout(Duration::from_secs(30), async {
        while folder.exists() {
            tokio::task::yield_now().await;
        }
    });
    gone.await.expect("the watchdog cleared it away");
}
