//! Contents by which a value is recognised wherever it turns up: texts and numbers that are in no render otherwise.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

/// What every text sentinel begins with.
const PREFIX: &str = "zq";
/// Letters and digits after the prefix.
const LENGTH: usize = 5;
/// First number that is handed out; all are below 65536, so that they pass for ports.
const FIRST: i64 = 20_011;
/// Longest word in which digits are taken for a sentinel.
const LONGEST: usize = 20;

/// Names a sentinel within one [`Marks`].
pub(crate) type MarkId = usize;

/// The sentinels of one render.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// What each stands for when it is taken back: the default's text.
    pub restore: Vec<Value>,
    texts: HashMap<String, MarkId>,
    numbers: HashMap<String, MarkId>,
    digits: HashSet<MarkId>,
    next_number: i64,
}

/// Where a sentinel stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    pub from: usize,
    pub to: usize,
    pub mark: MarkId,
}

impl Marks {
    /// A text that nothing else holds: letters and digits, all lower case, beginning with a letter.
    pub fn text(&mut self, restore: Value) -> (MarkId, String) {
        let mark = self.restore.len();
        let mut digits = String::new();
        // Multiplied by a number that has no factor in common with the range, so that neighbours look different.
        let mut rest = (mark as u64 * 7_919_123 + 1_234_567) % 36u64.pow(LENGTH as u32);
        for _ in 0..LENGTH {
            let digit = u32::try_from(rest % 36).unwrap_or_default();
            digits.extend(char::from_digit(digit, 36));
            rest /= 36;
        }
        let text = format!("{PREFIX}{digits}");
        self.texts.insert(text.clone(), mark);
        self.restore.push(restore);
        (mark, text)
    }

    /// A number that no render holds; `taken` says which do.
    pub fn number(&mut self, restore: Value, taken: &dyn Fn(&str) -> bool) -> (MarkId, i64) {
        let mark = self.restore.len();
        let mut number = FIRST + self.next_number;
        while number < 65_536 && taken(&number.to_string()) {
            number += 7;
        }
        self.next_number = number + 7 - FIRST;
        self.numbers.insert(number.to_string(), mark);
        self.digits.insert(mark);
        self.restore.push(restore);
        (mark, number)
    }

    /// True for a sentinel of digits.
    pub fn is_number(&self, mark: MarkId) -> bool {
        self.digits.contains(&mark)
    }

    /// The sentinel that a number is.
    pub fn of_number(&self, number: &serde_json::Number) -> Option<MarkId> {
        self.numbers.get(&number.to_string()).copied()
    }

    /// All sentinels in a text, in their order.
    pub fn in_text(&self, text: &str) -> Vec<Sight> {
        let mut found = Vec::new();
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if let Some(sight) = self.text_at(text, at).or_else(|| self.number_at(text, at)) {
                found.push(sight);
                at = sight.to;
            } else if bytes[at].is_ascii_digit() {
                // Digits within a longer number are not a number of their own.
                at += bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
            } else {
                at += 1;
            }
        }
        found
    }

    fn text_at(&self, text: &str, from: usize) -> Option<Sight> {
        let to = from + PREFIX.len() + LENGTH;
        let piece = text.get(from..to)?;
        if !piece.get(..PREFIX.len())?.eq_ignore_ascii_case(PREFIX) {
            return None;
        }
        let mark = *self.texts.get(&piece.to_ascii_lowercase())?;
        Some(Sight { from, to, mark })
    }

    fn number_at(&self, text: &str, from: usize) -> Option<Sight> {
        let digits = text.as_bytes()[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        let to = from + digits;
        let mark = *self.numbers.get(text.get(from..to)?)?;
        (!in_long_word(text.as_bytes(), from, to)).then_some(Sight { from, to, mark })
    }
}

/// True when digits are within a word that is too long for one that a person would write: a token, a checksum.
fn in_long_word(text: &[u8], from: usize, to: usize) -> bool {
    let letters = |c: &&u8| c.is_ascii_alphanumeric();
    let before = text[..from].iter().rev().take_while(letters).count();
    before + to - from + text[to..].iter().take_while(letters).count() > LONGEST
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sentinels_are_told_apart_in_any_case() {
        let mut marks = Marks::default();
        let texts: Vec<String> = (0..3000).map(|_| marks.text(Value::Null).1).collect();
        let (number_mark, number) = marks.number(json!(3), &|text| text == "20011");
        assert_eq!(number, 20_018);
        let text = format!("A{}-{number}x9{number}", texts[2999].to_uppercase());
        let found = marks.in_text(&text);
        assert_eq!(found.iter().map(|s| s.mark).collect::<Vec<_>>(), [2999, number_mark]);
        assert_eq!(marks.of_number(&serde_json::Number::from(20_018)), Some(number_mark));
        assert!(
            marks.in_text("a3f20018b7c9d0e1f2a3b4c5d6e7f8a9").is_empty(),
            "random digits"
        );
        let different: std::collections::BTreeSet<&String> = texts.iter().collect();
        assert_eq!(different.len(), texts.len());
    }
}
