//! Items that stand in a configuration, judged by its `rows:`.

use std::collections::HashMap;

use windlass_workflows::category::ItemReader;
use windlass_workflows::configuration::{Duplicate, Invalid, Selection, Source};
use windlass_workflows::plan::Member;
use windlass_workflows::problem::Problem;

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
    let (mut judged, mut rows) = (Judged::default(), Vec::with_capacity(items.len()));
    let mut places: HashMap<String, usize> = HashMap::new();
    for (n, document) in (1..).zip(items) {
        let item = match reader.item(n, 0, document.clone()) {
            Ok(item) => item,
            Err(problems) => {
                judged.invalid(selection.rows.invalid, n, problems);
                continue;
            }
        };
        let member = Member {
            n,
            key: item.key,
            object: item.object,
            document: item.document,
        };
        let earlier = places.get(&member.key).copied();
        match (earlier, selection.rows.duplicate) {
            (None, _) => {}
            (Some(_), Duplicate::Refuse) => judged.problems.push(repeated(&member)),
            (Some(_), Duplicate::First) => {
                judged.leave_out(&member);
                continue;
            }
            (Some(earlier), Duplicate::Last) => {
                let before: Option<Member> = Option::take(&mut rows[earlier]);
                before.iter().for_each(|member| judged.leave_out(member));
            }
        }
        places.insert(member.key.clone(), rows.len());
        rows.push(Some(member));
    }
    judged.members = rows.into_iter().flatten().collect();
    judged
}

impl Judged {
    fn invalid(&mut self, policy: Invalid, n: u64, problems: Vec<Problem>) {
        if policy == Invalid::LeaveOut {
            return self.left_out.push(LeftOut {
                n: i64::try_from(n).unwrap_or(i64::MAX),
                key: String::new(),
                reason: "invalid",
            });
        }
        let place = format!("/selection/items/{}", n - 1);
        self.problems
            .extend(problems.into_iter().map(|problem| Problem {
                pointer: format!("{place}{}", problem.pointer),
                ..problem
            }));
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
        format!("/selection/items/{}", member.n - 1),
        format!("an item before it has the key `{}` too", member.key),
    )
    .hint("name more fields under `key`, or leave `key` out: then the row number is the key")
}
