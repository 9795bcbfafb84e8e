//! Kill -9 in every phase of a batch, on real processes and a durable Postgres: the end is that of an undisturbed run.
//!
//! A lock that the test holds stops a process in the middle of a phase, at a statement that is known by its words;
//! there it is killed. What is compared is what people see: figures, hashes and the manifest, without times.

mod fleet;
#[allow(dead_code, reason = "shared with the tests of the command line")]
#[path = "cli/process.rs"]
mod process;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::time::sleep;

use windlass_engine::testing::Held;

use self::fleet::{Fleet, PATIENCE};

/// Members of a file: some blocks of a plan, and several windows of a release.
const MEMBERS: i64 = 4_500;

/// A keeper looks once a second for what is due.
const WAITS_WITHIN: Duration = Duration::from_secs(30);

/// One fleet at a time: they would only take each other's processor.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Where a process is killed.
struct Spot {
    role: &'static str,
    /// Held by the test.
    lock: &'static str,
    /// Counts more than nothing in the phase.
    phase: &'static str,
    /// Words of the statement that waits for the lock.
    statement: &'static str,
}

const PLANNING: Spot = Spot {
    role: "keeper",
    lock: "select from batch where id = (select max(id) from batch) for no key update",
    phase: "select count(*) from batch where id = (select max(id) from batch) and state = 'planning' and cursor_n > 0",
    statement: "Moves a plan's cursor",
};

/// With room in the window of 400: the lock stops workers too, and nobody would make room after it.
const RELEASING: Spot = Spot {
    role: "keeper",
    lock: "lock table ready in share mode",
    phase: "select count(*) from batch where id = (select max(id) from batch) and state = 'releasing' and released > 0
            and released - 400 < (select coalesce(sum(n), 0) from tally where tally.batch = batch.id)",
    statement: "Moves planned jobs of a batch into `ready`",
};

const RUNNING: Spot = Spot {
    role: "worker",
    lock: "lock table outcome in share mode",
    phase: "select count(*) from (select sum(n) as settled from tally where batch = (select max(id) from batch)) told
            where settled > 0",
    statement: "",
};

/// A chunk's result is in the journal, others are on their way.
const BETWEEN_CHUNKS: Spot = Spot {
    lock: "lock table journal in share mode",
    phase: "select count(*) from journal join job on job.id = journal.job
            where batch = (select max(id) from batch) and seq > 1",
    ..RUNNING
};

const FINISHING: Spot = Spot {
    role: "keeper",
    lock: "select from batch where id = (select max(id) from batch) for no key update",
    phase: "select count(*) from batch where id = (select max(id) from batch) and state = 'running'",
    statement: "Ends batches whose settlements are complete",
};

/// Held from before the restart is asked for.
const RESTARTING: Spot = Spot {
    role: "keeper",
    lock: "lock table job in share mode",
    phase: "select 1::int8",
    statement: "Makes a new job of each that failed or expired",
};

const UPLOADING: Spot = Spot {
    role: "api",
    lock: "lock table source_row in share mode",
    phase: "select 1::int8",
    statement: "copy source_row",
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_for_each_member_ends_as_if_nobody_had_been_killed() {
    let _alone = ALONE.lock().await;
    let mut site = Site::new().await;
    let recipe = site.recipe("individual");
    let undisturbed = site.undisturbed(&recipe).await;

    site.kill_while_it_is_sent(&recipe).await;
    site.fleet
        .done(&["batch", "create", &recipe, "--key", "second"])
        .await;
    for spot in [PLANNING, RELEASING, RUNNING, FINISHING] {
        site.kill_within(&spot).await;
    }
    let disturbed = site.restarted_after_a_kill(2).await;

    assert_same(&disturbed, &undisturbed);
    assert_eq!(undisturbed.0["planned"]["jobs"], MEMBERS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_for_each_object_ends_as_if_nobody_had_been_killed() {
    let _alone = ALONE.lock().await;
    let mut site = Site::new().await;
    let recipe = site.recipe("object");
    let undisturbed = site.undisturbed(&recipe).await;

    site.fleet
        .done(&["batch", "create", &recipe, "--key", "second"])
        .await;
    for spot in [PLANNING, RELEASING, RUNNING, FINISHING] {
        site.kill_within(&spot).await;
    }
    let disturbed = site.restarted_after_a_kill(2).await;

    assert_same(&disturbed, &undisturbed);
    assert_eq!(undisturbed.0["planned"]["members"], MEMBERS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_job_in_chunks_ends_as_if_nobody_had_been_killed() {
    let _alone = ALONE.lock().await;
    let mut site = Site::new().await;
    site.fleet.apply_examples().await;
    site.fleet
        .done(&["batch", "create", "national-report"])
        .await;
    let undisturbed = site.ended(1, "completed").await;

    site.fleet
        .done(&["batch", "create", "national-report"])
        .await;
    for spot in [PLANNING, BETWEEN_CHUNKS, FINISHING] {
        site.kill_within(&spot).await;
    }
    let disturbed = site.ended(2, "completed").await;

    assert_same(&disturbed, &undisturbed);
    let counted = async |what| site.fleet.counted("/analyse/statistics", what).await;
    assert_eq!(counted("keys").await, 20, "ten chunks of each batch");
    let requests = counted("requests").await;
    assert!(
        (20..=24).contains(&requests),
        "{requests}: at most the four that were open ran again"
    );
}

/// What a batch came to: its figures, and a row a member.
type End = (Value, Vec<Value>);

fn assert_same(disturbed: &End, undisturbed: &End) {
    assert_eq!(disturbed.0, undisturbed.0);
    assert_eq!(disturbed.1.len(), undisturbed.1.len());
    for (one, other) in disturbed.1.iter().zip(&undisturbed.1) {
        assert_eq!(one, other);
    }
}

/// A fleet, and a folder with a template and a file of members.
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
        let templates = site.folder.path().join("templates");
        fs::create_dir(&templates).expect("a folder");
        write(&templates.join("first.yaml"), &template("1.0.0", FAULTY));
        write(&templates.join("mended.yaml"), &template("1.0.1", ""));
        write(&site.folder.path().join("members.ndjson"), &members());
        site.fleet.apply(&templates).await;
        site
    }

    fn recipe(&self, strategy: &str) -> String {
        let file = self.folder.path().join("recipe.yaml");
        write(
            &file,
            &format!(
                "windlass: v1\nkind: JobConfiguration\nname: proof\ntemplate: proof.each@1.0.0\nstrategy: {strategy}\n\
             selection: {{ file: members.ndjson, key: key, object: object }}\nrelease: {{ window: 400 }}\n"
            ),
        );
        plain(&file)
    }

    /// The end of a batch that nobody disturbs, its failures restarted.
    async fn undisturbed(&self, recipe: &str) -> End {
        self.fleet.done(&["batch", "create", recipe]).await;
        self.ended(1, "completed_with_errors").await;
        self.restart(1).await;
        self.ended(1, "completed").await
    }

    async fn restart(&self, batch: i64) {
        let id = format!("b_{batch}");
        let mended = ["--template", "proof.each@1.0.1"];
        self.fleet
            .done(&[&["batch", "restart", &id][..], &mended].concat())
            .await;
    }

    /// Waits for the end of a batch.
    async fn ended(&self, batch: i64, state: &str) -> End {
        let (id, since) = (format!("b_{batch}"), Instant::now());
        loop {
            let shown = self.fleet.done(&["batch", "show", &id, "-o", "json"]).await;
            let shown: Value = serde_json::from_str(&shown).expect("JSON");
            if shown["is_final"] == true {
                assert_eq!(shown["state"], state, "{shown}");
                return (figures(&shown), self.manifest(&id).await);
            }
            assert!(since.elapsed() < PATIENCE, "no end of {shown}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn manifest(&self, id: &str) -> Vec<Value> {
        let text = self.fleet.done(&["batch", "manifest", id]).await;
        let row = |line: &str| {
            let mut row: Value = serde_json::from_str(line).expect("JSON");
            row["job"] = json!(row["job"].is_string());
            row["ended_at"] = json!(row["ended_at"].is_string());
            row
        };
        text.lines().map(row).collect()
    }

    /// Stops a process in the middle of a phase, kills it there, and starts another one.
    async fn kill_within(&mut self, spot: &Spot) {
        let mut held = self.fleet.cluster.hold_when(spot.lock, spot.phase).await;
        until_waited_for(&mut held, spot).await;
        self.fleet.kill(spot.role).await;
        held.release().await;
        self.fleet.start(spot.role);
    }

    /// The API dies while it reads a file: nothing of it is left, and its key may try again.
    async fn kill_while_it_is_sent(&mut self, recipe: &str) {
        let mut held = self
            .fleet
            .cluster
            .hold_when(UPLOADING.lock, UPLOADING.phase)
            .await;
        let sending = ["batch", "create", recipe, "--key", "second"];
        tokio::select! {
            ended = self.fleet.windlass(&sending) => panic!("it was sent: {}{}", ended.stdout, ended.stderr),
            () = until_waited_for(&mut held, &UPLOADING) => {}
        }
        self.fleet.kill("api").await;
        held.release().await;
        self.fleet.start("api");
        self.fleet.until_it_answers().await;
        let batches = "select count(*) from batch where idempotency_key is not null and id > 1";
        assert_eq!(self.fleet.cluster.count(batches).await, 0);
    }

    /// Restarts what failed; the keeper dies while it makes new jobs.
    async fn restarted_after_a_kill(&mut self, batch: i64) -> End {
        let batch = self.numbered(batch).await;
        self.ended(batch, "completed_with_errors").await;
        let mut held = self
            .fleet
            .cluster
            .hold_when(RESTARTING.lock, RESTARTING.phase)
            .await;
        self.restart(batch).await;
        until_waited_for(&mut held, &RESTARTING).await;
        self.fleet.kill("keeper").await;
        held.release().await;
        self.fleet.start("keeper");
        self.ended(batch, "completed").await
    }

    /// The number of the batch that was made as the `place`th: one that was not made took a number too.
    async fn numbered(&self, place: i64) -> i64 {
        assert_eq!(
            self.fleet.cluster.count("select count(*) from batch").await,
            place
        );
        self.fleet.cluster.count("select max(id) from batch").await
    }
}

/// Waits until the statement of a spot stands still before the lock.
async fn until_waited_for(held: &mut Held, spot: &Spot) {
    let since = Instant::now();
    while held.waits_of(spot.statement).await == 0 {
        let waited = since.elapsed();
        assert!(waited < WAITS_WITHIN, "nobody waits: {}", spot.statement);
        sleep(Duration::from_millis(5)).await;
    }
}

/// What a batch is by now, without numbers and times of its own.
fn figures(shown: &Value) -> Value {
    let kept = [
        "state",
        "reason",
        "strategy",
        "template",
        "generation",
        "planned",
        "selection_hash",
        "plan_hash",
        "released",
    ];
    let mut figures: Value = kept
        .iter()
        .map(|name| ((*name).to_owned(), shown[*name].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into();
    figures["progress"] = shown["progress"].clone();
    figures
}

/// Every seventh member is too much for it.
const FAULTY: &str = "  - look:
      if: '${ (.n // .items[0].n) % 7 == 0 }'
      raise: { error: { type: 'https://windlass.example/errors/seven', status: 500, title: too much } }
";

fn template(version: &str, first: &str) -> String {
    format!(
        "document: {{ dsl: '1.0.3', namespace: proof, name: each, version: '{version}' }}\ndo:\n{first}  \
         - done: {{ set: {{ n: '${{ .n // .count }}' }} }}\n"
    )
}

/// Two thirds as many objects as members.
fn members() -> String {
    (1..=MEMBERS).fold(String::new(), |mut text, n| {
        let object = n % (MEMBERS * 2 / 3);
        writeln!(text, r#"{{"key":"m{n}","object":"o{object:05}","n":{n}}}"#).expect("text grows");
        text
    })
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).expect("it is written");
}

fn plain(path: &Path) -> String {
    path.to_str().expect("a plain path").to_owned()
}
