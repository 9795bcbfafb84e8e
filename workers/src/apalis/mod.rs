//! Windlass under apalis' `Worker`, for those who already run one.
//!
//! `WorkerBuilder::new("resizer").backend(WindlassBackend::<Resize>::new(source, options))` is the
//! one line that changes. Claims and records run in tasks of ours, because the worker polls nothing
//! of a backend while it drains; handlers keep their shape, extractors and layers.

mod backend;
mod lease;
mod record;

pub use self::backend::{BackendOptions, WindlassBackend};
pub use self::lease::Lease;
pub use self::record::{RecordLayer, RecordService};
