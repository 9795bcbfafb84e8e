//! Every static statement there is, read from its folder, so that none can be forgotten.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

static ALL: LazyLock<Vec<Statement>> = LazyLock::new(read);
static BY_TEXT: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    ALL.iter()
        .map(|statement| (statement.text.trim(), statement.name.as_str()))
        .collect()
});

/// A file of `engine/queries`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// `lease/exchange`: its folder and its name.
    pub name: String,
    /// All of it, its header included.
    pub text: String,
}

impl Statement {
    /// All of them, by name.
    ///
    /// # Panics
    /// When the folder that this was built from is gone.
    pub fn all() -> &'static [Self] {
        &ALL
    }

    /// Whether it changes or locks anything.
    pub fn writes(&self) -> bool {
        let code = self
            .text
            .lines()
            .filter(|line| !line.trim_start().starts_with("--"));
        let code = code.collect::<Vec<_>>().join("\n");
        let words = [
            "insert into",
            "update ",
            "delete from",
            "copy ",
            "nextval(",
            "pg_notify(",
        ];
        words.iter().any(|word| code.contains(word))
    }

    /// The name of the statement with this text; the text itself when it is in no file.
    pub(super) fn name_of(sql: &str) -> &str {
        BY_TEXT.get(sql.trim()).copied().unwrap_or(sql)
    }
}

fn read() -> Vec<Statement> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries");
    let mut statements = Vec::new();
    for noun in fs::read_dir(&top).expect("the folder of statements") {
        let noun = noun.expect("a folder of statements");
        for verb in fs::read_dir(noun.path()).expect("a folder of statements") {
            let path = verb.expect("a statement").path();
            let name = path.strip_prefix(&top).expect("a path inside").to_owned();
            statements.push(Statement {
                name: name.with_extension("").to_string_lossy().into_owned(),
                text: fs::read_to_string(&path).expect("a readable statement"),
            });
        }
    }
    statements.sort_by(|one, other| one.name.cmp(&other.name));
    statements
}
