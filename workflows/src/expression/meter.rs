//! What an evaluation may still spend: steps, bytes and stack.
//!
//! Values charge before they work. The state belongs to the thread, because the traits of jaq leave
//! no room for it; a guard brings it in and restores what was there before.

use std::cell::Cell;

/// Bytes allocated for the price of one step.
const BYTES_A_STEP: u64 = 64;

/// How much stack an evaluation may use. An async worker thread has 2 MiB and an evaluation may
/// start part way down; ordinary expressions use a few KiB.
const STACK_BYTES_MAX: usize = 1024 * 1024;

/// What one evaluation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Operations on values.
    pub steps: u64,
    /// Bytes allocated in all, freed ones included.
    pub bytes: u64,
}

impl Default for Budget {
    /// 200,000 steps (about 65 ms at worst) and 8 MiB, eight times the largest value.
    fn default() -> Budget {
        Budget {
            steps: 200_000,
            bytes: 8 * 1024 * 1024,
        }
    }
}

/// Why an evaluation was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Steps,
    Memory,
    Depth,
    NotFinite,
}

#[derive(Clone, Copy)]
struct State {
    steps: u64,
    bytes: u64,
    stack_base: usize,
    stop: Option<Stop>,
}

const IDLE: State = State {
    steps: 0,
    bytes: 0,
    stack_base: 0,
    stop: None,
};

thread_local! {
    static METER: Cell<State> = const { Cell::new(IDLE) };
}

/// While it lives, this thread's charges count against its budget.
pub(super) struct Meter {
    before: State,
}

impl Meter {
    pub(super) fn start(budget: Budget) -> Meter {
        let Budget { steps, bytes } = budget;
        let state = State {
            steps,
            bytes,
            stack_base: stack_address(),
            stop: None,
        };
        Meter {
            before: METER.replace(state),
        }
    }

    /// Why the evaluation must end, if it must. To be asked before any result is believed.
    pub(super) fn stopped(&self) -> Option<Stop> {
        METER.get().stop
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        METER.set(self.before);
    }
}

/// Roughly where the stack is now; every charge is made near the work it pays for.
#[inline(never)]
fn stack_address() -> usize {
    let mark = 0u8;
    std::ptr::from_ref(std::hint::black_box(&mark)).addr()
}

/// Ends the evaluation for this reason, unless it has already ended for another.
pub(super) fn stop(reason: Stop) {
    let mut state = METER.get();
    state.stop = state.stop.or(Some(reason));
    METER.set(state);
}

/// Pays for `count` steps; false when the evaluation must end.
pub(super) fn step(count: u64) -> bool {
    let mut state = METER.get();
    if state.stop.is_some() {
        return false;
    }
    if state.stack_base.abs_diff(stack_address()) > STACK_BYTES_MAX {
        state.stop = Some(Stop::Depth);
    } else {
        match state.steps.checked_sub(count) {
            Some(left) => state.steps = left,
            None => state.stop = Some(Stop::Steps),
        }
    }
    METER.set(state);
    state.stop.is_none()
}

/// Pays for `count` bytes and the steps to fill them; false when the evaluation must end.
pub(super) fn allocate(count: u64) -> bool {
    let mut state = METER.get();
    if state.stop.is_some() {
        return false;
    }
    match state.bytes.checked_sub(count) {
        Some(left) => state.bytes = left,
        None => state.stop = Some(Stop::Memory),
    }
    METER.set(state);
    step(1 + count / BYTES_A_STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_meter_stays_spent_and_keeps_its_first_reason() {
        let meter = Meter::start(Budget {
            steps: 10,
            bytes: 100,
        });

        assert!(step(10));
        assert!(!step(1));
        assert!(!allocate(1_000));
        assert_eq!(meter.stopped(), Some(Stop::Steps));
    }

    #[test]
    fn an_inner_meter_leaves_the_outer_one_alone() {
        let outer = Meter::start(Budget { steps: 5, bytes: 0 });
        {
            let inner = Meter::start(Budget { steps: 0, bytes: 0 });
            assert!(!step(1));
            assert_eq!(inner.stopped(), Some(Stop::Steps));
        }

        assert!(step(5));
        assert_eq!(outer.stopped(), None);
    }
}
