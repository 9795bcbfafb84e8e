//! `pin: publish` of a child: its newest version is that of the publication.

use std::collections::BTreeMap;

use super::{Checker, walk};
use crate::document::settings::Pin;
use crate::document::step::{Kind, Template};

/// A child whose version is chosen when its parent is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedChild {
    /// Where the first `run` of it stands.
    pub pointer: String,
    /// Namespace of the template.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Every `run` of a newest version, and whether it is pinned.
fn runs(template: &Template) -> impl Iterator<Item = (PinnedChild, bool)> {
    let tasks = walk::tasks(template).into_iter();
    tasks.filter_map(|task| match &task.kind {
        Kind::Run(run) if run.version == "latest" => {
            let child = PinnedChild {
                pointer: task.pointer.clone(),
                namespace: run.namespace.clone(),
                name: run.name.clone(),
            };
            Some((child, task.settings.pin == Pin::Publish))
        }
        _ => None,
    })
}

/// The children that a template pins, each once.
pub fn pinned_children(template: &Template) -> Vec<PinnedChild> {
    let pinned = runs(template).filter(|(_, is_pinned)| *is_pinned);
    let by_name = pinned.map(|(child, _)| ((child.namespace.clone(), child.name.clone()), child));
    let first: BTreeMap<_, _> = by_name.collect::<Vec<_>>().into_iter().rev().collect();
    first.into_values().collect()
}

impl Checker<'_> {
    /// A version is pinned for a template as a whole, so all that run the newest one say so, or none.
    pub(super) fn check_pins(&mut self) {
        let pinned = pinned_children(self.template);
        let of = |child: &PinnedChild| {
            let mut named = pinned.iter();
            named.find(|one| (&one.namespace, &one.name) == (&child.namespace, &child.name))
        };
        let loose: Vec<PinnedChild> = runs(self.template)
            .filter(|(child, is_pinned)| !is_pinned && of(child).is_some())
            .map(|(child, _)| child)
            .collect();
        for child in loose {
            let message = format!(
                "another `run` of `{}.{}` pins its version",
                child.namespace, child.name
            );
            let hint = "say `pin: publish` here too, or write the version out".to_owned();
            self.report("run.pin", &child.pointer, message, Some(hint));
        }
    }
}
