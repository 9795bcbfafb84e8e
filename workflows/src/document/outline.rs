//! The steps of a document as its author wrote them: what lies in what, and where each goes next.
//!
//! For those who look at documents and do not run them: the drawing of a template, the difference of
//! two, checks of structure. It reads the canonical document, so it knows tasks that a release refuses.

use crate::value::Value;

use super::tree::join;

/// Where lists of tasks lie inside a task, and what each list is called.
const LISTS: [(&str, &str); 5] = [
    ("/do", "do"),
    ("/try", "try"),
    ("/catch/do", "catch"),
    ("/fork/branches", "branch"),
    ("/foreach/do", "each"),
];

/// Keys that mark a kind of task, the first that is there.
const KINDS: [&str; 12] = [
    "call", "for", "fork", "try", "switch", "set", "raise", "wait", "emit", "listen", "run", "do",
];

/// One task.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// JSON pointer.
    pub pointer: String,
    /// Names from the top to this one, with slashes between them: its identity across versions.
    pub path: String,
    /// Its key in the list.
    pub name: &'a str,
    /// `call`, `for` …; empty for a task that says nothing to do.
    pub kind: &'static str,
    /// What it says.
    pub body: &'a Value,
    /// The lists inside it.
    pub lists: Vec<List<'a>>,
}

/// A list of tasks inside a task.
#[derive(Clone, Debug)]
pub struct List<'a> {
    /// `do`, `try`, `catch`, `branch` or `each`.
    pub role: &'static str,
    /// In document order.
    pub steps: Vec<Step<'a>>,
}

/// One case of a switch.
#[derive(Clone, Debug, PartialEq)]
pub struct Case<'a> {
    /// JSON pointer.
    pub pointer: String,
    /// Its key.
    pub name: &'a str,
    /// Its condition.
    pub when: Option<&'a str>,
    /// Where it goes.
    pub then: Option<&'a str>,
}

/// The top-level list of a document.
pub fn steps(document: &Value) -> Vec<Step<'_>> {
    document
        .get("do")
        .map(|list| listed(list, "/do", ""))
        .unwrap_or_default()
}

/// As deep as the document, whose depth is bounded.
fn listed<'a>(list: &'a Value, pointer: &str, path: &str) -> Vec<Step<'a>> {
    let items = list.as_list().unwrap_or_default().iter().enumerate();
    let steps = items.filter_map(|(index, item)| {
        let (name, body) = item.as_map()?.at(0)?;
        let path = match path {
            "" => name.to_string(),
            path => format!("{path}/{name}"),
        };
        Some(step(
            name,
            body,
            join(&format!("{pointer}/{index}"), name),
            path,
        ))
    });
    steps.collect()
}

fn step<'a>(name: &'a str, body: &'a Value, pointer: String, path: String) -> Step<'a> {
    let lists = LISTS.iter().filter_map(|(place, role)| {
        let list = body.pointer(place)?;
        let steps = listed(
            list,
            &format!("{pointer}{place}"),
            &format!("{path}{}", inner(role)),
        );
        Some(List { role, steps })
    });
    let kind = KINDS.into_iter().find(|kind| body.get(kind).is_some());
    Step {
        name,
        kind: kind.unwrap_or_default(),
        body,
        lists: lists.collect(),
        pointer,
        path,
    }
}

/// A handler's tasks may be named like those that it handles.
fn inner(role: &str) -> &'static str {
    match role {
        "catch" => "/catch",
        _ => "",
    }
}

impl<'a> Step<'a> {
    /// Where it goes next, if it says so.
    pub fn then(&self) -> Option<&'a str> {
        self.body.get("then").and_then(Value::as_str)
    }

    /// Where a `try` goes after a handled error, if it says so.
    pub fn catch_then(&self) -> Option<&'a str> {
        self.body.pointer("/catch/then").and_then(Value::as_str)
    }

    /// The cases of a switch.
    pub fn cases(&self) -> Vec<Case<'a>> {
        let cases = self.body.get("switch").and_then(Value::as_list);
        let cases = cases.unwrap_or_default().iter().enumerate();
        let cases = cases.filter_map(|(index, case)| {
            let (name, body) = case.as_map()?.at(0)?;
            let place = format!("{}/switch/{index}", self.pointer);
            Some(Case {
                pointer: join(&place, name),
                name,
                when: body.get("when").and_then(Value::as_str),
                then: body.get("then").and_then(Value::as_str),
            })
        });
        cases.collect()
    }

    /// This step and all inside it, outermost first.
    pub fn with_inner(&self) -> Vec<&Step<'a>> {
        let inner = self.lists.iter().flat_map(|list| &list.steps);
        std::iter::once(self)
            .chain(inner.flat_map(Step::with_inner))
            .collect()
    }
}
