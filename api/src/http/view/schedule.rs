//! Schedules, their ledger of slots, and slots to come.

use chrono::SecondsFormat;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::{ScheduleView, SlotView};
use windlass_workflows::calendar::{
    Calendar, Dropped, DroppedAt, Schedule, Slot, dropped_said, slot_said,
};
use windlass_workflows::configuration::{Timing, rule_words};

use crate::http::habit::ids::{BatchId, JobId};
use crate::http::habit::raw::Raw;

/// One schedule; it bears the name of its job configuration, or of its template as `namespace/name`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleReply {
    /// The job configuration's name, or the template's.
    pub name: String,
    /// The configuration's revision that set it; of a template, the number of its version.
    pub revision: i32,
    /// The rule in the words of a job configuration; `after` and `on` are those of a template.
    pub rule: Raw,
    /// The rule in words.
    pub words: String,
    /// Version of the zone data that planned its slots.
    pub zone_data: String,
    /// How far ahead its slots are written.
    pub planned_until: DateTime<Utc>,
    /// Whether it fires.
    pub enabled: bool,
    /// Until when it is paused.
    pub paused_until: Option<DateTime<Utc>>,
    /// By whom.
    pub paused_by: Option<String>,
    /// In their words.
    pub paused_why: Option<String>,
    /// Its next planned slot.
    pub next_at: Option<DateTime<Utc>>,
    /// Its last decided slot.
    pub last_at: Option<DateTime<Utc>>,
    /// What became of that.
    pub last_state: Option<String>,
    /// The batch that it made.
    pub last_batch: Option<BatchId>,
    /// The job that it started, where it made no batch.
    pub last_job: Option<JobId>,
    /// The template version whose own schedule it is.
    pub template: Option<String>,
    /// Events that it took and that came to nothing.
    pub lost: i64,
    /// Sets of events that are not enough yet to start a job.
    pub gathering: i64,
}

/// One slot of the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub struct SlotReply {
    /// Its schedule.
    pub schedule: String,
    /// Its name: the instant before the spread.
    pub at: DateTime<Utc>,
    /// When it fires.
    pub fire_at: DateTime<Utc>,
    /// `planned`, `fired`, `late`, `skipped`, `missed` or `manual`.
    pub state: String,
    /// Why, where the state alone does not say.
    pub reason: Option<String>,
    /// The batch that it made.
    pub batch: Option<BatchId>,
    /// The job that it started, where it made no batch.
    pub job: Option<JobId>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// Revision of the configuration that planned it, or ran.
    pub revision: i32,
    /// The nominal local times that it stands for; of many slots, the first and the last.
    pub covers: Raw,
    /// What was decided on the way to it, such as from where a calendar moved it.
    pub note: Option<String>,
    /// When people were told that its work had not started in time.
    pub not_started_at: Option<DateTime<Utc>>,
    /// When people were told that its work had not finished in time.
    pub not_finished_at: Option<DateTime<Utc>>,
    /// Of a row that stands for many slots with one verdict, all from `at` on: the last of them.
    pub until: Option<DateTime<Utc>>,
    /// How many these are.
    pub n: Option<i64>,
}

/// Slots to come, computed from the rule in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct NextReply {
    /// The schedule.
    pub schedule: String,
    /// The rule in words.
    pub words: String,
    /// Its zone.
    pub zone: String,
    /// In order.
    pub items: Vec<ComingReply>,
    /// Times among them that the rule names and that become no slot, in order; not those of a beat below a day.
    pub left_out: Vec<LeftOutReply>,
}

/// A time that becomes no slot.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftOutReply {
    /// The local time, or the month in which the rule names no day.
    pub local: String,
    /// `excluded`, `closed`, `gap_skip`, `no_open_day` or `no_such_day`, with what its calendar calls it.
    pub reason: String,
}

/// One slot to come.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComingReply {
    /// Its name: the instant before the spread.
    pub at: DateTime<Utc>,
    /// The same instant on the zone's wall clock.
    pub local: String,
    /// When it fires.
    pub fire_at: DateTime<Utc>,
    /// Clock changes and closed days that moved it.
    pub notes: Vec<&'static str>,
    /// The same in words, with what a calendar calls the day that it was moved from.
    pub note: Option<String>,
    /// Whether a pause that is known today will skip it.
    pub paused: bool,
}

impl From<ScheduleView> for ScheduleReply {
    fn from(schedule: ScheduleView) -> Self {
        Self {
            name: schedule.name,
            revision: schedule.revision,
            words: rule_words(&schedule.rule),
            rule: Raw::new(schedule.rule),
            zone_data: schedule.zone_data,
            planned_until: schedule.planned_until,
            enabled: schedule.enabled,
            paused_until: schedule.paused_until,
            paused_by: schedule.paused_by,
            paused_why: schedule.paused_why,
            next_at: schedule.next_at,
            last_at: schedule.last_at,
            last_state: schedule.last_state,
            last_batch: schedule.last_batch.map(BatchId),
            last_job: schedule.last_job.map(JobId),
            template: schedule.template,
            lost: schedule.lost,
            gathering: schedule.gathering,
        }
    }
}

impl From<SlotView> for SlotReply {
    fn from(slot: SlotView) -> Self {
        Self {
            schedule: slot.schedule,
            at: slot.at,
            fire_at: slot.fire_at,
            state: slot.state,
            reason: slot.reason,
            batch: slot.batch.map(BatchId),
            job: slot.job.map(JobId),
            decided_at: slot.decided_at,
            revision: slot.revision,
            covers: Raw::new(slot.covers),
            note: slot.note,
            not_started_at: slot.not_started_at,
            not_finished_at: slot.not_finished_at,
            until: slot.until,
            n: slot.n,
        }
    }
}

impl NextReply {
    /// Of a schedule whose slots nobody can foresee.
    pub fn without_slots(schedule: String, timing: &Timing) -> Self {
        Self {
            schedule,
            words: timing.words(),
            zone: "UTC".to_owned(),
            items: Vec::new(),
            left_out: Vec::new(),
        }
    }
}

impl ComingReply {
    /// A slot on the wall clock of its schedule; a pause skips it or not.
    pub fn new(
        schedule: &Schedule,
        calendar: Option<&Calendar>,
        (slot, paused): (&Slot, bool),
    ) -> Self {
        let local = slot.at.with_timezone(&schedule.zone);
        Self {
            at: slot.at,
            local: local.to_rfc3339_opts(SecondsFormat::Secs, false),
            fire_at: slot.fire_at,
            note: slot_said(schedule, calendar, slot),
            notes: slot.notes.iter().map(|note| note.as_str()).collect(),
            paused,
        }
    }
}

impl LeftOutReply {
    /// What a rule names and its settings leave out.
    pub fn new(calendar: Option<&Calendar>, dropped: &Dropped) -> Self {
        let local = match dropped.at {
            DroppedAt::Time(wall) => wall.format("%Y-%m-%dT%H:%M:%S"),
            DroppedAt::Month(first) => first.format("%Y-%m"),
        };
        Self {
            local: local.to_string(),
            reason: dropped_said(calendar, dropped),
        }
    }
}
