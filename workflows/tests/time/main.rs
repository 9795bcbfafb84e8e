//! Schedules against other computations: zone transitions by brute force, five years by a Python program, cron patterns
//! by another parser, the ledger by its vectors.

mod cron;
mod ledger;
mod years;
mod zones;
