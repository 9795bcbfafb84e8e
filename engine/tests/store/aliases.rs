//! Aliases of template versions: read when work starts, kept by what started.

use crate::common::Bench;
use crate::common::keys::{job, raised, submit, submit_sql};
use crate::common::recipe::{create, recipe, refused};
use serde_json::json;
use windlass_engine::protocol::export::ExportKind;
use windlass_engine::protocol::{Action, Request, Work};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_engine::testing::application;
use windlass_engine::vocabulary::ConfigurationKind;
use windlass_engine::{Error, Store};
use windlass_workflows::value::Value;

const PURPOSE: &str = "windlass: v1\nkind: Purpose\nname: brief\ntemplate: strikes.brief@stable\n";

fn template(version: &str) -> String {
    format!(
        "document: {{ dsl: '1.0.3', namespace: strikes, name: brief, version: '{version}' }}\n\
         do:\n  - say: {{ set: {{ word: hello }} }}\n"
    )
}

async fn set(store: &Store, alias: &str, version: &str) -> Result<(), Error> {
    let set = store.set_alias(DEFAULT_TENANT, "mia", "strikes.brief", alias, version);
    set.await.map(drop)
}

/// Two versions, of which the older one is `stable`.
async fn bench() -> Bench {
    let bench = Bench::new().await;
    let both = [template("1.0.0"), template("1.1.0")];
    let both = application(&[&both[0], &both[1]]);
    bench.store.apply(both).await.expect("published");
    set(&bench.store, "stable", "1.0.0").await.expect("set");
    bench
}

fn request(work: Work) -> Request {
    Request::new(work, Value::from(json!({})))
}

/// The version that a job of this work is pinned to.
async fn runs(store: &Store, work: Work) -> String {
    version(store, job(&submit(store, request(work)).await)).await
}

async fn version(store: &Store, job: i64) -> String {
    let view = store.job(DEFAULT_TENANT, job).await.expect("the job");
    view.template
}

fn by_purpose() -> Work {
    Work::Purpose("brief".to_owned())
}

fn by_template(reference: &str) -> Work {
    Work::Template(reference.to_owned())
}

#[tokio::test]
async fn what_started_keeps_its_version_when_the_alias_moves() {
    let bench = bench().await;
    let store = &bench.store;
    store.apply(application(&[PURPOSE])).await.expect("applied");
    let over =
        json!({ "selection": { "items": [{ "n": 1 }], "key": "n" }, "strategy": "individual" });
    let first = job(&submit(store, request(by_purpose())).await);
    let batch = create(store, &recipe(over.clone())).await;

    set(store, "stable", "1.1.0").await.expect("moved");

    let planned = store.batch(DEFAULT_TENANT, batch).await.expect("its view");
    assert_eq!(version(store, first).await, "strikes.brief@1.0.0");
    assert_eq!(planned.template, "strikes.brief@1.0.0");
    assert_eq!(runs(store, by_purpose()).await, "strikes.brief@1.1.0");
    let direct = by_template("strikes.brief@stable");
    assert_eq!(runs(store, direct).await, "strikes.brief@1.1.0");
    let later = create(store, &recipe(over)).await;
    let later = store.batch(DEFAULT_TENANT, later).await.expect("its view");
    assert_eq!(later.template, "strikes.brief@1.1.0");
    let mut connection = bench.pool.acquire().await.expect("a connection");
    for sql in [
        "select submit('brief', '{}')",
        "select submit('strikes.brief@stable', '{}')",
    ] {
        let made = submit_sql(&mut connection, sql).await.expect("a job");
        assert_eq!(version(store, made).await, "strikes.brief@1.1.0", "{sql}");
    }
}

#[tokio::test]
async fn an_alias_that_nobody_set_is_refused_with_the_nearest() {
    let bench = bench().await;
    let store = &bench.store;
    let mistyped = PURPOSE.replace("@stable", "@stabel");

    let applied = refused(store.apply(application(&[&mistyped])).await);
    let problem = {
        let asked = request(by_template("strikes.brief@stabel"));
        let receipt = store.submit_request(DEFAULT_TENANT, "mia", &asked).await;
        format!("{:?}", receipt.expect("an answer").answer)
    };
    let mut connection = bench.pool.acquire().await.expect("a connection");
    let sql = "select submit('strikes.brief@stabel', '{}')";
    let in_sql = submit_sql(&mut connection, sql).await.unwrap_err();

    assert_eq!(
        (applied.code.as_str(), applied.pointer.as_str()),
        ("unknown_reference", "/template")
    );
    let hint = "did you mean `strikes.brief@stable`?";
    assert_eq!(applied.hint.as_deref(), Some(hint));
    assert!(problem.contains("unknown_reference"), "{problem}");
    assert!(problem.contains(hint), "{problem}");
    assert_eq!(raised(in_sql).1, "unknown_reference");
    store.apply(application(&[PURPOSE])).await.expect("applied");
}

#[tokio::test]
async fn an_alias_means_a_published_version_and_is_a_word() {
    let bench = bench().await;
    let store = &bench.store;
    let told = async |alias: &str, version: &str| {
        let problem = refused(set(store, alias, version).await);
        (problem.code, problem.pointer, problem.hint)
    };

    let (code, pointer, hint) = told("stable", "1.1.1").await;
    assert_eq!(
        (code.as_str(), pointer.as_str()),
        ("unknown_reference", "/version")
    );
    assert!(hint.is_some_and(|hint| hint.contains("strikes.brief@1.1.0")));
    for (alias, version) in [
        ("1.0.0", "1.0.0"),
        ("Stable", "1.0.0"),
        ("", "1.0.0"),
        ("stable", "canary"),
        ("stable", "1.0.0:50"),
    ] {
        assert_eq!(told(alias, version).await.0, "invalid_reference", "{alias}");
    }
    assert_eq!(
        runs(store, by_template("strikes.brief@stable")).await,
        "strikes.brief@1.0.0"
    );
}

#[tokio::test]
async fn every_move_is_kept_with_who_made_it() {
    let bench = bench().await;
    let store = &bench.store;
    let path = "strikes.brief";

    set(store, "stable", "1.0.0").await.expect("the same again");
    let moved = store.set_alias(DEFAULT_TENANT, "leo", path, "stable", "1.1.0");
    moved.await.expect("moved");
    set(store, "next", "1.1.0").await.expect("set");

    let kept = store
        .alias(DEFAULT_TENANT, path, "stable")
        .await
        .expect("kept");
    let kept: Vec<_> = kept
        .iter()
        .map(|one| (one.revision, one.version.as_str(), one.who.as_str()))
        .collect();
    assert_eq!(kept, [(2, "1.1.0", "leo"), (1, "1.0.0", "mia")]);
    let now = store.aliases(DEFAULT_TENANT, "strikes", "brief").await;
    let now: Vec<_> = now
        .expect("a list")
        .into_iter()
        .map(|one| (one.alias, one.version))
        .collect();
    let meant = [("next", "1.1.0"), ("stable", "1.1.0")];
    assert_eq!(
        now,
        meant.map(|(alias, version)| (alias.to_owned(), version.to_owned()))
    );
    let missing = store.alias(DEFAULT_TENANT, path, "canary").await;
    assert!(
        matches!(missing, Err(Error::NotFound { .. })),
        "{missing:?}"
    );
}

#[tokio::test]
async fn an_export_writes_the_alias_as_it_was_written() {
    let bench = bench().await;
    let store = &bench.store;
    store.apply(application(&[PURPOSE])).await.expect("applied");

    let kinds = [ExportKind::Configuration(ConfigurationKind::Purpose)];
    let page = store.export(DEFAULT_TENANT, &kinds, false, None, 10).await;
    let text = page.expect("a page").items.remove(0).text;

    assert!(text.contains("template: strikes.brief@stable"), "{text}");
    let page = store.export(DEFAULT_TENANT, &[ExportKind::Template], false, None, 10);
    let versions = page.await.expect("a page").items;
    let means = versions
        .iter()
        .map(|one| (&*one.name, one.aliases.join(" ")));
    let means: Vec<_> = means.collect();
    let (old, new) = ("strikes.brief@1.0.0", "strikes.brief@1.1.0");
    let stable = (old, "stable".to_owned());
    assert_eq!(means[..2], [stable, (new, String::new())]);

    // Elsewhere: the templates, what the alias means, and then who names it.
    let other = Bench::new().await;
    let texts: Vec<&str> = versions.iter().map(|one| &*one.text).collect();
    let early = other
        .store
        .apply(application(&[&texts[..], &[&text]].concat()));
    let early = early.await.expect_err("nobody said what it means");
    assert!(
        format!("{early:?}").contains("unknown_reference"),
        "{early:?}"
    );
    other
        .store
        .apply(application(&texts))
        .await
        .expect("published");
    set(&other.store, "stable", "1.0.0").await.expect("set");
    other
        .store
        .apply(application(&[&text]))
        .await
        .expect("applied");
    assert_eq!(runs(&other.store, by_purpose()).await, old);

    let again = store.apply(application(&[&text])).await.expect("applied");
    assert!(
        again
            .changes
            .iter()
            .all(|change| change.action == Action::Unchanged)
    );
}
