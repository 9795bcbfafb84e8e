//! Plans: which jobs a batch has and what each receives. Pure pieces; the engine reads sources, keeps
//! blocks and seals.
//!
//! The way of a member: row → filter → member → (object, chunk) → value → input of a job.

mod approval;
mod asked;
mod chunk;
mod forecast;
mod guard;
mod hash;
mod hours;
mod input;
mod limit;
mod member;
mod narrow;
mod occasion;
mod pages;
mod ratio;
mod release;
mod rendering;
mod shared;
mod stage;
mod tolerance;
mod totals;

pub use approval::{Approval, Asking, approval};
pub use asked::asked;
pub use chunk::{Chunker, chunks};
pub use forecast::{Bounds, Forecast, Light, Speeds, Standing, binding, forecast, lift, workers};
pub use guard::{Drawn, Tripped, tripped};
pub use hash::{AddedHash, PlanHash, SelectionHash};
pub use input::MemberValue;
pub use limit::{ITEMS_BYTES_MAX, ITEMS_MAX, TooLarge, check_size};
pub use member::{Document, Member, MemberProblem};
pub use narrow::{Narrow, Sought};
pub use occasion::{Occasion, SlotScope};
pub use pages::{At, Page, PageProblem, Pages};
pub use ratio::Ratio;
pub use release::{Allowed, Bucket, Hold, Moment, allowed, filled, progress_percent, room};
pub use rendering::{FilterError, Rendering};
pub use shared::context_key;
pub(crate) use shared::is_context_key;
pub use stage::{Course, Stage, spread, stage, stages};
pub use tolerance::{Trip, trips};
pub use totals::{Ending, Tallies, Totals};

pub use crate::configuration::{Chunk, Strategy};
