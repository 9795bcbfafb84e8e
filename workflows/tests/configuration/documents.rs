//! Documents for the tests of configuration, and ways to read them.

use chrono::{DateTime, Utc};
use windlass_workflows::configuration::{Document, SourceFile, read};
use windlass_workflows::problem::Problem;

pub fn now() -> DateTime<Utc> {
    "2026-11-21T00:00:00Z".parse().unwrap()
}

pub fn try_read(text: &str) -> Result<Vec<Document>, Vec<Problem>> {
    let file = SourceFile {
        name: "work.yaml",
        text,
    };
    read(&[file], now())
}

pub fn documents(text: &str) -> Vec<Document> {
    try_read(text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// `code pointer` of every problem.
pub fn refused(text: &str) -> Vec<String> {
    let problems = try_read(text).map(|_| ()).unwrap_err();
    let told = problems
        .iter()
        .map(|one| format!("{} {}", one.code, one.pointer));
    told.collect()
}

pub const PURPOSE: &str = "\
windlass: v1
kind: Purpose
name: classify-strike
title: Classify incoming wildlife strikes
template: strikes.classify-strike@1.0.0
input: { language: en }
";

pub const CATEGORY: &str = "\
windlass: v1
kind: Category
name: strikes
key: { row: true }
object: Origin State
data:
  file: ../data/birdstrikes.csv
  mode: replace
schema:
  type: object
  required: [ Origin State ]
";

pub const JOB: &str = "\
windlass: v1
kind: JobConfiguration
name: state-briefs
purpose: classify-strike
selection: { category: strikes, filter: '.\"Effect Amount of damage\" != \"None\"' }
strategy: object
chunk: { max_items: 500 }
input: { count: '${ .count }', fixed: [ 1, 2 ], deep: { at: '${ $slot.at }' } }
schedule:
  weekly: { days: [ mon, thu ], at: [ \"06:00\", \"18:00\" ] }
  zone: America/New_York
  catch_up: { all: { max: 3 } }
  overlap: queue_all
  spread: 5m
release: { window: 200 }
guards: { min_members: 0 }
";

pub const CONNECTIONS: &str = "\
windlass: v1
kind: Connection
name: writer
type: generate
providers:
  - name: main
    base_url: { env: OPENAI_BASE_URL, default: 'http://127.0.0.1:7420/v1' }
    api_key: { secret: openai-api-key, optional: true }
    model: sample
    price: { input_per_million: 0.15, output_per_million: 0.60, currency: USD }
profiles:
  brief: { system: Short., max_tokens: 600, temperature: 0, providers: [ main ] }
---
windlass: v1
kind: Connection
name: statistics
type: analyse
base_url: http://127.0.0.1:7421
auth: { bearer: { secret: analysis-token } }
profiles:
  strike-risk: { path: /analyse/risk }
  strike-statistics: { path: /analyse/statistics, timeout: 2m }
";
