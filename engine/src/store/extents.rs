//! Jobs as the extents that their holders are: ids were given before the statement, so Postgres sorts and groups nothing.

use super::ids::BLOCK;

/// Ranges of jobs of one lane and priority inside one block, a column an array.
#[derive(Debug, Default)]
pub(crate) struct Extents {
    pub(crate) firsts: Vec<i64>,
    pub(crate) lasts: Vec<i64>,
    pub(crate) lanes: Vec<i32>,
    pub(crate) priorities: Vec<i32>,
}

impl Extents {
    /// Of jobs with their lane and priority. Ids ascend, so like ones that follow each other are one extent.
    pub(crate) fn of(jobs: impl IntoIterator<Item = (i64, i32, i32)>) -> Self {
        let mut extents = Self::default();
        for (id, lane, priority) in jobs {
            match extents.lasts.last_mut() {
                Some(last)
                    if *last + 1 == id
                        && *last / BLOCK == id / BLOCK
                        && extents.lanes.last() == Some(&lane)
                        && extents.priorities.last() == Some(&priority) =>
                {
                    *last = id;
                }
                _ => extents.push(id, lane, priority),
            }
        }
        extents
    }

    /// Ranges of ids, whatever lane and priority their jobs have.
    pub(crate) fn of_ids(ids: &[i64]) -> Self {
        Self::of(ids.iter().map(|id| (*id, 0, 0)))
    }

    fn push(&mut self, id: i64, lane: i32, priority: i32) {
        self.firsts.push(id);
        self.lasts.push(id);
        self.lanes.push(lane);
        self.priorities.push(priority);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_end_where_block_lane_or_priority_do() {
        let jobs = [
            (998, 1, 0),
            (999, 1, 0),
            (1_000, 1, 0),
            (1_001, 1, 5),
            (1_002, 2, 5),
            (1_005, 2, 5),
        ];

        let extents = Extents::of(jobs);

        assert_eq!(extents.firsts, [998, 1_000, 1_001, 1_002, 1_005]);
        assert_eq!(extents.lasts, [999, 1_000, 1_001, 1_002, 1_005]);
        assert_eq!(extents.priorities, [0, 0, 5, 5, 5]);
        let ranges = Extents::of_ids(&jobs.map(|(id, ..)| id));
        assert_eq!(ranges.lasts, [999, 1_002, 1_005]);
    }
}
