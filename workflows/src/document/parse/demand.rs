//! What a job asks for: what a worker must offer or had better, how much it takes of a limit.

use std::collections::BTreeSet;

use super::Reader;
use super::shape::{shape, unwrapped};
use super::spot::Spot;
use crate::configuration::is_name;
use crate::document::cost::COST_MAX;
use crate::document::needs::needed;
use crate::document::step::Shape;

impl Reader {
    /// What is written out; a part that is computed is read when it is known.
    pub(super) fn needs(&mut self, spot: &Spot<'_>) -> BTreeSet<String> {
        let words = match shape(spot) {
            Shape::Constant(value) => needed(&value),
            _ => return BTreeSet::new(),
        };
        words.unwrap_or_else(|| {
            self.wrong_type(spot, "names, each beside true or a word");
            BTreeSet::new()
        })
    }

    /// What is said of all jobs is known before any of them.
    pub(super) fn needs_of_all(&mut self, ours: &Spot<'_>, key: &str) -> BTreeSet<String> {
        let Some(spot) = ours.get(key) else {
            return BTreeSet::new();
        };
        if !matches!(shape(&spot), Shape::Constant(_)) {
            self.wrong_type(&spot, "names, each beside true or a word, written out");
        }
        self.needs(&spot)
    }

    pub(super) fn cost(&mut self, spot: &Spot<'_>) {
        let Some(spot) = self.any_object(spot) else {
            return;
        };
        for entry in spot.entries() {
            let amount = spot.of(entry);
            if !is_name(&entry.key) {
                self.wrong_type(&amount, "a number beside the name of a limit");
            } else if amount
                .tree
                .as_str()
                .is_none_or(|text| unwrapped(text).is_none())
            {
                self.integer(&amount, 1, i64::from(COST_MAX));
            }
        }
    }
}
