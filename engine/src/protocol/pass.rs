//! A pass over many things: one that fails by itself does not stand before the others.

use crate::Error;

/// What failed in a pass, told at its end.
#[derive(Debug, Default)]
pub struct Pass {
    first: Option<Error>,
}

impl Pass {
    /// What one of them gave, or nothing where it failed by itself.
    ///
    /// # Errors
    /// A database that does not answer fails all others too.
    pub fn over<T: Default>(&mut self, one: Result<T, Error>) -> Result<T, Error> {
        match one {
            Err(error) if !error.is_transient() || error.is_too_much() => {
                self.first.get_or_insert(error);
                Ok(T::default())
            }
            answer => answer,
        }
    }

    /// What all of them gave.
    ///
    /// # Errors
    /// The first that failed.
    pub fn end<T>(self, all: T) -> Result<T, Error> {
        self.first.map_or(Ok(all), Err)
    }
}
