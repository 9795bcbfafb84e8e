//! `retry` of a purpose: what becomes of failed steps that stand in no `try`.

use super::guard::given;
use super::length;
use super::spec::{Spec, field};
use super::spot::Spot;
use crate::document::step::Backoff;
use crate::policy::step::StepRetry;

/// More retries than this are a loop by another name.
const COUNT_MAX: i64 = 100;
/// By what an exponential delay grows unless it says so.
const FACTOR: f64 = 2.0;

pub(super) const SPEC: Spec = Spec {
    fields: &[
        field("count"),
        field("delay").or("\"0s\""),
        field("backoff").or("\"exponential\""),
        field("factor").or("2"),
        field("max_delay"),
        field("jitter").or("\"0s\""),
        field("on_exhausted").or("\"fail\""),
    ],
    later: &[],
};

/// How a delay grows, but for its factor.
#[derive(Clone, Copy)]
enum Growth {
    Constant,
    Linear,
    Exponential,
}

pub(super) fn read(retry: &Spot<'_>) -> Option<StepRetry> {
    let retry = retry.object()?;
    let count = retry
        .need("count")
        .and_then(|count| u32::try_from(count.integer(0, COUNT_MAX)?).ok());
    let of = |key: &str| given(retry, key, |spot| spot.parsed(length::parse));
    let (delay, delay_max, jitter) = (of("delay"), of("max_delay"), of("jitter"));
    let growths = [
        ("constant", Growth::Constant),
        ("linear", Growth::Linear),
        ("exponential", Growth::Exponential),
    ];
    let growth = given(retry, "backoff", |word| word.choice(&growths));
    let factor = given(retry, "factor", |factor| factor.number(1.0, f64::MAX));
    let ends = [("fail", false), ("park", true)];
    let parks = given(retry, "on_exhausted", |word| word.choice(&ends));
    let factor = factor?.unwrap_or(FACTOR);
    Some(StepRetry {
        count: count?,
        delay: delay?.unwrap_or_default(),
        backoff: match growth?.unwrap_or(Growth::Exponential) {
            Growth::Constant => Backoff::Constant,
            Growth::Linear => Backoff::Linear,
            Growth::Exponential => Backoff::Exponential { factor, max: None },
        },
        delay_max: delay_max?,
        jitter: jitter?.unwrap_or_default(),
        parks: parks?.unwrap_or_default(),
    })
}
