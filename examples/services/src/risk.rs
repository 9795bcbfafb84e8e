//! How dangerous a strike was: points by rule, each with its reason.
//!
//! The rules are a sample, not aviation science. They are fixed and complete, so the same report always
//! gets the same verdict, which is what a test of a workflow needs.

use serde::Serialize;

use crate::incident::Incident;

/// From this many points on the risk is high; substantial damage alone reaches it.
const SCORE_HIGH: u32 = 50;
/// From this many points on the risk is medium; a large animal in a fast climb reaches it.
const SCORE_MEDIUM: u32 = 25;
/// The energy of an impact grows with the square of the speed; from here on it counts.
const SPEED_FAST_KNOTS: u32 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Low,
    Medium,
    High,
}

#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) risk: Level,
    pub(crate) score: u32,
    pub(crate) reasons: Vec<String>,
}

type Finding = Option<(u32, String)>;

/// The verdict of the worst incident; none without incidents. Of equals the first one decides.
pub(crate) fn worst(incidents: &[Incident]) -> Option<Verdict> {
    incidents.iter().map(assess).reduce(|worst, next| {
        if next.score > worst.score {
            next
        } else {
            worst
        }
    })
}

pub(crate) fn assess(incident: &Incident) -> Verdict {
    let findings = [
        by_damage(incident),
        by_cost(incident),
        by_size(incident),
        by_phase(incident),
        by_speed(incident),
        by_light(incident),
    ];
    let (points, reasons): (Vec<u32>, Vec<String>) = findings.into_iter().flatten().unzip();
    let score = points.iter().sum();
    Verdict {
        risk: level(score),
        score,
        reasons,
    }
}

fn level(score: u32) -> Level {
    match score {
        SCORE_HIGH.. => Level::High,
        SCORE_MEDIUM.. => Level::Medium,
        _ => Level::Low,
    }
}

/// The file also knows the damage codes `B` and `C`, which nobody explains: some damage, extent unknown.
fn by_damage(incident: &Incident) -> Finding {
    match incident.damage() {
        "None" | crate::incident::UNKNOWN => None,
        "Substantial" => Some((50, "substantial damage".into())),
        "Medium" => Some((30, "medium damage".into())),
        "Minor" => Some((20, "minor damage".into())),
        code => Some((10, format!("damage of unknown extent ({code})"))),
    }
}

fn by_cost(incident: &Incident) -> Finding {
    let cost = incident.cost_total();
    let points = match cost {
        100_000.. => 30,
        10_000.. => 20,
        1.. => 10,
        0 => return None,
    };
    Some((points, format!("cost of {cost} dollars")))
}

fn by_size(incident: &Incident) -> Finding {
    match incident.size() {
        "Large" => Some((20, "large animal".into())),
        "Medium" => Some((8, "animal of medium size".into())),
        _ => None,
    }
}

/// Near the ground at high power there is the least time and height to act.
fn by_phase(incident: &Incident) -> Finding {
    match incident.phase() {
        "Take-off run" | "Climb" => Some((10, "strike at take-off or in the climb".into())),
        "Approach" | "Landing Roll" => Some((5, "strike at the approach or landing".into())),
        _ => None,
    }
}

fn by_speed(incident: &Incident) -> Finding {
    let speed = incident
        .speed()
        .filter(|&speed| speed >= SPEED_FAST_KNOTS)?;
    Some((10, format!("impact at {speed} knots")))
}

fn by_light(incident: &Incident) -> Finding {
    match incident.time() {
        "Night" | "Dawn" | "Dusk" => Some((3, "poor light".into())),
        _ => None,
    }
}
