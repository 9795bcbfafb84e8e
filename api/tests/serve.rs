//! A server process from start to stop, on a real database.

#[path = "serve/people.rs"]
mod people;
#[allow(dead_code, reason = "shared with the tests of the command line")]
#[path = "cli/process.rs"]
mod process;

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::time::timeout;
use windlass_engine::testing::{Pooler, Proxy, TestDatabase};

use self::process::{command, windlass_with};

/// Far beyond what a stop takes; a hang must end a test.
const LONG: Duration = Duration::from_secs(60);

/// By then the first pass of every duty is over, and pauses are as long as they get.
const SETTLED: Duration = Duration::from_secs(10);
/// So long an idle engine is listened to.
const MEASURED: Duration = Duration::from_secs(20);
/// What an idle engine may send in a second. While nothing stirs, the doctor and the other duties of the
/// house come every two minutes, with less than a hundred statements together.
const STATEMENTS_MAX: f64 = 3.0;
const HOUSE: f64 = 100.0 / 120.0;

/// A server with JSON logs; returns it and where it listens.
async fn serving(database: &TestDatabase, arguments: &[&str]) -> (Child, String) {
    serving_with(arguments, &[("WINDLASS_DATABASE_URL", database.url())]).await
}

/// The same with these variables.
async fn serving_with(arguments: &[&str], variables: &[(&str, &str)]) -> (Child, String) {
    let mut variables = variables.to_vec();
    variables.push(("WINDLASS_LISTEN", "127.0.0.1:0"));
    variables.push(("WINDLASS_LOG_FORMAT", "json"));
    let mut server = command(arguments, &variables)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(server.stderr.take().expect("piped")).lines();
    let found = timeout(LONG, async {
        while let Some(line) = lines.next_line().await.expect("readable") {
            let line: Value = serde_json::from_str(&line).expect("one object a line");
            if line["message"] == "listening" {
                return line["address"].as_str().expect("an address").to_owned();
            }
        }
        panic!("it ended before it listened");
    });
    let address = found.await.expect("it listens");
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (server, format!("http://{address}"))
}

fn terminate(server: &Child) {
    let pid = i32::try_from(server.id().expect("it runs")).expect("a pid");
    kill(Pid::from_raw(pid), Signal::SIGTERM).expect("it is there");
}

#[tokio::test]
async fn server_answers_and_stops_cleanly_when_told() {
    let database = TestDatabase::new().await;
    let (mut server, address) = serving(&database, &["serve"]).await;

    let listed = windlass_with(&["--server", &address, "-o", "json", "job", "list"], &[]).await;
    terminate(&server);
    let ended = timeout(LONG, server.wait())
        .await
        .expect("it stops")
        .expect("its status");

    assert_eq!((listed.code, listed.stdout.trim()), (0, "[]"));
    assert_eq!(ended.code(), Some(0));
}

#[tokio::test]
async fn an_idle_engine_of_all_roles_sends_at_most_three_statements_a_second() {
    let database = TestDatabase::direct().await;
    let network = Proxy::start(database.port()).await;
    let url = network.url(database.direct_url());
    let (mut server, _) =
        serving_with(&["serve"], &[("WINDLASS_DATABASE_URL", url.as_str())]).await;

    // Time itself is what is measured here.
    tokio::time::sleep(SETTLED).await;
    let (since, before) = (Instant::now(), network.statements());
    tokio::time::sleep(MEASURED).await;
    let sent = network.statements() - before;
    let rate = sent as f64 / since.elapsed().as_secs_f64();
    terminate(&server);
    server.wait().await.expect("it stops");

    assert!(sent > 0, "the proxy sees nothing");
    assert!(
        rate + HOUSE <= STATEMENTS_MAX,
        "{sent} statements, {rate:.2} a second"
    );
}

#[tokio::test]
async fn child_ends_with_its_parents_pipe() {
    let database = TestDatabase::new().await;
    let (mut server, _) = serving(&database, &["serve", "--until-stdin-closes"]).await;

    drop(server.stdin.take());
    let ended = timeout(LONG, server.wait()).await.expect("it stops");

    assert_eq!(ended.expect("its status").code(), Some(0));
}

#[tokio::test]
async fn migrations_are_told_and_applied() {
    let database = TestDatabase::new().await;
    let variables = [("WINDLASS_DATABASE_URL", database.url())];

    let status = windlass_with(&["-o", "json", "migrate", "status"], &variables).await;
    let again = windlass_with(&["migrate", "up"], &variables).await;

    let rows: Value = serde_json::from_str(&status.stdout).expect("JSON");
    assert!(
        rows.as_array().is_some_and(
            |rows| !rows.is_empty() && rows.iter().all(|row| row["state"] == "applied")
        ),
        "{rows}"
    );
    assert_eq!((status.code, again.code), (0, 0));
}

#[tokio::test]
async fn database_without_a_schema_says_what_to_type() {
    let database = TestDatabase::new().await;
    let empty = format!(
        "{}_empty",
        database
            .url()
            .rsplit_once('/')
            .map_or("x", |(_, name)| name)
    );
    windlass_engine::store::make_database_anew(database.url(), &empty)
        .await
        .expect("made");
    let (server, _) = database.url().rsplit_once('/').expect("an address");
    let url = format!("{server}/{empty}");

    let ended = windlass_with(&["serve"], &[("WINDLASS_DATABASE_URL", &url)]).await;
    let status = windlass_with(
        &["migrate", "status"],
        &[("WINDLASS_DATABASE_URL", url.as_str())],
    )
    .await;

    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains("windlass migrate up"),
        "{}",
        ended.stderr
    );
    assert_eq!(status.code, 9);
}

#[tokio::test]
async fn database_out_of_reach_is_safe_to_retry() {
    let ended = windlass_with(
        &["serve"],
        &[("WINDLASS_DATABASE_URL", "postgres://nobody@127.0.0.1:9/x")],
    )
    .await;

    assert_eq!(ended.code, 8);
    assert!(
        ended.stderr.contains("error[database_unavailable]"),
        "{}",
        ended.stderr
    );
}

/// The whole way: a role without our settings is refused, gets what the command prints, and is served.
#[tokio::test]
async fn server_behind_a_pooler_says_what_is_missing_and_then_serves() {
    let database = TestDatabase::direct().await;
    let Some(mut pooler) = Pooler::start(database.port(), &[]) else {
        let said = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"NOT RUN: there is no PgBouncer; .ci/install builds it\n",
        );
        return said.expect("somebody reads");
    };
    let pooled = pooler.url(database.name());
    let alone = [("WINDLASS_DATABASE_URL", pooled.as_str())];
    let own = database.direct_url().to_owned();
    let both = [alone[0], ("WINDLASS_DATABASE_DIRECT_URL", own.as_str())];

    let unspoken = windlass_with(&["serve"], &alone).await;
    let unset = windlass_with(&["serve"], &both).await;
    let settings = windlass_with(&["migrate", "settings"], &both).await;
    let database = database.behind(&pooler).await;
    // Its open sessions keep what they had.
    pooler.restart();
    let migrated = windlass_with(&["migrate", "status"], &both).await;
    let (mut server, address) = serving_with(&["serve"], &both).await;
    let listed = windlass_with(&["--server", &address, "-o", "json", "job", "list"], &[]).await;

    assert!(
        unspoken.stderr.contains("database.direct_url"),
        "{}",
        unspoken.stderr
    );
    assert!(
        unset.stderr.contains("error[pooler_misconfigured]")
            && unset.stderr.contains("windlass migrate settings"),
        "{}",
        unset.stderr
    );
    let path = format!(
        "alter role windlass in database {} set search_path = windlass, public;",
        database.name()
    );
    assert!(settings.stdout.contains(&path), "{}", settings.stdout);
    assert_eq!(migrated.code, 0, "{}", migrated.stderr);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    terminate(&server);
    let ended = timeout(LONG, server.wait()).await.expect("it stops");
    assert_eq!(ended.expect("an end").code(), Some(0));
}
