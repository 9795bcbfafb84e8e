//! Batches: a window of released jobs, settlements told, and an end when all of them are there.

use super::{Batch, Extent, Model, Moment, Planted, take};

impl Model {
    /// A batch was planned and sealed: its jobs, ascending, are held.
    pub fn plan(&mut self, id: i64, lane: i32, window: i64, jobs: &[i64]) {
        let now = self.now();
        let like = Extent {
            first: 0,
            last: 0,
            lane,
            eff: now,
            run_at: now,
            priority: 0,
            attempt: 0,
            losses: 0,
            journaled: false,
        };
        let planned = like.over(jobs.iter().copied());
        self.held
            .extend(planned.into_iter().map(|extent| (extent, "planned")));
        self.batches.push(Batch {
            id,
            lane,
            state: "planned",
            window,
            released: 0,
            expected: i64::try_from(jobs.len()).unwrap_or_default(),
        });
    }

    /// Releases what the windows have room for; how many jobs.
    pub fn release(&mut self) -> i64 {
        let open: Vec<usize> = (0..self.batches.len())
            .filter(|place| matches!(self.batches[*place].state, "planned" | "releasing"))
            .collect();
        open.into_iter().map(|place| self.release_one(place)).sum()
    }

    fn release_one(&mut self, place: usize) -> i64 {
        let Batch {
            id,
            lane,
            window,
            released,
            ..
        } = self.batches[place];
        let under_way = if self.has(Planted::WideWindow) {
            0
        } else {
            (released - self.settled(id)).max(0)
        };
        let mut planned = take(&mut self.held, |(extent, reason)| {
            extent.lane == lane && *reason == "planned"
        });
        planned.sort_by_key(|(extent, _)| extent.first);
        let (now, mut room, mut moved) = (self.now(), (window - under_way).max(0), 0);
        for (extent, reason) in planned {
            let upto = extent.last.min(extent.first + room - 1);
            if room > 0 {
                self.ready.push(let_go(&extent, upto, now));
                moved += upto - extent.first + 1;
                room -= upto - extent.first + 1;
            } else {
                self.held.push((extent, reason));
                continue;
            }
            if upto < extent.last {
                self.held
                    .push((extent.between(upto + 1, extent.last), reason));
            }
        }
        let any_left = self
            .held
            .iter()
            .any(|(extent, reason)| extent.lane == lane && *reason == "planned");
        let batch = &mut self.batches[place];
        batch.released += moved;
        batch.state = if any_left { "releasing" } else { "running" };
        moved
    }

    /// Ends the batches that are complete; their ids.
    pub fn finish(&mut self) -> Vec<i64> {
        let early = self.has(Planted::EarlyFinish);
        let mut ended = Vec::new();
        for place in 0..self.batches.len() {
            let (id, expected) = (self.batches[place].id, self.batches[place].expected);
            let settled = self.settled(id);
            let complete = settled == expected || (early && settled > 0);
            if self.batches[place].state != "running" || !complete {
                continue;
            }
            let bad: i64 = ["failed", "parked", "expired"]
                .into_iter()
                .filter_map(|kind| self.tallies.get(&(id, kind)))
                .sum();
            let state = if bad > 0 {
                "completed_with_errors"
            } else {
                "completed"
            };
            self.batches[place].state = state;
            ended.push(id);
        }
        ended
    }

    fn settled(&self, batch: i64) -> i64 {
        let own = self.tallies.iter().filter(|((of, _), _)| *of == batch);
        own.map(|(_, count)| count).sum()
    }
}

fn let_go(extent: &Extent, upto: i64, now: Moment) -> Extent {
    Extent {
        eff: now,
        run_at: now,
        ..extent.between(extent.first, upto)
    }
}
