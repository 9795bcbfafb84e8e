//! Formulas of context changes: compiled once a text, kept while jobs use them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::task::spawn_blocking;
use windlass_workflows::context::Formula;
use windlass_workflows::expression::SyntaxProblem;

/// Some ten kilobytes each; templates write them out, so there are few.
const KEPT_MAX: usize = 256;

/// What the jobs of one worker process compute contexts with.
#[derive(Default)]
pub(crate) struct Formulas {
    kept: Mutex<HashMap<String, Arc<Formula>>>,
}

impl Formulas {
    /// The formula of this text. Compiling takes milliseconds: not where others wait.
    ///
    /// # Errors
    /// When it is no expression of ours: a template that computes its text is not checked when it is published.
    pub(crate) async fn get(&self, text: &str) -> Result<Arc<Formula>, SyntaxProblem> {
        if let Some(kept) = self.kept(text) {
            return Ok(kept);
        }
        let source = text.to_owned();
        let formula = match spawn_blocking(move || Formula::compile(&source)).await {
            Ok(compiled) => Arc::new(compiled?),
            Err(ended) => std::panic::resume_unwind(ended.into_panic()),
        };
        let mut kept = self.kept.lock().expect("no panic while holding it");
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(text.to_owned(), formula.clone());
        Ok(formula)
    }

    fn kept(&self, text: &str) -> Option<Arc<Formula>> {
        let kept = self.kept.lock().expect("no panic while holding it");
        kept.get(text).cloned()
    }
}
