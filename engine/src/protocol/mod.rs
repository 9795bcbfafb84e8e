//! How decisions of `workflows` meet transactions of the store.
//!
//! ```text
//! request ─submit─▶ job + ready
//! source outside ─draw─▶ source_row ─┐
//! configuration ─create─▶ batch(planning) ─plan─▶ jobs + held(planned) ─release─▶ ready
//! slot ─fire─▶ batch(planning), or job    event ─gather─▶ job
//!                                        outcomes + tallies ─finish─▶ batch(completed …)
//! ```
//!
//! Each of plan, release, finish and fire is one bounded pass that any keeper may make at any time:
//! the rows that it locks decide who does the work.

mod admission;
pub mod apply;
mod approve;
mod backfill;
mod breaker;
mod browse;
mod bulk;
mod category;
mod change;
mod child;
mod child_batch;
mod cost;
pub(crate) mod course;
mod create;
mod draw;
mod edit_batch;
pub mod export;
mod figures;
mod finish;
mod fire;
mod flight;
mod forecast;
mod gather;
pub(crate) mod go_on;
pub(crate) mod known;
pub mod load;
mod need;
mod notice;
pub(crate) mod own;
mod pass;
mod pin;
mod plan;
mod preview;
pub mod publish;
mod receipt;
mod redrive;
mod references;
mod release;
mod request;
mod restart;
mod resume;
mod rows;
mod start;
mod tell;
mod template_lane;
pub mod timing;
mod trigger;
mod upload;
mod work;

pub use self::approve::{Approved, PlanApproval};
pub use self::backfill::{Backfill, BackfillSlot};
pub use self::breaker::BreakersKept;
pub use self::browse::Wanted;
pub use self::bulk::{
    BULK_JOBS_MAX, BULK_NAMED_MAX, BULK_RATE_MAX, BULK_SAMPLE_MAX, BulkChange, BulkFilter,
    BulkPreview, BulkSample, BulkVerb, BulkWords, NewBulk,
};
pub use self::change::{Action, Change};
pub use self::child::{ChildTerms, ChildWork};
pub use self::child_batch::ChildBatch;
pub use self::create::{CreatedBatch, NewBatch, Source};
pub use self::draw::{Drawing, Drawn, OutsideRow, Right};
pub use self::figures::{BatchBefore, PlanFigures, PlanVerdict, PreviewedJob};
pub use self::fire::Fired;
pub use self::flight::{Flight, FlightPreview, Flown};
pub use self::gather::Gathered;
pub use self::pass::Pass;
pub use self::plan::Planned;
pub use self::plan::add::{ADD_BYTES_MAX, ADD_MEMBERS_MAX, AddedMembers, NewMembers};
pub use self::preview::{BatchPreview, Given, Sample};
pub use self::request::{Answer, Receipt, Request, Scope};
pub use self::restart::{NewRestart, RESTART_MEMBERS_MAX, Restarted};
pub use self::start::Started;
pub use self::tell::{Occurrence, SIGNAL_TTL, Signal, To, event_uid, signal_name, signal_type};
pub use self::trigger::{Hand, Trigger};
pub use self::upload::Upload;
pub use self::work::Work;
