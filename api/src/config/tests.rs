//! Which source wins, and that every problem is told at once.

use std::collections::BTreeMap;
use std::fs;

use super::*;

fn layers(flags: &[(&'static str, &str)], around: &Surroundings, files: &[PathBuf]) -> Layers {
    let flags: BTreeMap<_, _> = flags
        .iter()
        .map(|(key, value)| (*key, (*value).to_owned()))
        .collect();
    Layers::of(&flags, around, files)
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("windlass.toml");
    fs::write(&path, text).expect("a file in it");
    (folder, path)
}

#[test]
fn flags_beat_variables_beat_the_file_beats_defaults() {
    let (_folder, path) = file(
        "listen = '127.0.0.1:1'\n[worker]\nslots = 1\nlease_seconds = 9\n[database]\nconnections = 3\n",
    );
    let around = Surroundings::of([
        ("WINDLASS_LISTEN", "127.0.0.1:2"),
        ("WINDLASS_WORKER_SLOTS", "2"),
    ]);

    let layers = layers(&[("listen", "127.0.0.1:3")], &around, &[path]);
    let settings = Settings::read(&layers).expect("all right");

    assert_eq!(settings.listen.port(), 3);
    assert_eq!(settings.worker_slots, 2);
    assert_eq!(settings.worker_lease_seconds, 9);
    assert_eq!(settings.worker_grace_seconds, 30);
    assert_eq!(settings.roles, Role::ALL);
}

#[test]
fn every_value_says_where_it_came_from() {
    let (_folder, path) = file("[worker]\nslots = 1\n");
    let around = Surroundings::of([("WINDLASS_DATABASE_URL", "postgres://ada:secret@db/x")]);

    let layers = layers(&[("listen", "127.0.0.1:3")], &around, &[path]);
    let origins = layers.origins();
    let of = |key| {
        origins
            .iter()
            .find(|origin| origin.key == key)
            .expect("known")
    };

    assert_eq!(of("listen").origin, "--listen");
    assert_eq!(of("database.url").origin, "WINDLASS_DATABASE_URL");
    assert_eq!(
        of("database.url").value.as_deref(),
        Some("postgres://ada:***@db/x")
    );
    assert!(of("worker.slots").origin.ends_with("windlass.toml"));
    assert_eq!(of("log.format").origin, "the default");
    assert_eq!(of("pg.bin").value, None);
}

#[test]
fn all_problems_are_told_at_once() {
    let (_folder, path) = file("[worker]\nslots = 'many'\nslot = 3\n");
    let around = Surroundings::of([
        ("WINDLASS_LISTEN", "nowhere"),
        ("WINDLASS_ROLES", "api,cook"),
        ("WINDLASS_LISTN", "x"),
    ]);

    let layers = layers(&[], &around, &[path]);
    let problems = Settings::read(&layers).expect_err("five mistakes").problems;

    for part in [
        "worker.slots is a number",
        "worker.slot in ",
        "listen is an address",
        "roles is all",
        "WINDLASS_LISTN is no setting",
    ] {
        assert!(
            problems.iter().any(|problem| problem.contains(part)),
            "{part} is missing in {problems:#?}"
        );
    }
    assert_eq!(problems.len(), 5);
}

#[test]
fn values_that_make_no_sense_are_refused_together() {
    let around = Surroundings::of([
        ("WINDLASS_WORKER_SLOTS", "0"),
        ("WINDLASS_DATABASE_URL", "mysql://x"),
        ("WINDLASS_DATABASE_DIRECT_URL", "mysql://y"),
        ("WINDLASS_REFERENCES_ENV", "WINDLASS_DATABASE_URL"),
        ("WINDLASS_EGRESS_ALLOW", "10.0.0.0/99"),
    ]);

    let problems = Settings::read(&layers(&[], &around, &[]))
        .expect_err("five mistakes")
        .problems;

    assert_eq!(problems.len(), 5, "{problems:#?}");
}

#[test]
fn the_way_past_a_pooler_needs_the_way_through_it() {
    let direct = ("WINDLASS_DATABASE_DIRECT_URL", "postgres://ada:secret@db/x");
    let alone = Surroundings::of([direct]);
    let both = Surroundings::of([direct, ("WINDLASS_DATABASE_URL", "postgres://pooler/x")]);

    let problems = Settings::read(&layers(&[], &alone, &[]))
        .expect_err("one mistake")
        .problems;
    let settings = Settings::read(&layers(&[], &both, &[])).expect("all right");

    assert!(problems[0].contains("stands beside a database.url"));
    assert_eq!(settings.database_direct_url.as_deref(), Some(direct.1));
}

#[test]
fn broken_file_is_one_problem() {
    let (_folder, path) = file("listen = \n");

    let problems = Settings::read(&layers(&[], &Surroundings::default(), &[path]))
        .expect_err("broken")
        .problems;

    assert!(
        problems
            .iter()
            .any(|problem| problem.contains("windlass.toml")),
        "{problems:#?}"
    );
}

#[test]
fn secrets_come_from_variables_by_name() {
    let around = Surroundings::of([
        ("WINDLASS_SECRET_MY_KEY", "a"),
        ("OPENAI_API_KEY", "b"),
        ("OTHER", "c"),
    ]);

    let secrets = around.secrets();

    assert_eq!(secrets.get("my-key").map(String::as_str), Some("a"));
    assert_eq!(secrets.get("openai-api-key").map(String::as_str), Some("b"));
    assert_eq!(secrets.len(), 2);
    Settings::read(&layers(&[], &around, &[])).expect("secrets are no settings");
}

#[test]
fn colour_follows_the_conventions() {
    assert!(Surroundings::of([]).wants_color(true));
    assert!(!Surroundings::of([]).wants_color(false));
    assert!(!Surroundings::of([("NO_COLOR", "1")]).wants_color(true));
    assert!(!Surroundings::of([("TERM", "dumb")]).wants_color(true));
    assert!(Surroundings::of([("CLICOLOR_FORCE", "1")]).wants_color(false));
}
