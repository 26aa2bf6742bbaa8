//! The server's side of SCRAM-SHA-256 and SCRAM-SHA-1 (RFC 5802, RFC 7677), on the primitives of RustCrypto.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The lowest counts that MongoDB's drivers accept: tests log in often.
const ITERATIONS: u32 = 4096;

/// How a user logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// What users are made with unless something else is said.
    Sha256,
    /// What users from before 4.0 have only.
    Sha1,
}

impl Mechanism {
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha1];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha1 => "SCRAM-SHA-1",
        }
    }

    fn hash(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
        }
    }

    /// The salted password.
    fn salted(self, user: &str, password: &str, salt: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => {
                let prepared = stringprep::saslprep(password).unwrap_or(password.into());
                pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(prepared.as_bytes(), salt, ITERATIONS).to_vec()
            }
            Self::Sha1 => {
                // Older servers hash a password before it is hashed.
                let hashed = Md5::digest(format!("{user}:mongo:{password}"));
                let hex: String = hashed.iter().map(|byte| format!("{byte:02x}")).collect();
                pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(hex.as_bytes(), salt, ITERATIONS).to_vec()
            }
        }
    }

    fn mac(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        // HMAC takes keys of any length, so this never falls back.
        match self {
            Self::Sha256 => {
                Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
            }
            Self::Sha1 => {
                Hmac::<Sha1>::new_from_slice(key).map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
            }
        }
        .unwrap_or_default()
    }
}

/// What is kept of a password.
#[derive(Clone)]
pub(super) struct Credential {
    pub mechanism: Mechanism,
    salt: [u8; 28],
    stored: Vec<u8>,
    server: Vec<u8>,
}

/// A login between its two messages.
pub(super) struct Exchange {
    credential: Credential,
    /// `client-first-bare,server-first`, to which the client's proof is bound.
    bound: String,
    nonce: String,
}

fn field<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message
        .split(',')
        .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

impl Credential {
    pub fn new(mechanism: Mechanism, user: &str, password: &str) -> Self {
        let salt: [u8; 28] = rand::random();
        let salted = mechanism.salted(user, password, &salt);
        Self {
            mechanism,
            salt,
            stored: mechanism.hash(&mechanism.mac(&salted, b"Client Key")),
            server: mechanism.mac(&salted, b"Server Key"),
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
        let own = &self.credential;
        let signature = own.mechanism.mac(&own.stored, bound.as_bytes());
        let proof = BASE64
            .decode(proof)
            .ok()
            .filter(|proof| proof.len() == signature.len())?;
        let client: Vec<u8> = proof.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        let known = own.mechanism.hash(&client) == own.stored;
        known.then(|| format!("v={}", BASE64.encode(own.mechanism.mac(&own.server, bound.as_bytes()))))
    }
}
