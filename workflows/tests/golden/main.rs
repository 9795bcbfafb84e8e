//! The golden corpus: programs, events, commands and journal entries as they were once recorded, byte
//! for byte. A library or a change of ours that alters one byte of what jobs store or send is red.
//!
//! What is found instead lies in a folder that the failed test names: after a change that is meant to
//! alter the corpus, it is put in place of the old one, and the difference is read.
//! A change of what stored jobs mean raises `SEMANTICS` and begins a folder of its own beside `1`.

#[path = "../machine/batches.rs"]
mod batches;
mod codec;
mod given;
mod own;
mod play;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

use play::{Kept, Script};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/1")
}

fn text(scripts: &[Script]) -> String {
    let parts = scripts.iter().map(|script| play::play(script, None));
    parts.collect::<Vec<_>>().join("\n")
}

/// Every file of the corpus, by name.
fn corpus() -> Vec<(String, String)> {
    let entries = fs::read_dir(folder()).expect("the corpus is there");
    let mut files: Vec<(String, String)> = entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy();
            let text = fs::read_to_string(&path).expect("text");
            (name.into_owned(), text)
        })
        .collect();
    files.sort();
    files
}

/// Where two texts part: the line, and both sides.
fn difference(name: &str, recorded: &str, found: &str) -> Option<String> {
    if recorded == found {
        return None;
    }
    let mut lines = (1..).zip(recorded.lines().zip(found.lines()));
    let part = lines.find(|(_, (recorded, found))| recorded != found);
    Some(match part {
        Some((line, (recorded, found))) => {
            format!("{name}:{line}\n  recorded {recorded}\n  found    {found}")
        }
        None => format!("{name}: one is longer than the other"),
    })
}

/// Writes what was found into a fresh folder of the build.
fn keep(sources: &[(String, Vec<Script>)]) -> String {
    let found = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden");
    let _ = fs::remove_dir_all(&found);
    fs::create_dir_all(&found).expect("a folder");
    for (name, scripts) in sources {
        fs::write(found.join(name), text(scripts)).expect("it is written");
    }
    found.display().to_string()
}

#[test]
fn what_documents_and_events_make_is_byte_equal_to_what_was_recorded() {
    let sources = sources::all();
    let recorded = corpus();

    let names = sources.iter().map(|(name, _)| name);
    let known = recorded.iter().map(|(name, _)| name);
    let strangers =
        (!names.eq(known)).then(|| "the sources and the files have other names".to_owned());
    let differences: Vec<String> = (sources.iter().zip(&recorded))
        .filter_map(|((name, scripts), (_, recorded))| difference(name, recorded, &text(scripts)))
        .chain(strangers)
        .collect();
    if !differences.is_empty() {
        let differences = differences.join("\n");
        panic!("{differences}\nall that was found is in {}", keep(&sources));
    }
}

/// Case 3: the entries of the last release. After every turn the state is dropped and folded from what
/// the file says, whatever this binary would write.
#[test]
fn jobs_go_on_from_recorded_entries_as_they_did() {
    let (mut turns, mut heads) = (0, 0);
    for (name, recorded) in corpus() {
        let kept: Vec<Kept> = play::read(&recorded);
        let parts = kept.iter().map(|kept| play::play(&kept.script, Some(kept)));
        let found = parts.collect::<Vec<_>>().join("\n");

        assert_eq!(difference(&name, &recorded, &found), None);
        turns += kept.iter().map(|kept| kept.entries.len()).sum::<usize>();
        heads += kept.iter().map(|kept| kept.heads.len()).sum::<usize>();
    }
    assert!(turns > 200 && heads > 0, "{turns} turns, {heads} heads");
}
