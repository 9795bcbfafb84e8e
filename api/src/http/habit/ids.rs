//! Ids as people meet them: a prefix that names the noun, then a decimal number.
//!
//! An id is text in JSON, so that no reader rounds it, and carries no right.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;
use uuid::Uuid;

/// A job, `j_1024`; that of request `r_1024`, whose id is understood in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "j_1024")]
pub struct JobId(pub i64);

/// A request, `r_1024`; it has the number of its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "r_1024")]
pub struct RequestId(pub i64);

/// A batch, `b_7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "b_7")]
pub struct BatchId(pub i64);

/// A redrive, `d_3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "d_3")]
pub struct RedriveId(pub i64);

/// A change of many jobs, `c_3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "c_3")]
pub struct ChangeId(pub i64);

/// A worker's incarnation, `w_` and a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "w_0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")]
pub struct WorkerId(pub Uuid);

/// A pause, `p_3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "p_3")]
pub struct PauseId(pub i64);

/// An approval, `a_7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "a_7")]
pub struct ApprovalId(pub i64);

/// A delivery to a webhook, `v_9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, example = "v_9")]
pub struct DeliveryId(pub i64);

/// What is between one of the prefixes and the end of an id, or what was expected instead.
fn tail<T: FromStr>(text: &str, prefixes: &[&str], example: &str) -> Result<T, String> {
    let mut tails = prefixes
        .iter()
        .filter_map(|prefix| text.strip_prefix(prefix));
    let tail = tails.next().filter(|tail| !tail.starts_with('+'));
    let tail = tail.and_then(|tail| tail.parse().ok());
    tail.ok_or_else(|| format!("`{text}` is no id such as `{example}`"))
}

macro_rules! id_as_text {
    ($($name:ident, $prefix:literal $(or $other:literal)?, $example:literal;)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!($prefix, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                tail(text, &[$prefix $(, $other)?], $example).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

id_as_text! {
    JobId, "j_" or "r_", "j_1024";
    RequestId, "r_", "r_1024";
    BatchId, "b_", "b_7";
    PauseId, "p_", "p_3";
    RedriveId, "d_", "d_3";
    ChangeId, "c_", "c_3";
    ApprovalId, "a_", "a_7";
    DeliveryId, "v_", "v_9";
    WorkerId, "w_", "w_0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written() {
        assert_eq!("j_1024".parse(), Ok(JobId(1024)));
        assert_eq!("r_1024".parse(), Ok(JobId(1024)));
        assert_eq!(JobId(1024).to_string(), "j_1024");
    }

    #[test]
    fn other_nouns_and_numbers_are_refused() {
        for wrong in [
            "1024",
            "b_1024",
            "j_",
            "j_+1",
            "j_1.0",
            "j_99999999999999999999",
        ] {
            assert!(wrong.parse::<JobId>().is_err(), "{wrong}");
        }
    }
}
