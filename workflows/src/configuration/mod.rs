//! Configuration: what people apply, read from text into typed documents.
//!
//! A document carries the header `windlass: v1` with `kind` and `name`; a top-level `document` marks
//! a template instead. Nothing is ignored: a key nobody knows is refused with the nearest name, a key
//! that a later release brings is refused as not supported yet. All problems of all files come back
//! at once, with file, line, column and pointer. References are names; whether they exist is checked
//! where documents are stored.

mod calendar;
mod callback;
mod category;
mod chunk;
mod connection;
mod document;
mod guard;
mod header;
mod ical;
mod job;
mod length;
mod limit;
mod outside;
mod own;
mod part;
mod purpose;
mod read;
mod reference;
mod retry;
mod rules;
mod schedule;
mod selection;
mod shape;
mod spec;
mod spot;
mod step;
mod time;
mod webhook;
mod write;

pub use calendar::Calendar;
pub use callback::{Callback, Target};
pub use category::{Category, Data, Empty, Format, Key, Load, MERGE_HINT, Mode, identity};
pub use chunk::Chunk;
pub use connection::{
    Address, Analyse, AnalyseProfile, Channel, Connection, Database, Generate, GenerateProfile,
    Message, Plain, Price, Proof, Provider, Secret, Service, Way,
};
pub use document::{Content, Document, Kind};
pub use guard::{ApprovalRules, AsksWhen, Guards};
pub use header::Header;
pub use job::{JobConfiguration, Strategy, Work};
pub use length::duration;
pub use limit::{Figures, LIMIT_KEY_BYTES_MAX, Limit, LimitReference, LimitScope, Overflow};
pub use outside::{NextPage, PARAMETER_VARIABLES, PagedService, Query};
pub use own::{Timing, own_events, own_rule, rule_words, timing};
pub use part::part;
pub use purpose::{Idempotency, KeyHold, KeyScope, Priority, Purpose};
pub use read::{SourceFile, read, restore};
pub use reference::{Reference, ReferenceKind, TemplateReference, VersionChoice, is_alias};
pub use rules::{
    Canary, Hours, Pick, Release, Rules, RulesEdit, Share, Tolerance, TripAction, edit_rules,
    read_rules, rules_of,
};
pub use selection::{Duplicate, Invalid, Rows, Selection, Source};
pub use spot::is_name;
pub use step::{conflict_in_step, of_step, place_in_step};
pub use webhook::Webhook;
pub use write::write;

/// Variables of filters and `input:` expressions, without `$`.
pub const VARIABLES: [&str; 4] = ["key", "object", "slot", "configuration"];
