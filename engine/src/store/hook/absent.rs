//! No hooks: what every program has that is not a test. Nothing here is left after inlining.

use sqlx::Error;
use sqlx::postgres::PgConnectOptions;

/// Nobody listens.
#[derive(Clone, Debug)]
pub(in crate::store) struct Seat;

impl Seat {
    #[inline(always)]
    pub(in crate::store) fn of(_: &PgConnectOptions) -> Self {
        Self
    }

    #[inline(always)]
    pub(in crate::store) async fn before(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }

    #[inline(always)]
    pub(in crate::store) async fn after(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }

    #[inline(always)]
    pub(in crate::store) async fn before_begin(&self) -> Result<(), Error> {
        Ok(())
    }

    #[inline(always)]
    pub(in crate::store) async fn after_begin(&self) -> Result<(), Error> {
        Ok(())
    }

    #[inline(always)]
    pub(in crate::store) async fn before_commit(&self) -> Result<(), Error> {
        Ok(())
    }

    #[inline(always)]
    pub(in crate::store) async fn after_commit(&self) -> Result<(), Error> {
        Ok(())
    }
}
