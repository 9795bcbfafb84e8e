//! `pin: publish`: which version of a child a template was published with.

use crate::common::Bench;
use crate::common::keys::{job, submit};
use crate::common::recipe::refused;
use windlass_engine::Error;
use windlass_engine::protocol::{Request, Work};
use windlass_engine::store::{DEFAULT_TENANT, Published};
use windlass_engine::testing::application;
use windlass_workflows::value::Value;

fn child(version: &str) -> String {
    format!(
        "document: {{ dsl: '1.0.3', namespace: test, name: child, version: '{version}' }}\n\
         do:\n  - say: {{ set: {{ word: hello }} }}\n"
    )
}

fn parent(version: &str) -> String {
    format!(
        "document: {{ dsl: '1.0.3', namespace: test, name: parent, version: '{version}' }}
do:
  - start:
      run: {{ workflow: {{ namespace: test, name: child, version: latest }} }}
      metadata: {{ windlass: {{ pin: publish }} }}
"
    )
}

async fn publish(bench: &Bench, text: &str) -> Result<Published, Error> {
    bench.store.publish_source(DEFAULT_TENANT, text).await
}

/// What a job of this version of the parent runs as `test.child`.
async fn pinned(bench: &Bench, version: &str) -> Option<String> {
    let work = Work::Template(format!("test.parent@{version}"));
    let request = Request::new(work, Value::parse("{}").expect("JSON"));
    let job = job(&submit(&bench.store, request).await);
    let found = bench.store.pinned_child(job, "test.child").await;
    found.expect("read")
}

#[tokio::test]
async fn a_version_that_comes_later_changes_nothing_for_the_published() {
    let bench = Bench::new().await;
    publish(&bench, &child("1.0.0")).await.expect("published");
    publish(&bench, &parent("1.0.0")).await.expect("published");
    publish(&bench, &child("1.1.0")).await.expect("published");
    publish(&bench, &parent("1.1.0")).await.expect("published");

    assert_eq!(pinned(&bench, "1.0.0").await.as_deref(), Some("1.0.0"));
    assert_eq!(pinned(&bench, "1.1.0").await.as_deref(), Some("1.1.0"));
}

#[tokio::test]
async fn a_child_comes_before_or_with_who_pins_it_wherever_it_stands() {
    let bench = Bench::new().await;

    let problem = refused(publish(&bench, &parent("1.0.0")).await);
    assert_eq!(
        (problem.code.as_str(), problem.pointer.as_str()),
        ("unknown_reference", "/do/0/start")
    );
    let alone = bench.store.apply(application(&[&parent("1.0.0")])).await;
    let problem = refused(alone);
    assert_eq!(
        (problem.code.as_str(), problem.line),
        ("unknown_reference", Some(4))
    );
    let both = application(&[&parent("1.0.0"), &child("2.0.0")]);
    bench.store.apply(both).await.expect("applied");

    assert_eq!(pinned(&bench, "1.0.0").await.as_deref(), Some("2.0.0"));
}
