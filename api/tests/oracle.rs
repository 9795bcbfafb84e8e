//! Every figure of a batch, computed a second time by a script outside of the product: members, jobs, chunks, what was
//! left out, hashes, and what each job was given.

#[allow(dead_code, reason = "shared with the tests of kill -9")]
mod fleet;
#[allow(dead_code, reason = "shared with the tests of the command line")]
#[path = "cli/process.rs"]
mod process;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use self::fleet::{Fleet, PATIENCE, examples};

/// It gives back all that it was given, unless it is told to fail.
const TEMPLATE: &str = "document: { dsl: '1.0.3', namespace: proof, name: back, version: '1.0.0' }
do:
  - look:
      if: '${ [ ., .items[]? ] | any(.fail == true) }'
      raise: { error: { type: 'https://windlass.example/errors/told', status: 500, title: told to fail } }
  - back: { set: { given: '${ $workflow.input }' } }
";

/// Keys that are equal as text, keys that are none, objects that are none, letters of several bytes.
fn rows() -> String {
    let mut rows: Vec<Value> = (1..=240).map(row).collect();
    rows.extend([
        json!({ "id": 7, "place": "Ohio", "n": 1 }),
        json!({ "id": "7", "place": "Utah", "n": 2 }),
        json!({ "id": 7.0, "place": "Iowa", "n": 3 }),
        json!({ "place": "Ohio", "n": 4 }),
        json!({ "id": null, "place": "Ohio", "n": 5 }),
        json!({ "id": ["a"], "place": "Ohio", "n": 6 }),
        json!({ "id": "without", "n": 7 }),
        json!({ "id": "bad", "place": { "x": 1 }, "n": 8 }),
        json!({ "id": "large", "place": "Ohio", "n": 9, "text": "x".repeat(1 << 20) }),
        json!({ "id": "fails", "place": "Iowa", "n": 10, "fail": true }),
        json!({ "id": true, "place": "Ohio", "n": 13 }),
    ]);
    let lines = rows.iter().map(|row| format!("{row}\n"));
    lines.collect::<String>().replacen('\n', "\n\n", 3)
}

/// Some of 240 have the key of another one.
fn row(n: usize) -> Value {
    let (id, note) = (format!("m{:03}", n * 7 % 200), "ä".repeat(n % 23));
    let place = ["Ohio", "Ålesund", "Utah"][n % 3];
    json!({ "id": id, "place": place, "n": n, "note": note })
}

const CELLS: &str = "id,place,n\nm1,Ohio,1\nm2,,2\n,Utah,3\nm1,Iowa,4\nm3,Ohio\nm4,Ohio,5,6\n\"m,5\",\"O\"\"hio\",7\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_outside_of_the_product_comes_to_the_same_figures() {
    let site = Site::new().await;
    let selection = |file: &str, duplicate: &str| {
        json!({ "file": file, "key": "id", "object": "place",
            "rows": { "invalid": "leave_out", "duplicate": duplicate } })
    };
    let (first, last) = (
        selection("rows.ndjson", "first"),
        selection("rows.ndjson", "last"),
    );
    let mut some = last.clone();
    (some["filter"], some["limit"]) = (json!(".n != 13"), json!(150));
    let mut two_fields = first.clone();
    two_fields["key"] = json!(["id", "n"]);
    let recipes = [
        json!({ "selection": first, "strategy": "individual" }),
        json!({ "selection": some, "strategy": "individual" }),
        json!({ "selection": two_fields, "strategy": "individual" }),
        json!({ "selection": selection("cells.csv", "last"), "strategy": "individual" }),
        json!({ "selection": first, "strategy": "object" }),
        json!({ "selection": last, "strategy": "object", "chunk": { "max_items": 20 } }),
        json!({ "selection": last, "strategy": "combined", "chunk": { "max_items": 40, "max_bytes": "1500B" } }),
        json!({ "selection": selection("cells.csv", "first"), "strategy": "combined" }),
    ];
    for recipe in recipes {
        let found = site.judged(recipe.clone()).await;
        assert_eq!(found.code, Some(0), "{recipe}\n{}", found.said);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_sees_a_member_that_is_another() {
    let site = Site::new().await;
    let selection = json!({ "file": "cells.csv", "key": "id",
        "rows": { "invalid": "leave_out", "duplicate": "first" } });
    let recipe = json!({ "selection": selection, "strategy": "individual" });
    assert_eq!(site.judged(recipe.clone()).await.code, Some(0));

    let manifest = fs::read_to_string(site.path("manifest")).expect("it was written");
    site.write(
        "manifest",
        &manifest.replacen("\"key\":\"m2\"", "\"key\":\"m3\"", 1),
    );

    let found = site.judge("cells.csv");
    assert_eq!(found.code, Some(1), "{}", found.said);
    assert!(
        found.said.contains("member 2: key 'm3' instead of 'm2'"),
        "{}",
        found.said
    );
}

struct Judged {
    code: Option<i32>,
    said: String,
}

struct Site {
    fleet: Fleet,
    folder: TempDir,
}

impl Site {
    async fn new() -> Self {
        let site = Self {
            fleet: Fleet::new().await,
            folder: tempfile::tempdir().expect("a folder"),
        };
        let templates = site.path("templates");
        fs::create_dir(&templates).expect("a folder");
        site.write("templates/back.yaml", TEMPLATE);
        site.write("rows.ndjson", &rows());
        site.write("cells.csv", CELLS);
        site.fleet.apply(&templates).await;
        site
    }

    /// Runs a batch to its end, and the script over what came of it.
    async fn judged(&self, mut recipe: Value) -> Judged {
        for (name, value) in [
            ("windlass", "v1"),
            ("kind", "JobConfiguration"),
            ("name", "proof"),
            ("template", "proof.back"),
        ] {
            recipe[name] = json!(value);
        }
        self.write("recipe.json", &recipe.to_string());
        self.write("recipe.yaml", &recipe.to_string());
        let path = self.path("recipe.yaml");
        let made = self
            .fleet
            .done(&[
                "batch",
                "create",
                path.to_str().expect("plain"),
                "-o",
                "name",
            ])
            .await;
        let id = made.trim();
        let shown = self.ended(id).await;
        self.write("shown", &shown);
        let manifest = self.fleet.done(&["batch", "manifest", id]).await;
        self.write("manifest", &manifest);
        self.write("outputs", &self.outputs(&recipe, &manifest).await);
        self.judge(recipe["selection"]["file"].as_str().expect("a name"))
    }

    async fn ended(&self, id: &str) -> String {
        let since = Instant::now();
        loop {
            let shown = self.fleet.done(&["batch", "show", id, "-o", "json"]).await;
            if shown.contains("\"is_final\": true") || shown.contains("\"is_final\":true") {
                return shown;
            }
            assert!(since.elapsed() < PATIENCE, "no end of {shown}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// What jobs answered that several members share.
    async fn outputs(&self, recipe: &Value, manifest: &str) -> String {
        if recipe["strategy"] == "individual" {
            return String::new();
        }
        let rows = manifest
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let completed = rows.filter(|row| row["state"] == "completed");
        let jobs: BTreeSet<String> = completed
            .map(|row| row["job"].as_str().expect("a job").to_owned())
            .collect();
        let mut outputs = String::new();
        for job in jobs {
            let output = self
                .fleet
                .done(&["job", "output", &job, "-o", "json"])
                .await;
            let output: Value = serde_json::from_str(&output).expect("JSON");
            outputs += &format!("{}\n", json!({ "job": job, "output": output }));
        }
        outputs
    }

    fn judge(&self, file: &str) -> Judged {
        let files =
            ["recipe.json", file, "shown", "manifest", "outputs"].map(|name| self.path(name));
        let mut python = Command::new("python3");
        let ended = python
            .arg(examples().join("batch_oracle.py"))
            .args(files)
            .output()
            .expect("python3 runs");
        let said = [ended.stdout, ended.stderr].concat();
        Judged {
            code: ended.status.code(),
            said: String::from_utf8_lossy(&said).into_owned(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("it is written");
    }
}
