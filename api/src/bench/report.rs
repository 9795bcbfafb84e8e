//! What a run found: one JSON object for machines, a small table for people.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::meter::{Sample, peak_memory_mib};
use super::rounds::{Rounds, Spread};
use super::{Bench, failed};
use crate::cli::Context;
use crate::cli::error::CliError;
use crate::cli::output::{Column, Format};

const RATES: &[Column] = &[
    Column("SIDE", &["/side"]),
    Column("JOBS/S", &["/jobs_per_s"]),
    Column("MIN..MAX", &["/spread"]),
    Column("PG US/JOB", &["/pg_us"]),
    Column("CLIENT US/JOB", &["/client_us"]),
    Column("WAL B/JOB", &["/wal"]),
];
const TIMES: &[Column] = &[
    Column("WHERE", &["/side"]),
    Column("P50 MS", &["/p50_ms"]),
    Column("P99 MS", &["/p99_ms"]),
    Column("MIN..MAX", &["/spread"]),
];

/// The figures of one scenario.
pub struct Report {
    fields: Map<String, Value>,
    columns: &'static [Column],
    rows: Vec<Value>,
    lines: Vec<String>,
}

/// What `latency` found.
#[derive(Debug, Default)]
pub struct Latencies {
    /// Worker in a process of its own.
    pub across: Vec<Duration>,
    /// Worker in the process that submits.
    pub within: Vec<Duration>,
    /// Raw SQL.
    pub floor: Vec<Duration>,
    /// What the first of these cost.
    pub samples: Vec<Sample>,
}

/// What `backlog` found.
#[derive(Debug, Default)]
pub struct Backlogs {
    /// Nothing but the claimed job.
    pub empty: Vec<Duration>,
    /// Many jobs ready.
    pub ready: Vec<Duration>,
    /// Many timers.
    pub timers: Vec<Duration>,
    /// What all three cost, submission and settling included.
    pub samples: Vec<Sample>,
}

impl Report {
    /// Of a scenario whose sides are rates: medians of the rounds.
    pub fn of_rates(bench: &Bench<'_>, rounds: &Rounds) -> Result<Self, CliError> {
        let (engine, floor) = (rate(&rounds.engine)?, rate(&rounds.floor)?);
        let pairs = rounds.engine.iter().zip(&rounds.floor);
        let paired = spread(pairs.map(|(engine, floor)| engine.rate() / floor.rate()))?;
        let mut fields = common(bench, &rounds.engine)?;
        fields.extend(map(json!({
            "jobs_per_s": rounded(engine.median, 0),
            "floor_per_s": rounded(floor.median, 0),
            "ratio": rounded(engine.median / floor.median, 3),
            "jobs_per_s_min": rounded(engine.min, 0),
            "jobs_per_s_max": rounded(engine.max, 0),
            "floor_per_s_min": rounded(floor.min, 0),
            "floor_per_s_max": rounded(floor.max, 0),
            "ratio_min": rounded(paired.min, 3),
            "ratio_max": rounded(paired.max, 3),
        })));
        let ratio = engine.median / floor.median;
        Ok(Self {
            fields,
            columns: RATES,
            rows: vec![row("engine", &rounds.engine)?, row("floor", &rounds.floor)?],
            lines: vec![format!(
                "{ratio:.2} × the floor ({:.2}..{:.2} over {} rounds)",
                paired.min,
                paired.max,
                rounds.engine.len()
            )],
        })
    }

    /// Of `latency`: all rounds together.
    pub fn of_latencies(bench: &Bench<'_>, found: &Latencies) -> Result<Self, CliError> {
        let (across, floor) = (Times::of(&found.across)?, Times::of(&found.floor)?);
        let within = Times::of(&found.within)?;
        let mut fields = common(bench, &found.samples)?;
        fields.extend(map(json!({
            "jobs": found.across.len(),
            "p50_ms": rounded(across.p50, 3),
            "p99_ms": rounded(across.p99, 3),
            "floor_p50_ms": rounded(floor.p50, 3),
            "floor_p99_ms": rounded(floor.p99, 3),
            "ratio": rounded(across.p50 / floor.p50, 3),
            "ratio_p99": rounded(across.p99 / floor.p99, 3),
            "in_process": {
                "p50_ms": rounded(within.p50, 3),
                "p99_ms": rounded(within.p99, 3),
                "ratio": rounded(within.p50 / floor.p50, 3),
            },
        })));
        Ok(Self {
            fields,
            columns: TIMES,
            rows: vec![
                across.row("two processes"),
                within.row("one process"),
                floor.row("floor"),
            ],
            lines: vec![format!(
                "{:.2} × the floor across processes, {:.2} × within one",
                across.p50 / floor.p50,
                within.p50 / floor.p50
            )],
        })
    }

    /// Of `backlog`: all rounds together; what it is compared with is the empty queue.
    pub fn of_backlogs(bench: &Bench<'_>, jobs: u64, found: &Backlogs) -> Result<Self, CliError> {
        let (empty, ready) = (Times::of(&found.empty)?, Times::of(&found.ready)?);
        let timers = Times::of(&found.timers)?;
        let ratio = ready.p99.max(timers.p99) / empty.p99;
        let mut fields = common(bench, &found.samples)?;
        fields.extend(map(json!({
            "jobs": jobs,
            "claims": found.ready.len(),
            "p50_ms": rounded(ready.p50, 3),
            "p99_ms": rounded(ready.p99, 3),
            "timers_p50_ms": rounded(timers.p50, 3),
            "timers_p99_ms": rounded(timers.p99, 3),
            "empty_p50_ms": rounded(empty.p50, 3),
            "empty_p99_ms": rounded(empty.p99, 3),
            "ratio": rounded(ratio, 3),
        })));
        Ok(Self {
            fields,
            columns: TIMES,
            rows: vec![
                empty.row("empty queue"),
                ready.row(&format!("{jobs} ready")),
                timers.row(&format!("{jobs} timers")),
            ],
            lines: vec![format!("{ratio:.2} × the p99 of an empty queue")],
        })
    }

    /// The same with the figures of a second run below a name.
    pub fn with_part(mut self, name: &str, part: &Self) -> Self {
        let kept = part.fields.iter().filter(|(key, _)| !is_common(key));
        let kept: Map<String, Value> = kept
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        self.fields.insert(name.to_owned(), Value::Object(kept));
        self.rows.extend(part.rows.iter().cloned().map(|mut row| {
            row["side"] = json!(format!(
                "{} {name}",
                row["side"].as_str().unwrap_or_default()
            ));
            row
        }));
        self.lines
            .extend(part.lines.iter().map(|line| format!("{line}, {name}")));
        self
    }

    /// The same with further figures, and lines that tell of them.
    pub fn with_figures(mut self, figures: Value, lines: Vec<String>) -> Self {
        self.fields.extend(map(figures));
        self.lines.extend(lines);
        self
    }

    /// The same with what became of the rate from the first round to the last.
    pub fn with_decay(mut self, name: &str, samples: &[Sample]) -> Self {
        if let (Some(first), Some(last)) = (samples.first(), samples.last()) {
            let decay = last.rate() / first.rate();
            self.fields.insert(name.to_owned(), rounded(decay, 3));
            self.lines.push(format!("{decay:.2} {name}"));
        }
        self
    }

    /// Writes it to standard output.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn print(&self, context: &Context, json: bool) -> Result<(), CliError> {
        let output = context.output;
        let whole = Value::Object(self.fields.clone());
        if json {
            return Ok(output.line(&whole.to_string())?);
        }
        if output.format != Format::Table {
            return Ok(output.item(&whole)?);
        }
        output.list(&self.rows, self.columns, true)?;
        for line in &self.lines {
            output.line(line)?;
        }
        Ok(())
    }
}

/// Milliseconds at two places of many.
struct Times {
    p50: f64,
    p99: f64,
    spread: Spread,
}

impl Times {
    fn of(times: &[Duration]) -> Result<Self, CliError> {
        let mut sorted: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |hundredths: usize| sorted.get((sorted.len().max(1) - 1) * hundredths / 100);
        let (Some(p50), Some(p99)) = (at(50), at(99)) else {
            return Err(failed("nothing was measured"));
        };
        Ok(Self {
            p50: *p50,
            p99: *p99,
            spread: spread(sorted.iter().copied())?,
        })
    }

    fn row(&self, side: &str) -> Value {
        json!({
            "side": side,
            "p50_ms": format!("{:.2}", self.p50),
            "p99_ms": format!("{:.2}", self.p99),
            "spread": format!("{:.2}..{:.2}", self.spread.min, self.spread.max),
        })
    }
}

/// The fields of every scenario, by the samples of the engine's side.
fn common(bench: &Bench<'_>, samples: &[Sample]) -> Result<Map<String, Value>, CliError> {
    let maybe = |figure: fn(&Sample) -> Option<f64>| {
        let figures: Option<Vec<f64>> = samples.iter().map(figure).collect();
        Spread::of(figures?).map(|spread| spread.median)
    };
    let (server, own) = (maybe(Sample::server_us), maybe(Sample::own_us));
    let both = server.zip(own).map(|(server, own)| server + own);
    let seconds = spread(samples.iter().map(|sample| sample.seconds))?;
    let wal_bytes = spread(samples.iter().map(Sample::wal_bytes_per_job))?;
    Ok(map(json!({
        "scenario": bench.name(),
        "jobs": samples.first().map(|sample| sample.jobs),
        "seconds": rounded(seconds.median, 3),
        "rounds": samples.len(),
        "cpu_us_per_job": both.map(|us| rounded(us, 2)),
        "pg_cpu_us_per_job": server.map(|us| rounded(us, 2)),
        "client_cpu_us_per_job": own.map(|us| rounded(us, 2)),
        "wal_bytes_per_job": rounded(wal_bytes.median, 1),
        "peak_rss_mib": peak_memory_mib().map(|mib| rounded(mib, 1)),
    })))
}

/// Whether a field says the same of every part of a run.
fn is_common(field: &str) -> bool {
    ["scenario", "jobs", "rounds", "peak_rss_mib"].contains(&field)
}

fn rate(samples: &[Sample]) -> Result<Spread, CliError> {
    spread(samples.iter().map(Sample::rate))
}

pub fn spread(figures: impl Iterator<Item = f64>) -> Result<Spread, CliError> {
    Spread::of(figures).ok_or_else(|| failed("nothing was measured"))
}

fn row(side: &str, samples: &[Sample]) -> Result<Value, CliError> {
    let rate = rate(samples)?;
    let median = |figure: fn(&Sample) -> Option<f64>| {
        let figures: Option<Vec<f64>> = samples.iter().map(figure).collect();
        Spread::of(figures?).map(|spread| format!("{:.2}", spread.median))
    };
    Ok(json!({
        "side": side,
        "jobs_per_s": format!("{:.0}", rate.median),
        "spread": format!("{:.0}..{:.0}", rate.min, rate.max),
        "pg_us": median(Sample::server_us),
        "client_us": median(Sample::own_us),
        "wal": median(|sample| Some(sample.wal_bytes_per_job())),
    }))
}

/// Digits beyond what a run can know only distract.
pub fn rounded(figure: f64, digits: i32) -> Value {
    let factor = 10_f64.powi(digits);
    let figure = (figure * factor).round() / factor;
    if digits == 0 {
        return json!(figure as i64);
    }
    json!(figure)
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
