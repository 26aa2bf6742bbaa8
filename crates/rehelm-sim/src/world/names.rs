//! Names that are drawn: uids and generated suffixes.
//!
//! They depend on the seed, on what they are for, and on how often that was asked for before, but not on what else happened
//! meanwhile: clients that send requests side by side get the same names in whatever order their requests arrive.

use sha2::{Digest, Sha256};

use super::World;

impl World {
    /// 128 bits for something that is asked for by this name.
    fn drawn(&mut self, about: &str) -> u128 {
        let count = self.drawn.entry(about.to_owned()).or_default();
        *count += 1;
        let hash = Sha256::new()
            .chain_update(self.options.seed.to_be_bytes())
            .chain_update(self.loaded.to_be_bytes())
            .chain_update(count.to_be_bytes())
            .chain_update(about)
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        u128::from_be_bytes(bytes)
    }

    /// A uid for an object; each of several that follow one another under the same name gets its own.
    pub fn new_uid(&mut self, resource: &str, namespace: &str, name: &str) -> String {
        let bits = self.drawn(&format!("{resource}/{namespace}/{name}"));
        let (a, b) = (bits >> 64, bits & u128::from(u64::MAX));
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | (b >> 50),
            b & 0xffff_ffff_ffff
        )
    }

    /// Five characters as Kubernetes appends them to generated names.
    pub fn new_suffix(&mut self, resource: &str, namespace: &str, prefix: &str) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let mut bits = self.drawn(&format!("{resource}/{namespace}/{prefix}…"));
        (0..5)
            .map(|_| {
                let letter = LETTERS[usize::try_from(bits % 27).unwrap_or(0)];
                bits /= 27;
                char::from(letter)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::sim::Options;
    use crate::world::World;

    #[test]
    fn names_do_not_depend_on_what_else_happened() {
        let (mut a, mut b) = (World::new(Options::default()), World::new(Options::default()));
        b.new_uid("pods", "x", "other");
        assert_eq!(a.new_uid("pods", "x", "web"), b.new_uid("pods", "x", "web"));
        assert_ne!(a.new_uid("pods", "x", "web"), a.new_uid("pods", "y", "web"));
        assert_ne!(a.new_uid("pods", "x", "db"), a.new_uid("pods", "x", "db"));
        assert_eq!(a.new_suffix("pods", "x", "web-").len(), 5);
    }
}
