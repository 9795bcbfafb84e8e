//! Guards: what a plan is compared with before anything of it starts. A tripped guard asks a person.

use super::ratio::percent;
use crate::configuration::Guards;

/// What a plan came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// Members selected.
    pub members: u64,
    /// Rows left out.
    pub left_out: u64,
    /// Members of the configuration's latest batch that came to its end.
    pub last_members: Option<u64>,
    /// Whether that one selected the very same keys and documents.
    pub is_same: bool,
}

/// A guard that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tripped {
    /// Its key in the document.
    pub guard: &'static str,
    /// What was found, and what is allowed.
    pub message: String,
}

/// The guards that a plan trips, in the order of the document.
pub fn tripped(guards: &Guards, drawn: &Drawn) -> Vec<Tripped> {
    let found = [
        min_members(guards, drawn),
        max_members(guards, drawn),
        max_change(guards, drawn),
        same_as_last(guards, drawn),
        max_left_out(guards, drawn),
    ];
    let said = found.into_iter().flatten();
    said.map(|(guard, message)| Tripped { guard, message })
        .collect()
}

type Said = Option<(&'static str, String)>;

fn min_members(guards: &Guards, drawn: &Drawn) -> Said {
    let (least, members) = (guards.min_members, drawn.members);
    let said = match members {
        0 => format!("the selection is empty, at least {least} are expected"),
        _ => format!("{members} members, at least {least} are expected"),
    };
    (members < least).then_some(("min_members", said))
}

fn max_members(guards: &Guards, drawn: &Drawn) -> Said {
    let (most, members) = (guards.max_members?, drawn.members);
    let said = || format!("{members} members, at most {most} are expected");
    (members > most).then(|| ("max_members", said()))
}

fn max_change(guards: &Guards, drawn: &Drawn) -> Said {
    let (most, last, members) = (guards.max_change?, drawn.last_members?, drawn.members);
    let by = members.abs_diff(last);
    // Something instead of nothing is a change of all.
    let (by, of) = if last == 0 {
        (by.min(1), 1)
    } else {
        (by, last)
    };
    let said = || {
        let change = percent(by, of);
        format!("{members} members after {last}: a change of {change}, at most {most} is expected")
    };
    most.is_exceeded(by, of).then(|| ("max_change", said()))
}

fn same_as_last(guards: &Guards, drawn: &Drawn) -> Said {
    let said = "the last batch selected the very same members and documents";
    (guards.same_as_last_asks && drawn.is_same).then(|| ("same_as_last", said.to_owned()))
}

fn max_left_out(guards: &Guards, drawn: &Drawn) -> Said {
    let (most, left) = (guards.max_left_out?, drawn.left_out);
    let said = || format!("{left} rows were left out, at most {most} are expected");
    (left > most).then(|| ("max_left_out", said()))
}
