//! The handler: an ordinary async function, as anybody writes it for apalis.

use apalis::prelude::{AbortError, BoxDynError, Data};
use serde::{Deserialize, Serialize};
use windlass_workers::apalis::Lease;

/// A picture to be fitted into a square. A template gives it as `with` of `call: resize:1.0.0@default`.
#[derive(Debug, Deserialize)]
pub struct Resize {
    /// Which picture.
    pub picture: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// What came of it: the output of the step.
#[derive(Debug, Serialize)]
pub struct Resized {
    /// Which picture.
    pub picture: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Names the result, the same however often the step is tried.
    pub key: String,
}

/// Longest side of a result, shared by all calls.
#[derive(Clone, Copy, Debug)]
pub struct Side(pub u32);

/// Fits a picture into the square, keeping its proportions; never enlarges.
pub async fn resize(job: Resize, side: Data<Side>, lease: Lease) -> Result<Resized, BoxDynError> {
    if job.width == 0 || job.height == 0 {
        // The same picture would fail again: no retry.
        return Err(AbortError::new(format!("`{}` has no area", job.picture)).into());
    }
    let longest = u64::from(job.width.max(job.height));
    let fitted = |length: u32| {
        let scaled = u64::from(length) * u64::from(side.0.0).min(longest) / longest;
        u32::try_from(scaled.max(1)).map_err(BoxDynError::from)
    };
    let (width, height) = (fitted(job.width)?, fitted(job.height)?);
    Ok(Resized {
        picture: job.picture,
        width,
        height,
        key: lease.key().to_owned(),
    })
}
