//! When a batch will be done, from how fast it has been, and what keeps it from being faster.

/// Below so many settlements a batch's own speed says little.
const SETTLED_MIN: u64 = 100;
/// A bound that lies so far above the speed does not bind it.
const BINDING_FACTOR: f64 = 1.2;
/// A batch that is late gets at most so many times its share.
const LIFT_MAX: f64 = 4.0;

/// Settlements in a second, over the time in which anything was under way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Speeds {
    /// Over the last minute.
    pub r1: f64,
    /// Over the last 15 minutes.
    pub r15: f64,
    /// Since its first release.
    pub r_all: f64,
}

impl Speeds {
    /// The speeds to go by: those of the batch before while this one has hardly begun.
    pub fn known(self, settled: u64, last: Option<f64>) -> Speeds {
        if settled >= SETTLED_MIN {
            return self;
        }
        let [r1, r15, r_all] = [last.unwrap_or_default(); 3];
        Speeds { r1, r15, r_all }
    }
}

/// Where a batch stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Jobs that have not settled.
    pub open: u64,
    /// Of those, under lease.
    pub in_flight: u64,
    /// Of those, resting for a timer or a person.
    pub waiting: u64,
}

/// What is to be said of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// Nothing is open.
    Finished,
    /// Even the late end is in time, or there is no deadline.
    OnTime,
    /// The early end is in time, the late one is not.
    AtRisk,
    /// Not even the early end is in time.
    Late,
    /// The deadline has passed.
    Missed,
    /// It is not known how fast it goes.
    Unknown,
    /// Most of it rests for timers or people.
    Waiting,
}

impl Light {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        const WORDS: [&str; 7] = [
            "finished", "on_time", "at_risk", "late", "missed", "unknown", "waiting",
        ];
        WORDS[self as usize]
    }
}

/// When a batch will be done, in seconds from now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// At the best speed of late.
    pub early: Option<f64>,
    /// At the worst, with a tail of what is under way.
    pub late: Option<f64>,
    /// What that means.
    pub light: Light,
}

/// The forecast of a batch whose deadline is so many seconds from now; negative when it has passed.
pub fn forecast(standing: Standing, speeds: Speeds, deadline: Option<f64>) -> Forecast {
    let (early, late) = ends(standing, speeds);
    let light = light(standing, early.zip(late), deadline);
    Forecast { early, late, light }
}

fn ends(standing: Standing, speeds: Speeds) -> (Option<f64>, Option<f64>) {
    if standing.open == 0 {
        return (Some(0.0), Some(0.0));
    }
    let (best, worst) = (speeds.r1.max(speeds.r15), speeds.r15.min(speeds.r_all));
    if worst <= 0.0 {
        return (None, None);
    }
    let open = standing.open as f64;
    let tail = 2.0 * standing.in_flight as f64 / speeds.r15;
    (Some(open / best), Some(open / worst + tail))
}

fn light(standing: Standing, ends: Option<(f64, f64)>, deadline: Option<f64>) -> Light {
    if standing.open == 0 {
        return Light::Finished;
    }
    if deadline.is_some_and(|deadline| deadline <= 0.0) {
        return Light::Missed;
    }
    if standing.waiting * 2 > standing.open {
        return Light::Waiting;
    }
    match (ends, deadline) {
        (None, _) => Light::Unknown,
        (Some((_, late)), Some(deadline)) if late <= deadline => Light::OnTime,
        (Some((early, _)), Some(deadline)) if early <= deadline => Light::AtRisk,
        (Some(_), Some(_)) => Light::Late,
        (Some(_), None) => Light::OnTime,
    }
}

/// How many may be under way at once, and how many may begin in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// What stops its release by itself: `pause`, `hours`, `blackout`, `stage`.
    pub stop: Option<&'static str>,
    /// By the window of its release.
    pub window: Option<u64>,
    /// By the narrowest limit of its jobs.
    pub limit: Option<u64>,
    /// By the slots of all workers.
    pub slots: Option<u64>,
    /// By the rate of its release, in a second.
    pub rate: Option<f64>,
}

/// What keeps a batch from being faster: what stops it, else a bound of hardly more than its speed, else how long a step takes.
pub fn binding(bounds: Bounds, speeds: Speeds, in_flight: u64) -> &'static str {
    if let Some(stop) = bounds.stop {
        return stop;
    }
    let each = match in_flight {
        0 => return "nothing is under way",
        running => speeds.r15 / running as f64,
    };
    let places = |count: Option<u64>| count.map(|count| each * count as f64);
    let bounds = [
        ("worker slots", places(bounds.slots)),
        ("limit", places(bounds.limit)),
        ("window", places(bounds.window)),
        ("rate", bounds.rate),
    ];
    let known = bounds
        .into_iter()
        .filter_map(|(name, speed)| Some((name, speed?)));
    known
        .min_by(|left, right| left.1.total_cmp(&right.1))
        .filter(|(_, speed)| *speed <= speeds.r15 * BINDING_FACTOR)
        .map_or("step duration", |(name, _)| name)
}

/// How many times its share a batch needs to be in time: 1 to 4.
pub fn lift(open: u64, speeds: Speeds, deadline: Option<f64>) -> f64 {
    let Some(left) = deadline.filter(|left| *left > 0.0 && speeds.r15 > 0.0) else {
        return 1.0;
    };
    (open as f64 / left / speeds.r15).clamp(1.0, LIFT_MAX)
}

/// How many workers with so many slots each a batch needs to be in time: what must settle in a second, times how long a
/// job takes a slot. At least 1 while anything is open; none where that is not known, there is no deadline, or it has passed.
pub fn workers(
    standing: Standing,
    speeds: Speeds,
    deadline: Option<f64>,
    slots: f64,
) -> Option<u64> {
    let left = deadline.filter(|left| *left > 0.0)?;
    let is_known = speeds.r15 > 0.0 && standing.in_flight > 0 && slots > 0.0;
    let seconds_a_job = is_known.then(|| standing.in_flight as f64 / speeds.r15)?;
    let places = standing.open as f64 / left * seconds_a_job;
    (standing.open > 0).then(|| (places / slots).ceil().max(1.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEADY: Speeds = Speeds {
        r1: 10.0,
        r15: 10.0,
        r_all: 10.0,
    };

    #[test]
    fn the_narrowest_bound_binds_unless_none_is_near() {
        let bounds = Bounds {
            window: Some(1_000),
            limit: Some(20),
            slots: Some(24),
            ..Bounds::default()
        };

        assert_eq!(binding(bounds, STEADY, 20), "limit");
        let wide = Bounds {
            limit: None,
            ..bounds
        };
        assert_eq!(binding(wide, STEADY, 20), "worker slots");
        let slots = Some(100);
        assert_eq!(
            binding(Bounds { slots, ..wide }, STEADY, 20),
            "step duration"
        );
        let rate = Some(10.0);
        assert_eq!(
            binding(
                Bounds {
                    rate,
                    slots,
                    ..wide
                },
                STEADY,
                20
            ),
            "rate"
        );
        assert_eq!(binding(bounds, STEADY, 0), "nothing is under way");
        let stop = Some("hours");
        assert_eq!(binding(Bounds { stop, ..bounds }, STEADY, 0), "hours");
    }

    #[test]
    fn a_late_batch_is_lifted_within_bounds() {
        assert_eq!(lift(1_000, STEADY, Some(50.0)), 2.0);
        assert_eq!(lift(1_000, STEADY, Some(1.0)), 4.0);
        assert_eq!(lift(1_000, STEADY, Some(1_000.0)), 1.0);
        assert_eq!(lift(1_000, STEADY, Some(-1.0)), 1.0);
        assert_eq!(lift(1_000, STEADY, None), 1.0);
    }

    #[test]
    fn a_deadline_says_how_many_workers_a_batch_needs() {
        // 10 a second with 20 under way: each takes its slot for 2 s.
        let standing = Standing {
            open: 1_000,
            in_flight: 20,
            waiting: 0,
        };

        assert_eq!(workers(standing, STEADY, Some(100.0), 4.0), Some(5));
        assert_eq!(workers(standing, STEADY, Some(20.0), 4.0), Some(25));
        assert_eq!(workers(standing, STEADY, Some(1e6), 4.0), Some(1));
        assert_eq!(workers(standing, STEADY, Some(0.0), 4.0), None);
        assert_eq!(workers(standing, STEADY, None, 4.0), None);
        assert_eq!(workers(standing, Speeds::default(), Some(20.0), 4.0), None);
        let idle = Standing {
            in_flight: 0,
            ..standing
        };
        assert_eq!(workers(idle, STEADY, Some(20.0), 4.0), None);
    }

    #[test]
    fn a_young_batch_goes_by_the_one_before() {
        let known = Speeds::default().known(99, Some(7.0));
        assert_eq!((known.r1, known.r15, known.r_all), (7.0, 7.0, 7.0));
        assert_eq!(STEADY.known(99, None), Speeds::default());
        assert_eq!(STEADY.known(100, Some(7.0)), STEADY);
    }

    #[test]
    fn what_rests_and_what_is_over_has_its_own_light() {
        let resting = Standing {
            open: 10,
            in_flight: 0,
            waiting: 6,
        };
        assert_eq!(forecast(resting, STEADY, Some(5.0)).light, Light::Waiting);
        assert_eq!(forecast(resting, STEADY, Some(0.0)).light, Light::Missed);
        let busy = Standing {
            waiting: 0,
            ..resting
        };
        assert_eq!(forecast(busy, STEADY, None).light, Light::OnTime);
    }
}
