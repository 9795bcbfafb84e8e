//! How forks, listens, undos and what a step has beyond its call are written; `fold/tree.rs` reads them.

use super::{chunks, instant, number};
use crate::machine::state::{FrameKind, Listening, OpenCall, Parked, Step, Undo, Unwinding};
use crate::machine::turn::End;
use crate::program::Program;
use crate::value::Value;

type Member = (&'static str, Value);

pub(in crate::machine) fn frame_kind(program: &Program, kind: &FrameKind) -> Option<Member> {
    match kind {
        FrameKind::Fork { base, fault } => {
            let mut members = vec![("base", number(base))];
            members.extend(fault.iter().map(|fault| ("fault", number(fault))));
            Some(("fork", Value::map(members)))
        }
        FrameKind::Listen(listening) => Some(("listen", listen(listening))),
        FrameKind::Undoing {
            unwinding: undoing,
            fault,
            limit,
        } => {
            let mut members = vec![
                ("unwinding", unwinding(program, undoing)),
                ("fault", number(fault)),
            ];
            members.extend(limit.map(|limit| ("limit", Value::from(limit))));
            Some(("undoing", Value::map(members)))
        }
        _ => None,
    }
}

fn listen(listening: &Listening) -> Value {
    let taken = listening.taken.iter().map(|taken| {
        Value::map([
            ("id", Value::from(taken.id)),
            ("arrived", instant(taken.arrived)),
            ("filter", Value::from(taken.filter)),
            ("envelope", number(&taken.envelope)),
        ])
    });
    Value::map([
        ("activity", Value::from(listening.activity.0)),
        ("since", instant(listening.since)),
        ("keys", number(&listening.keys)),
        ("taken", Value::list(taken.collect::<Vec<_>>())),
        ("is_full", Value::from(listening.is_full)),
        ("index", Value::from(listening.index)),
        ("outputs", number(&listening.outputs)),
    ])
}

pub(in crate::machine) fn unwinding(program: &Program, unwinding: &Unwinding) -> Value {
    Value::map([
        ("undos", undos(program, &unwinding.undos)),
        ("attempt", Value::from(unwinding.attempt)),
    ])
}

pub(in crate::machine) fn undos(program: &Program, undos: &[Undo]) -> Value {
    let undos = undos.iter().map(|undo| {
        Value::map([
            ("path", Value::text(program.node(undo.node).pointer.clone())),
            ("visit", Value::from(undo.visit)),
            call(&undo.call),
        ])
    });
    Value::list(undos.collect::<Vec<_>>())
}

pub(in crate::machine) fn parked(parked: &[Parked]) -> Value {
    let parked = parked.iter().map(|parked| {
        let mut members = vec![("branch", Value::from(parked.branch))];
        match &parked.end {
            End::Exhausted {
                reason,
                code,
                fingerprint,
            } => members.extend([
                ("reason", Value::text(reason.as_str())),
                ("code", Value::text(code.as_str())),
                ("fingerprint", Value::text(fingerprint.as_str())),
            ]),
            End::Park { reason } => members.push(("reason", Value::text(reason.as_str()))),
            End::Outcome(_) | End::Retry { .. } => {}
        }
        Value::map(members)
    });
    Value::list(parked.collect::<Vec<_>>())
}

pub(in crate::machine) fn call(call: &OpenCall) -> Member {
    match call {
        OpenCall::Http { request } => ("http", number(request)),
        OpenCall::Function { function, input } => {
            let members = [
                ("name", Value::text(function.name.as_str())),
                ("version", Value::text(function.version.as_str())),
                ("input", number(input)),
            ];
            ("function", Value::map(members))
        }
        OpenCall::Chunks(open) => ("chunks", chunks(open)),
        OpenCall::Child {
            template,
            input,
            fate,
        } => {
            let members = [
                ("namespace", Value::text(template.namespace.as_str())),
                ("name", Value::text(template.name.as_str())),
                ("version", Value::text(template.version.as_str())),
                ("input", number(input)),
                ("fate", Value::text(fate.word())),
            ];
            ("child", Value::map(members))
        }
        OpenCall::Group { function, input } => {
            let members = [
                ("name", Value::text(function.name.as_str())),
                ("version", Value::text(function.version.as_str())),
                ("input", number(input)),
            ];
            ("group", Value::map(members))
        }
        OpenCall::Context { input } => ("context", number(input)),
        OpenCall::Approval { input } => ("approval", number(input)),
    }
}

/// What most steps do not have.
pub(in crate::machine) fn more_of(step: &Step) -> Vec<Member> {
    let held = |key, held: &Option<_>| held.as_ref().map(|held| (key, number(held)));
    let verify = step.verify.as_ref();
    let verify = verify.map(|verify| ("verify", Value::map([call(verify)])));
    let is_placed = step.is_placed.then(|| ("placed", Value::from(true)));
    let more = [
        is_placed,
        held("placement", &step.placement),
        held("effect", &step.effect),
        step.key.as_deref().map(|key| ("key", Value::text(key))),
        verify,
    ];
    more.into_iter().flatten().collect()
}
