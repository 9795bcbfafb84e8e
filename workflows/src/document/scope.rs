//! Which variables exist where: the table of the language, for those who check and those who run.
//!
//! Loop names and the name of a caught error come on top of these inside `for`, `catch.when`,
//! `catch.exceptWhen`, the retry policy and `catch.do`; a function sees none of its caller's.

/// A kind of place where an expression may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Site {
    /// `input.from` of the workflow, and its `timeout`.
    WorkflowInput,
    /// `output.as` of the workflow.
    WorkflowOutput,
    /// What starts a job: there is none yet.
    Trigger,
    /// What places a job when it is made: its input is all that there is.
    Lane,
    /// `if`, `input.from` and `timeout` of a task: before its input exists.
    Before,
    /// What the task does.
    Body,
    /// `output.as` of a task.
    Output,
    /// `export.as` of a task.
    Export,
}

impl Site {
    /// The standard's variables at this place, without `$`.
    pub const fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Trigger => &["runtime"],
            Self::Lane => &[],
            Self::WorkflowInput => &["workflow", "runtime"],
            Self::WorkflowOutput => &["context", "workflow", "runtime"],
            Self::Before => &["context", "task", "workflow", "runtime"],
            Self::Body => &[
                "context",
                "input",
                "task",
                "workflow",
                "runtime",
                "secrets",
                "authorization",
            ],
            Self::Output => &["context", "input", "task", "workflow", "runtime"],
            Self::Export => &["context", "input", "output", "task", "workflow", "runtime"],
        }
    }
}

/// Names that an author may not choose for a loop or an error: the standard's own.
pub const RESERVED_VARIABLES: [&str; 8] = [
    "context",
    "input",
    "output",
    "secrets",
    "authorization",
    "task",
    "workflow",
    "runtime",
];

/// Words of jq that cannot be variable names, with and without a meaning there.
pub const JQ_KEYWORDS: [&str; 20] = [
    "and", "as", "catch", "def", "elif", "else", "end", "foreach", "if", "import", "include",
    "label", "limit", "not", "or", "reduce", "then", "try", "__loc__", "ENV",
];
