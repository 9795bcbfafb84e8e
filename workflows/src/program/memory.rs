//! Which jobs need a journal from their first turn on.
//!
//! A job whose only outside step can be asked for again from its immutable row needs none: its one
//! step may run twice, as any step may, and the outcome is all there is to record.

use std::time::Duration;

use super::node::{
    Form, FunctionNode, Inlet, Leaf, Next, Node, NodeKind, Site, SiteFacts, Span, Target, Way,
};

/// A longer deadline would start over with each claim, so it must be remembered.
pub(crate) const DEADLINE_MAX: Duration = Duration::from_secs(5 * 60);

/// Whether a journal is kept from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Only the outcome is recorded, unless a retry must wait.
    None,
    /// Kept, for the reason given.
    Journaled(&'static str),
}

/// Judges a whole program.
pub(super) fn judge(nodes: &[Node], sites: &[SiteFacts]) -> Memory {
    let mut outside = nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.kind.is_outside());
    let step = outside.next().map(|(number, _)| number);
    if outside.next().is_some() {
        return Memory::Journaled("several outside steps");
    }
    match reason(nodes, sites, step) {
        Some(reason) => Memory::Journaled(reason),
        None => Memory::None,
    }
}

fn reason(nodes: &[Node], sites: &[SiteFacts], step: Option<usize>) -> Option<&'static str> {
    let kinds = |test: fn(&NodeKind) -> bool| nodes.iter().any(|node| test(&node.kind));
    if kinds(|kind| matches!(kind, NodeKind::Wait(_))) {
        return Some("wait");
    }
    if kinds(|kind| matches!(kind, NodeKind::Chunks(_))) {
        return Some("chunks");
    }
    if kinds(|kind| matches!(kind, NodeKind::Fork(_))) {
        return Some("fork");
    }
    if kinds(|kind| matches!(kind, NodeKind::Listen(_) | NodeKind::Emit(_))) {
        return Some("events");
    }
    if kinds(|kind| matches!(kind, NodeKind::Run(_)) || is_remembered(kind)) {
        return Some("children");
    }
    if nodes.iter().any(|node| node.settings.is_placed) {
        return Some("steps elsewhere");
    }
    let settings = |node: &Node| {
        let settings = &node.settings;
        settings.effect.is_some() || settings.undo.is_some()
    };
    if nodes.iter().any(settings) {
        return Some("effects or undos");
    }
    let step = step?;
    if is_looped(nodes, step) {
        return Some("loop over steps");
    }
    if nodes.iter().any(has_long_deadline) {
        return Some("deadline over 5 minutes");
    }
    let way = nodes.iter().take(step + 1);
    way.flat_map(inbound)
        .any(|site| sites[site.0 as usize].is_fickle)
        .then_some("reads the clock or the attempt")
}

/// A function whose call is a row of its own.
fn is_remembered(kind: &NodeKind) -> bool {
    matches!(kind, NodeKind::Call(target) if target.way() != Way::Perform)
}

/// A loop around the step, or a jump back that may reach it again.
fn is_looped(nodes: &[Node], step: usize) -> bool {
    let mut above = nodes[step].parent;
    while let Some(id) = above {
        let node = &nodes[id.index()];
        if matches!(node.kind, NodeKind::For(_)) {
            return true;
        }
        above = node.parent;
    }
    nodes.iter().enumerate().any(|(number, node)| {
        directives(node).any(|next| matches!(next, Next::Jump(target) if target.index() <= number))
    })
}

fn directives(node: &Node) -> impl Iterator<Item = Next> + '_ {
    let more: Vec<Next> = match &node.kind {
        NodeKind::Switch(cases) => cases.iter().map(|case| case.then).collect(),
        NodeKind::Try(tried) => vec![tried.then],
        _ => Vec::new(),
    };
    std::iter::once(node.then).chain(more)
}

fn has_long_deadline(node: &Node) -> bool {
    let is_long = |span: &Span| match span {
        Span::Fixed(length) => *length > DEADLINE_MAX,
        Span::Computed(_) => true,
    };
    let layers: &[_] = match &node.kind {
        NodeKind::Call(target) => &target.layers,
        _ => &[],
    };
    let of_tries = match &node.kind {
        NodeKind::Try(tried) => tried.retry.as_ref(),
        _ => None,
    };
    node.deadline
        .iter()
        .chain(layers.iter().filter_map(|layer| layer.deadline.as_ref()))
        .chain(of_tries.and_then(|retry| retry.attempt_duration.as_ref()))
        .any(is_long)
}

/// The places of a node that are read before an outside step below or in it begins.
fn inbound(node: &Node) -> Vec<Site> {
    let mut sites: Vec<Site> = node.condition.into_iter().collect();
    inlet(&node.input, &mut sites);
    match &node.kind {
        NodeKind::Set(form)
        | NodeKind::Raise(form)
        | NodeKind::Function(FunctionNode { with: form, .. }) => gather(form, &mut sites),
        NodeKind::Call(target) => call(target, &mut sites),
        NodeKind::For(each) => sites.extend(std::iter::once(each.list).chain(each.condition)),
        NodeKind::Switch(cases) => sites.extend(cases.iter().filter_map(|case| case.when)),
        NodeKind::Try(tried) => {
            sites.extend(tried.when.into_iter().chain(tried.except_when));
            sites.extend(
                tried
                    .retry
                    .iter()
                    .flat_map(|retry| retry.when.into_iter().chain(retry.except_when)),
            );
        }
        // Of these, a program that keeps no journal has none.
        NodeKind::Do { .. }
        | NodeKind::Chunks(_)
        | NodeKind::Wait(_)
        | NodeKind::Fork(_)
        | NodeKind::Listen(_)
        | NodeKind::Emit(_)
        | NodeKind::Run(_) => {}
    }
    if let Some(form) = &node.settings.placement {
        gather(form, &mut sites);
    }
    // A finished task before the step has shaped what the step reads.
    for outlet in [&node.output, &node.export] {
        if !node.kind.is_outside()
            && let Some(form) = &outlet.shape
        {
            gather(form, &mut sites);
        }
    }
    sites
}

fn inlet(inlet: &Inlet, sites: &mut Vec<Site>) {
    if let Some(form) = &inlet.from {
        gather(form, sites);
    }
}

fn call(target: &Target, sites: &mut Vec<Site>) {
    for layer in &target.layers {
        gather(&layer.with, sites);
        inlet(&layer.input, sites);
    }
    match &target.leaf {
        Leaf::Given => {}
        Leaf::Function { with, .. } => gather(with, sites),
        Leaf::OpenApi(call) => {
            gather(&call.parameters, sites);
            if let Some(policy) = &call.authentication {
                gather(&policy.parameters, sites);
            }
        }
        Leaf::Http(http) => {
            gather(&http.endpoint, sites);
            [&http.headers, &http.query, &http.body]
                .into_iter()
                .flatten()
                .for_each(|form| gather(form, sites));
            if let Some(policy) = &http.authentication {
                gather(&policy.parameters, sites);
            }
        }
    }
}

fn gather(form: &Form, sites: &mut Vec<Site>) {
    match form {
        Form::Same | Form::Constant(_) => {}
        Form::Site(site) => sites.push(*site),
        Form::List(items) => items.iter().for_each(|item| gather(item, sites)),
        Form::Map(members) => members.iter().for_each(|(_, member)| gather(member, sites)),
    }
}
