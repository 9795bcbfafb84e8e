//! What people do over the command line, against a whole engine: approve a plan, and take everything along.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use windlass_engine::Store;
use windlass_engine::protocol::{NewBatch, Source};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_engine::testing::TestDatabase;

use crate::process::{Ended, windlass_with};
use crate::{LONG, serving, terminate};

const ASKING: &str = "windlass: v1\nkind: Category\nname: ships\nkey: name\n\
    data: { items: [ { name: ada }, { name: bea } ] }\n---\n\
    windlass: v1\nkind: Purpose\nname: greet\ntemplate: examples.hello\n---\n\
    windlass: v1\nkind: JobConfiguration\nname: greet-ships\npurpose: greet\n\
    selection: { category: ships }\nstrategy: individual\napproval: { when: always, four_eyes: true }\n";
const HELLO: &str = "document: { dsl: '1.0.3', namespace: examples, name: hello, version: '1.0.0' }\n\
    do:\n  - greet: { set: { message: hello } }\n";
/// A document of every kind but templates.
const SET: &str = include_str!("../../../engine/tests/store/export.yaml");
const BRIEF: &str = "document: { dsl: '1.0.3', namespace: strikes, name: brief, version: '1.0.0' }\n\
    do:\n  - say: { set: { word: hello } }\n";
/// Named by an alias, loaded without the rows that are none, proved by a header.
const NEWER: &str = "windlass: v1\nkind: JobConfiguration\nname: stable-briefs\ntemplate: strikes.brief@stable\n\
    selection: { category: pets }\nstrategy: individual\n---\n\
    windlass: v1\nkind: Category\nname: pets\nkey: name\ndata: { file: pets.csv, invalid: leave_out }\n---\n\
    windlass: v1\nkind: Connection\nname: scores\ntype: analyse\nbase_url: https://scores.example\n\
    auth: { header: { name: X-Api-Key, value: { secret: scores-key } } }\nprofiles: { pet: { path: /pet } }\n";

/// Somebody with a terminal, a server and a folder.
struct Person<'a> {
    address: &'a str,
}

impl Person<'_> {
    async fn says(&self, words: &[&str]) -> Ended {
        let first = ["--server", self.address, "-o", "json", "--yes"];
        windlass_with(&[&first, words].concat(), &[]).await
    }

    /// What is answered to something that works.
    async fn does(&self, words: &[&str]) -> Value {
        let ended = self.says(words).await;
        assert_eq!(ended.code, 0, "{words:?}: {}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap_or_default()
    }

    /// A batch once it is in that state.
    async fn sees(&self, batch: &str, state: &str) -> Value {
        let found = tokio::time::timeout(LONG, async {
            loop {
                let shown = self.does(&["batch", "show", batch]).await;
                if shown["state"] == state {
                    return shown;
                }
            }
        });
        let found = found.await;
        found.unwrap_or_else(|_| panic!("{batch} never is {state}"))
    }
}

fn written(folder: &Path, files: &[(&str, &str)]) -> String {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("in the folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder.to_str().expect("text").to_owned()
}

/// A batch of another person than those who come over HTTP.
async fn made_by(store: &Store, who: &str) -> String {
    let new = NewBatch {
        source: Source::Named("greet-ships".to_owned()),
        name: None,
        who: who.to_owned(),
        idempotency_key: None,
    };
    let made = store.create_batch(DEFAULT_TENANT, new).await;
    format!("b_{}", made.expect("created").id)
}

#[tokio::test]
async fn who_made_a_batch_is_refused_and_a_second_person_lets_it_go() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let (server, address) = serving(&database, &["serve"]).await;
    let api = Person { address: &address };
    let folder = tempfile::tempdir().expect("a folder");
    let files = [("asking.yaml", ASKING), ("hello.yaml", HELLO)];
    api.does(&["apply", &written(folder.path(), &files)]).await;

    let own = api.does(&["batch", "create", "greet-ships"]).await;
    let own = own["id"].as_str().expect("an id");
    let asks = api.sees(own, "planned").await;
    let refused = api.says(&["batch", "approve", own]).await;
    let still = api.does(&["batch", "show", own]).await;
    let other = made_by(&store, "mia").await;
    api.sees(&other, "planned").await;
    let wrong = api
        .says(&["batch", "approve", &other, "--plan", "0000"])
        .await;
    let approved = api.does(&["batch", "approve", &other]).await;
    let done = api.sees(&other, "completed").await;
    terminate(&server);

    assert_eq!(asks["asks"]["is_open"], true);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("four_eyes"), "{}", refused.stderr);
    assert_eq!(
        (&still["state"], &still["approved_at"]),
        (&json!("planned"), &Value::Null)
    );
    assert!(wrong.stderr.contains("plan_changed"), "{}", wrong.stderr);
    assert_eq!(approved["batch"]["approved_by"], "api");
    assert_eq!(done["progress"]["now"]["completed"], 2, "{done}");
}

/// Every kind is there, and nothing of it is another.
fn check_unchanged(again: &Value) {
    let changes = again.as_array().expect("changes");
    let kinds: std::collections::BTreeSet<_> = changes
        .iter()
        .filter_map(|change| change["kind"].as_str())
        .collect();
    assert_eq!(kinds.len(), 8, "{kinds:?}");
    for change in changes {
        assert_eq!(change["action"], "unchanged", "{change}");
    }
    let pets = changes.iter().find(|change| change["name"] == "pets");
    assert_eq!(pets.map(|pets| &pets["items"]), Some(&json!(2)));
}

#[tokio::test]
async fn an_export_of_every_kind_applied_where_it_comes_from_is_unchanged() {
    let database = TestDatabase::new().await;
    let (server, address) = serving(&database, &["serve"]).await;
    let api = Person { address: &address };
    let folder = tempfile::tempdir().expect("a folder");
    let birds = "name,state,cost\nGull,Ohio,1\nCrow,Utah,\n";
    let pets = "name,age\nrex,3\n,4\n\nmiau,5,6\ntom,7\n";
    let first = written(
        &folder.path().join("here"),
        &[
            ("brief.yaml", BRIEF),
            ("deep/set.yaml", SET),
            ("data/birds.csv", birds),
        ],
    );
    let second = written(
        &folder.path().join("then"),
        &[("newer.yaml", NEWER), ("pets.csv", pets)],
    );
    let out = folder.path().join("out");
    let out = out.to_str().expect("text");

    api.does(&["apply", &first]).await;
    api.does(&["template", "alias", "strikes.brief", "stable=1.0.0"])
        .await;
    let told = api.says(&["apply", &second]).await;
    let (pets, wrong) = (format!("{second}/pets.csv"), format!("{second}/wrong.csv"));
    let load = ["category", "load", "pets", "--file", &pets];
    let loaded = api
        .does(&[&load[..], &["--refused", &wrong]].concat())
        .await;
    let refused = api
        .says(&[&load[..], &["--invalid", "refuse"]].concat())
        .await;
    api.does(&["export", "--to", out]).await;
    let again = api.does(&["apply", out]).await;
    terminate(&server);

    assert!(
        told.stderr.contains("pets: 2 of 4 rows are left out"),
        "{}",
        told.stderr
    );
    assert_eq!(
        (&loaded["read"], &loaded["left_out"]),
        (&json!(4), &json!(2))
    );
    assert_eq!(
        (&loaded["loaded"], &loaded["items"]),
        (&json!(false), &json!(2))
    );
    let wrong = fs::read_to_string(wrong).expect("a report");
    assert!(wrong.contains("body,3,2,/name,invalid_row,"), "{wrong}");
    assert!(wrong.contains(",3,,invalid_row,"), "{wrong}");
    assert!(refused.stderr.contains("invalid_row"), "{}", refused.stderr);
    check_unchanged(&again);
    let stable = fs::read_to_string(format!("{out}/job_configuration/stable-briefs.yaml"));
    let stable = stable.expect("exported");
    assert!(stable.contains("strikes.brief@stable"), "{stable}");
}
