//! A password in the form in which PostgreSQL keeps it (RFC 5802, SCRAM-SHA-256), so that the password itself never stands in a statement.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// PostgreSQL's own number.
const ITERATIONS: u32 = 4096;

/// `None`: the password has characters that SASLprep would have to normalise, or none at all.
pub(super) fn verifier(password: &str, salt: &[u8; 16]) -> Option<String> {
    if password.is_empty() || !password.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return None;
    }
    let salted = salted(password.as_bytes(), salt)?;
    let stored_key = Sha256::digest(hmac(&salted, &[b"Client Key"])?);
    let server_key = hmac(&salted, &[b"Server Key"])?;
    Some(format!("SCRAM-SHA-256${ITERATIONS}:{}${}:{}", STANDARD.encode(salt), STANDARD.encode(stored_key), STANDARD.encode(server_key)))
}

/// `Hi` of RFC 5802: PBKDF2 with one block.
fn salted(password: &[u8], salt: &[u8]) -> Option<[u8; 32]> {
    let mut last = hmac(password, &[salt, &1_u32.to_be_bytes()])?;
    let mut all = last;
    for _ in 1..ITERATIONS {
        last = hmac(password, &[&last])?;
        all.iter_mut().zip(last).for_each(|(all, last)| *all ^= last);
    }
    Some(all)
}

fn hmac(key: &[u8], message: &[&[u8]]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    message.iter().for_each(|part| mac.update(part));
    Some(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677: what the server signs with there must come out of its salt and password here.
    #[test]
    fn the_keys_are_those_of_the_rfc() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap_or_default();
        let server_key = hmac(&salted(b"pencil", &salt).unwrap_or_default(), &[b"Server Key"]).unwrap_or_default();
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
                       c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = hmac(&server_key, &[message.as_bytes()]).unwrap_or_default();
        assert_eq!(STANDARD.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn what_would_need_normalising_is_refused() {
        assert_eq!(verifier("pässword", &[0; 16]), None);
        assert_eq!(verifier("", &[0; 16]), None);
    }
}
