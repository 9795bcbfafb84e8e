//! Items that stand in a configuration, judged by its `rows:`.

use std::collections::HashMap;

use windlass_workflows::category::{Item, ItemReader};
use windlass_workflows::configuration::{Duplicate, Invalid, Selection, Source};
use windlass_workflows::plan::Member;
use windlass_workflows::problem::Problem;

use crate::protocol::rows::storable;
use crate::store::source::LeftOut;

/// What items come to.
#[derive(Debug, Default)]
pub(in crate::protocol) struct Judged {
    /// In the order written.
    pub(in crate::protocol) members: Vec<Member>,
    pub(in crate::protocol) left_out: Vec<LeftOut>,
    /// What refuses the selection.
    pub(in crate::protocol) problems: Vec<Problem>,
}

/// The items of a selection; nothing where it reads something else.
pub(in crate::protocol) fn judged(selection: &Selection) -> Judged {
    let Source::Items { items, key, object } = &selection.source else {
        return Judged::default();
    };
    let reader = ItemReader::of(key.clone(), object.clone(), None);
    let items = (1..).zip(items);
    let items = items.map(|(n, document)| {
        let item = reader.item(n, 0, document.clone());
        (n, item.and_then(|item| storable(item, 0)))
    });
    judge(selection, items, &|n, problem| {
        let pointer = format!("/selection/items/{}{}", n - 1, problem.pointer);
        Problem { pointer, ..problem }
    })
}

/// What rows come to that are all in memory; `place` says where a row stands that is refused.
pub(in crate::protocol) fn judge(
    selection: &Selection,
    rows: impl Iterator<Item = (u64, Result<Item, Vec<Problem>>)>,
    place: &impl Fn(u64, Problem) -> Problem,
) -> Judged {
    let (mut judged, mut kept) = (Judged::default(), Vec::new());
    let mut places: HashMap<String, usize> = HashMap::new();
    for (n, item) in rows {
        let member = match item {
            Ok(item) => member(n, item),
            Err(problems) => {
                let problems = problems.into_iter().map(|problem| place(n, problem));
                judged.invalid(selection.rows.invalid, n, problems);
                continue;
            }
        };
        let earlier = places.get(&member.key).copied();
        match (earlier, selection.rows.duplicate) {
            (None, _) => {}
            (Some(_), Duplicate::Refuse) => judged.problems.push(place(n, repeated(&member))),
            (Some(_), Duplicate::First) => {
                judged.leave_out(&member);
                continue;
            }
            (Some(earlier), Duplicate::Last) => {
                let before: Option<Member> = Option::take(&mut kept[earlier]);
                before.iter().for_each(|member| judged.leave_out(member));
            }
        }
        places.insert(member.key.clone(), kept.len());
        kept.push(Some(member));
    }
    judged.members = kept.into_iter().flatten().collect();
    judged
}

fn member(n: u64, item: Item) -> Member {
    Member {
        n,
        key: item.key,
        object: item.object,
        document: item.document.into(),
    }
}

impl Judged {
    fn invalid(&mut self, policy: Invalid, n: u64, problems: impl Iterator<Item = Problem>) {
        match policy {
            Invalid::Refuse => self.problems.extend(problems),
            Invalid::LeaveOut => self.left_out.push(LeftOut {
                n: i64::try_from(n).unwrap_or(i64::MAX),
                key: String::new(),
                reason: "invalid",
            }),
        }
    }

    fn leave_out(&mut self, member: &Member) {
        self.left_out.push(LeftOut {
            n: i64::try_from(member.n).unwrap_or(i64::MAX),
            key: member.key.clone(),
            reason: "duplicate",
        });
    }
}

/// A key tells members apart: an item that shares one is refused by its place.
fn repeated(member: &Member) -> Problem {
    Problem::new(
        "duplicate_key",
        "",
        format!("an item before it has the key `{}` too", member.key),
    )
    .hint("name more fields under `key`, or leave `key` out: then the row number is the key")
}
