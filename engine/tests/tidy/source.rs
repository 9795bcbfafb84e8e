//! The files that the rules look at, with their code apart from their words.

use std::fs;
use std::path::{Path, PathBuf};

use crate::scan;

/// Rooms of the workspace that hold text of ours.
const ROOMS: [&str; 7] = [
    "workflows",
    "engine",
    "workers",
    "api",
    "examples",
    "bench",
    "migrations",
];

/// Programs that drive other engines by those engines' own conventions: no part of Windlass, of its
/// workspace, or of what it ships.
const PEERS: &str = "bench/peers";

/// A file of the workspace.
pub struct Source {
    /// From the top of the workspace, with forward slashes.
    pub path: String,
    /// As it is.
    pub text: String,
    /// With comments, strings and characters blanked out, line for line.
    pub code: String,
}

impl Source {
    /// A source; only Rust has its words blanked.
    pub fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") {
            scan::code(text)
        } else {
            String::new()
        };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
        }
    }

    /// True for Rust, false for SQL.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// True for tests, and for what exists for tests only.
    pub fn is_test(&self) -> bool {
        self.path.contains("/tests/")
            || self.path.contains("/testing/")
            || self.path.ends_with("/tests.rs")
    }
}

/// Every Rust file, every migration and every query, in order of their paths.
pub fn workspace() -> Vec<Source> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    let mut paths = Vec::new();
    for room in ROOMS {
        collect(&top.join(room), &mut paths);
    }
    paths.sort();
    paths.iter().map(|path| read(top, path)).collect()
}

fn read(top: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).expect("a readable file");
    let path = path.strip_prefix(top).expect("a path of the workspace");
    Source::new(&path.to_string_lossy(), &text)
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') && !path.ends_with(PEERS) {
            collect(&path, paths);
        } else if is_ours(&path) {
            paths.push(path);
        }
    }
}

/// SQL counts in the places that the house names; examples may show some.
fn is_ours(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let places = ["/migrations/", "/engine/queries/", "/bench/floor/queries/"];
    let is_statement = places.iter().any(|place| text.contains(place));
    text.ends_with(".rs") || (text.ends_with(".sql") && is_statement)
}
