//! Why a due job of a lane is not taken: nobody who could, no room, or others first.

use chrono::{DateTime, Utc};

use super::{Capacity, LaneFacts, LimitFact, Line, Reason, reason};
use crate::store::{PREFERENCE_PATIENCE, ShareView};

pub(super) fn nobody(capacity: &Capacity) -> Option<Reason> {
    if capacity.workers == 0 {
        return Some(reason(
            "no_worker",
            "no worker is alive: start one with `windlass serve --role worker`",
        ));
    }
    (capacity.able == 0).then(|| nobody_able(capacity))
}

/// Its group or queue has as many jobs in flight as it may.
pub(super) fn at_maximum(facts: &LaneFacts) -> Option<Reason> {
    let capacity = &facts.capacity;
    let mine = |share: &&ShareView| match share.kind.as_str() {
        "group" => share.name == capacity.group,
        _ => share.name == capacity.queue,
    };
    let full = facts.shares.iter().filter(mine).find(|share| {
        let maximum = share.maximum.map(i64::from);
        maximum.is_some_and(|maximum| share.in_flight >= maximum)
    })?;
    Some(reason(
        "share_maximum",
        format!(
            "its {} `{}` has {} jobs in flight, its maximum",
            full.kind,
            full.key(),
            full.in_flight
        ),
    ))
}

/// Why a limit admits nothing now, if it does not.
pub(super) fn closed(limit: &LimitFact) -> Option<Reason> {
    let name = match limit.value.as_str() {
        "" => format!("the limit `{}`", limit.name),
        value => format!("the key `{value}` of the limit `{}`", limit.name),
    };
    if limit.held_until.is_some() {
        return Some(Reason {
            until: limit.held_until,
            ..reason("limit_held", format!("{name} rests: a remote asked for it"))
        });
    }
    if let Some(reason) = too_heavy(limit, &name) {
        return Some(reason);
    }
    if let Some(cap) = limit.cap.filter(|cap| limit.used > cap - limit.cost) {
        let text = match (cap, limit.cost) {
            (0, _) => format!("{name} is 0: nothing starts until it is raised"),
            (_, 1) => format!(
                "{name} is {cap} and {} of its jobs run: it waits until one ends",
                limit.used
            ),
            (_, cost) => format!(
                "{name} is {cap}, {} of it are taken and the job takes {cost}: it waits until others end",
                limit.used
            ),
        };
        return Some(reason("limit_full", text));
    }
    limit.next_token_at.map(|at| Reason {
        until: Some(at),
        ..reason(
            "limit_rate",
            match limit.cost {
                1 => format!(
                    "{name} lets {} start a second: it waits for the next start",
                    limit.rate.unwrap_or_default()
                ),
                cost => format!(
                    "{name} gives {} a second and the job takes {cost}: it waits until they are there",
                    limit.rate.unwrap_or_default()
                ),
            },
        )
    })
}

/// The limit was lowered below what one job takes.
fn too_heavy(limit: &LimitFact, name: &str) -> Option<Reason> {
    let most = [limit.cap.filter(|cap| *cap > 0), limit.burst];
    let most = most.into_iter().flatten().min()?;
    (most < limit.cost).then(|| {
        let cost = limit.cost;
        let text =
            format!("the job takes {cost} of {name}, which never has more than {most}: raise it");
        reason("limit_too_low", text)
    })
}

/// Others may have it once it has waited so long.
pub(super) fn preferring(
    capacity: &Capacity,
    ready_since: Option<DateTime<Utc>>,
) -> Option<Reason> {
    let until = ready_since? + PREFERENCE_PATIENCE;
    let waits = capacity.preferred > 0 && capacity.able > capacity.preferred;
    (waits && capacity.now < until).then(|| Reason {
        until: Some(until),
        ..reason(
            "preferred_worker",
            format!(
                "it waits for a worker with {}, until others may take it",
                capacity.preference.replace(',', " and ")
            ),
        )
    })
}

/// What was said in vain, which keeps it from nothing.
pub(super) fn useless(limit: &str) -> Reason {
    reason(
        "cost_without_limit",
        format!(
            "its cost names the limit `{limit}`, which it is not under: it takes nothing of it"
        ),
    )
}

fn nobody_able(capacity: &Capacity) -> Reason {
    match capacity.capability.as_str() {
        "" => reason("workers_draining", "every living worker is draining"),
        name => reason(
            "no_capable_worker",
            format!("no living worker offers `{name}`"),
        ),
    }
}

/// Names of groups in one sentence.
const GROUPS_MAX: usize = 5;

pub(super) fn in_line(facts: &LaneFacts) -> Reason {
    let turns = turns(facts);
    let queue = &facts.capacity.queue;
    let Line { jobs, is_more } = facts.line;
    match jobs {
        0 => reason(
            "next_in_line",
            format!("it is first of its lane in queue `{queue}`; a free slot takes it{turns}"),
        ),
        jobs => reason(
            "behind_others",
            format!(
                "{}{jobs} older jobs of its lane in queue `{queue}` go first{turns}",
                if is_more { "more than " } else { "" }
            ),
        ),
    }
}

/// Which other groups have work, so that its own is not always next.
fn turns(facts: &LaneFacts) -> String {
    let groups = facts.shares.iter().filter(|share| {
        share.kind == "group" && share.has_work && share.name != facts.capacity.group
    });
    let mut names: Vec<String> = groups
        .map(|share| format!("`{}` (weight {})", share.key(), share.weight))
        .collect();
    if names.is_empty() {
        return String::new();
    }
    let more = names.len().saturating_sub(GROUPS_MAX);
    names.truncate(GROUPS_MAX);
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("; its group takes turns with {}{more}", names.join(", "))
}
