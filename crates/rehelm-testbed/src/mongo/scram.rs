//! The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), on the primitives of RustCrypto.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The lowest count that MongoDB's drivers accept: tests log in often.
const ITERATIONS: u32 = 4096;

/// What is kept of a password.
#[derive(Clone)]
pub(super) struct Credential {
    salt: [u8; 28],
    stored: [u8; 32],
    server: [u8; 32],
}

/// A login between its two messages.
pub(super) struct Exchange {
    credential: Credential,
    /// `client-first-bare,server-first`, to which the client's proof is bound.
    bound: String,
    nonce: String,
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length, so this never falls back.
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    mac.chain_update(text).finalize().into_bytes().into()
}

fn field<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message
        .split(',')
        .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

impl Credential {
    pub fn new(password: &str) -> Self {
        let salt: [u8; 28] = rand::random();
        let prepared = stringprep::saslprep(password).unwrap_or(password.into());
        let salted: [u8; 32] = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(prepared.as_bytes(), &salt, ITERATIONS);
        let stored = Sha256::digest(mac(&salted, b"Client Key")).into();
        Self {
            salt,
            stored,
            server: mac(&salted, b"Server Key"),
        }
    }
}

/// The user that a first message names.
pub(super) fn user(first: &str) -> Option<String> {
    Some(
        field(first.strip_prefix("n,")?, "n")?
            .replace("=2C", ",")
            .replace("=3D", "="),
    )
}

/// Answers the first message.
pub(super) fn begin(first: &str, credential: Credential) -> Option<(Exchange, String)> {
    // `n,` says without channel binding; then an empty authorization id.
    let bare = first.strip_prefix("n,,")?;
    let own: [u8; 18] = rand::random();
    let nonce = format!("{}{}", field(bare, "r")?, BASE64.encode(own));
    let answer = format!("r={nonce},s={},i={ITERATIONS}", BASE64.encode(credential.salt));
    Some((
        Exchange {
            bound: format!("{bare},{answer}"),
            credential,
            nonce,
        },
        answer,
    ))
}

impl Exchange {
    /// Checks the proof in the final message; the answer proves that the server knows the password too.
    pub fn finish(&self, last: &str) -> Option<String> {
        let (without_proof, proof) = last.rsplit_once(",p=")?;
        if field(without_proof, "r")? != self.nonce {
            return None;
        }
        let bound = format!("{},{without_proof}", self.bound);
        let signature = mac(&self.credential.stored, bound.as_bytes());
        let proof = BASE64
            .decode(proof)
            .ok()
            .filter(|proof| proof.len() == signature.len())?;
        let client: Vec<u8> = proof.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        let known = <[u8; 32]>::from(Sha256::digest(client)) == self.credential.stored;
        known.then(|| format!("v={}", BASE64.encode(mac(&self.credential.server, bound.as_bytes()))))
    }
}
