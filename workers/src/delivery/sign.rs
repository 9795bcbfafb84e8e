//! Signatures of Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`, one for each key while they rotate.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What a key begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a key, as the standard has them.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Keys at once: the new one, the old one, and room for a mistake.
const KEYS_MAX: usize = 4;

/// Why a secret does not sign. It never says any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// Not of the form of the standard.
    #[error("the signing key is not whsec_ with Base64 of 24 to 64 bytes")]
    Malformed,
    /// None, or too many.
    #[error("the signing key holds no key, or more than four")]
    Count,
}

/// `v1,…` for each key of a secret, blanks between: the newest key stands first.
///
/// # Errors
/// When any of the keys is none.
pub fn signatures(secret: &str, id: &str, seconds: i64, body: &str) -> Result<String, KeyProblem> {
    let keys: Vec<&str> = secret.split_whitespace().collect();
    if keys.is_empty() || keys.len() > KEYS_MAX {
        return Err(KeyProblem::Count);
    }
    let signed: Result<Vec<String>, KeyProblem> = keys
        .into_iter()
        .map(|key| signature(key, id, seconds, body))
        .collect();
    Ok(signed?.join(" "))
}

fn signature(key: &str, id: &str, seconds: i64, body: &str) -> Result<String, KeyProblem> {
    let encoded = key.strip_prefix(PREFIX).ok_or(KeyProblem::Malformed)?;
    let key = BASE64_STANDARD.decode(encoded);
    let key = key.map_err(|_| KeyProblem::Malformed)?;
    if !KEY_BYTES.contains(&key.len()) {
        return Err(KeyProblem::Malformed);
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| KeyProblem::Malformed)?;
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body.as_bytes());
    let code = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    Ok(format!("v1,{code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard's own libraries.
    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &str = r#"{"test": 2432232314}"#;
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_example_of_the_standard_comes_out() {
        assert_eq!(
            signatures(KEY, ID, 1_614_265_330, BODY).as_deref(),
            Ok(SIGNED)
        );
    }

    #[test]
    fn whatever_changes_changes_the_signature() {
        let signed = |id, seconds, body| signatures(KEY, id, seconds, body).unwrap();
        assert_ne!(signed("msg_q", 1_614_265_330, BODY), SIGNED);
        assert_ne!(signed(ID, 1_614_265_331, BODY), SIGNED);
        assert_ne!(signed(ID, 1_614_265_330, r#"{"test": 2432232315}"#), SIGNED);
    }

    #[test]
    fn each_key_of_a_rotation_signs_and_the_newest_stands_first() {
        let new = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let both = signatures(&format!("{new}\n{KEY}"), ID, 1_614_265_330, BODY).unwrap();

        let (first, second) = both.split_once(' ').unwrap();
        assert_eq!(signatures(new, ID, 1_614_265_330, BODY).unwrap(), first);
        assert_eq!(second, SIGNED);
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_quoted() {
        for key in [
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!",
            "whsec_AAEC",
            "whsk_AAEC",
        ] {
            let refused = signatures(key, ID, 0, BODY).unwrap_err();
            assert_eq!(refused, KeyProblem::Malformed);
            assert!(!refused.to_string().contains(key));
        }
        assert_eq!(signatures(" ", ID, 0, BODY), Err(KeyProblem::Count));
    }
}
