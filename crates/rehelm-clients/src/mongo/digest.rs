//! An order-free strong hash over documents.
//!
//! Each raw document is hashed with SHA-256 and the hashes are added up modulo 2^256, so that two servers that keep the
//! same documents in different order give the same digest, in constant memory and without sorting. Added and not xor-ed:
//! with xor two equal documents cancel each other out, as if neither were there, and sets with a chosen xor are found by
//! solving linear equations; a sum counts every copy, and finding another set with the same sum is a generalised birthday
//! problem over 256 bits.

use std::fmt::Write;

use sha2::{Digest as _, Sha256};

/// The sum so far, least significant limb first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest([u64; 4]);

impl Digest {
    pub fn add(&mut self, document: &[u8]) {
        let hash = Sha256::digest(document);
        let mut carry = false;
        for (limb, bytes) in self.0.iter_mut().zip(hash.chunks_exact(8)) {
            let other = bytes.iter().rev().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
            let (sum, over) = limb.overflowing_add(other);
            let (sum, over_again) = sum.overflowing_add(carry.into());
            (*limb, carry) = (sum, over || over_again);
        }
    }

    /// 64 hex digits.
    pub fn hex(&self) -> String {
        let bytes: Vec<u8> = self.0.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
        hex(&bytes)
    }
}

/// What [`Digest::hex`] wrote; None for anything else.
pub(super) fn from_hex(text: &str) -> Option<Digest> {
    let mut limbs = [0; 4];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, limb) in limbs.iter_mut().rev().enumerate() {
        *limb = u64::from_str_radix(&text[at * 16..at * 16 + 16], 16).ok()?;
    }
    Some(Digest(limbs))
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(documents: &[&str]) -> String {
        let mut digest = Digest::default();
        documents.iter().for_each(|document| digest.add(document.as_bytes()));
        digest.hex()
    }

    #[test]
    fn order_does_not_count_and_copies_do() {
        assert_eq!(of(&["a", "b", "c"]), of(&["c", "a", "b"]));
        assert_ne!(of(&["a", "a"]), of(&[]));
        assert_ne!(of(&["a", "a", "b"]), of(&["b"]));
        assert_ne!(of(&["a", "b"]), of(&["a", "c"]));
    }

    #[test]
    fn hex_is_read_back() {
        let mut digest = Digest::default();
        digest.add(b"a");
        digest.add(b"b");
        assert_eq!(from_hex(&digest.hex()), Some(digest));
        assert_eq!(from_hex("12"), None);
    }

    #[test]
    fn carries_through_all_limbs() {
        let mut digest = Digest([u64::MAX; 4]);
        digest.add(b"a");
        let mut one_less = Digest::default();
        one_less.add(b"a");
        // (2^256 - 1) + h = h - 1 modulo 2^256; the hash of "a" does not end in a zero limb.
        one_less.0[0] -= 1;
        assert_eq!(digest, one_less);
    }
}
