//! Rows that a load leaves out: how many, why, and what is wrong with each.
//!
//! A file with a bad column has a bad row for each of its rows, so what is kept of them is bounded, and what is counted is
//! not.

use serde::Serialize;
use windlass_workflows::problem::Problem;

use super::REPORTED_MAX;

/// Reasons that are told apart; rows beyond count in the whole.
const REASONS_MAX: usize = 20;

/// Rows that are no items and that a load went on without.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// How many.
    pub rows: i64,
    /// Why, in the order in which they were met.
    pub reasons: Vec<Reason>,
    /// Everything that is wrong with them, up to a bound.
    pub refused: Vec<Problem>,
    /// What is wrong beyond it.
    pub more_refused: usize,
}

/// Why rows were left out: a row counts once, for the first thing that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Stable.
    pub code: String,
    /// The field, as a JSON pointer; empty for the row as a whole.
    pub pointer: String,
    /// How many rows.
    pub rows: i64,
    /// What was said of the first of them.
    pub example: Problem,
}

impl LeftOut {
    /// One more row, with all that is wrong with it.
    pub(in crate::protocol) fn add(&mut self, problems: Vec<Problem>) {
        self.rows += 1;
        if let Some(first) = problems.first() {
            self.count(first);
        }
        let room = REPORTED_MAX.saturating_sub(self.refused.len());
        self.more_refused += problems.len().saturating_sub(room);
        self.refused.extend(problems.into_iter().take(room));
    }

    fn count(&mut self, problem: &Problem) {
        let field = field(&problem.pointer);
        let is_known = |one: &Reason| one.code == problem.code && one.pointer == field;
        match self.reasons.iter().position(is_known) {
            Some(index) => self.reasons[index].rows += 1,
            None if self.reasons.len() < REASONS_MAX => self.reasons.push(Reason {
                code: problem.code.clone(),
                pointer: field.to_owned(),
                rows: 1,
                example: problem.clone(),
            }),
            None => {}
        }
    }

    /// The same in a file, with so many of its problems.
    pub(super) fn told(mut self, file: Option<&str>, most: usize) -> Self {
        let place = |problem: &mut Problem| problem.file = file.map(str::to_owned);
        self.more_refused += self.refused.len().saturating_sub(most);
        self.refused.truncate(most);
        self.refused.iter_mut().for_each(place);
        self.reasons
            .iter_mut()
            .for_each(|reason| place(&mut reason.example));
        self
    }

    /// What says how many of its problems are not listed.
    pub fn more(&self) -> Option<Problem> {
        (self.more_refused > 0).then(|| more(self.more_refused))
    }
}

/// So many problems that are not listed.
pub(super) fn more(count: usize) -> Problem {
    let message = format!("{count} further problems are not listed");
    Problem::new("more_problems", "", message)
}

/// The member of a row in which a place lies.
fn field(pointer: &str) -> &str {
    let inner = pointer.get(1..).and_then(|rest| rest.find('/'));
    inner.map_or(pointer, |end| &pointer[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(pointer: &str) -> Problem {
        Problem::new("invalid_row", pointer, "wrong")
    }

    #[test]
    fn a_row_counts_once_and_by_its_field() {
        let mut left = LeftOut::default();

        left.add(vec![wrong("/cost/0"), wrong("/name")]);
        left.add(vec![wrong("/cost/7")]);
        left.add(vec![wrong("")]);

        let told = left.reasons.iter();
        let told: Vec<_> = told.map(|one| (one.pointer.as_str(), one.rows)).collect();
        assert_eq!(told, [("/cost", 2), ("", 1)]);
        assert_eq!((left.rows, left.refused.len()), (3, 4));
    }

    #[test]
    fn what_is_kept_of_them_is_bounded_and_what_is_counted_is_not() {
        let mut left = LeftOut::default();

        for n in 0..=REPORTED_MAX {
            left.add(vec![wrong(&format!("/{n}"))]);
        }
        let left = left.told(Some("birds.csv"), 10);

        assert_eq!((left.rows, left.reasons.len()), (20_001, REASONS_MAX));
        assert_eq!((left.refused.len(), left.more_refused), (10, 19_991));
        assert_eq!(left.refused[9].file.as_deref(), Some("birds.csv"));
        assert_eq!(
            left.more().map(|one| one.message).as_deref(),
            Some("19991 further problems are not listed")
        );
    }
}
