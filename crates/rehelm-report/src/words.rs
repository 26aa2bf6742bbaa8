//! Sentences by id. The texts are in `words/<language>/*.ftl`, and in the profile's `words.<language>.ftl`.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentError, FluentResource};

use crate::facts::Facts;

const EN: [(&str, &str); 6] = [
    ("checks.ftl", include_str!("../words/en/checks.ftl")),
    ("findings.ftl", include_str!("../words/en/findings.ftl")),
    ("plan.ftl", include_str!("../words/en/plan.ftl")),
    ("secrets.ftl", include_str!("../words/en/secrets.ftl")),
    ("steps.ftl", include_str!("../words/en/steps.ftl")),
    ("values-derive.ftl", include_str!("../words/en/values-derive.ftl")),
];

/// The sentences of one language.
pub struct Words {
    bundle: FluentBundle<FluentResource>,
}

/// Why a profile's words cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the words of {origin} cannot be read: {why}")]
pub struct WordsError {
    /// File.
    pub origin: String,
    /// What is wrong with it.
    pub why: String,
}

impl Words {
    /// The built-in sentences of a language; English for one that is not there yet.
    pub fn new(_language: &str) -> Self {
        let mut bundle = FluentBundle::new_concurrent(vec!["en".parse().unwrap_or_default()]);
        // The marks that keep right-to-left text apart would be noise in a terminal and in golden files.
        bundle.set_use_isolating(false);
        let mut words = Self { bundle };
        for (origin, text) in EN {
            // A test holds that every built-in file is sound.
            let _ = words.add(origin, text);
        }
        words
    }

    /// Adds a profile's sentences; they win over the built-in ones.
    ///
    /// # Errors
    /// When the text has no such form; what could be read of it is used.
    pub fn add(&mut self, origin: &str, text: &str) -> Result<(), WordsError> {
        let (resource, errors) = match FluentResource::try_new(text.to_owned()) {
            Ok(resource) => (resource, Vec::new()),
            Err((resource, errors)) => (resource, errors),
        };
        self.bundle.add_resource_overriding(resource);
        match errors.first() {
            None => Ok(()),
            Some(error) => Err(WordsError {
                origin: origin.to_owned(),
                why: error.to_string(),
            }),
        }
    }

    /// True when there is a sentence with this id.
    pub fn has(&self, id: &str) -> bool {
        self.bundle.get_message(id).is_some_and(|m| m.value().is_some())
    }

    /// A sentence; None when there is none with this id.
    pub fn find(&self, id: &str, facts: &Facts) -> Option<String> {
        let message = self.bundle.get_message(id)?;
        Some(self.format(message.value()?, facts))
    }

    /// An attribute of a sentence, such as `fix`.
    pub fn attribute(&self, id: &str, name: &str, facts: &Facts) -> Option<String> {
        let attribute = self.bundle.get_message(id)?.get_attribute(name)?;
        Some(self.format(attribute.value(), facts))
    }

    /// A sentence, or its id in angle brackets, which nobody can overlook.
    pub fn say(&self, id: &str, facts: &Facts) -> String {
        self.find(id, facts).unwrap_or_else(|| format!("<{id}>"))
    }

    fn format(&self, pattern: &fluent_syntax::ast::Pattern<&str>, facts: &Facts) -> String {
        let args = facts.to_fluent();
        // A fact that is missing shows as {$name}; better than no sentence.
        let mut errors: Vec<FluentError> = Vec::new();
        self.bundle
            .format_pattern(pattern, Some(&args), &mut errors)
            .into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_file_is_sound() {
        for (origin, text) in EN {
            assert!(FluentResource::try_new(text.to_owned()).is_ok(), "{origin}");
            let mut ids = std::collections::BTreeSet::new();
            for line in text.lines() {
                if let Some((id, _)) = line.split_once(" =").filter(|(id, _)| !id.starts_with([' ', '#', '-'])) {
                    assert!(ids.insert(id.to_owned()), "{origin}: {id} is there twice");
                }
            }
        }
    }

    #[test]
    fn a_profile_brings_its_own_and_wins() {
        let mut words = Words::new("en");
        words
            .add(
                "x",
                "plan-none = Ours\nnew-one = { $count ->\n  [one] one thing\n *[other] { $count } things\n }\n",
            )
            .expect("sound");
        assert_eq!(words.say("plan-none", &Facts::new()), "Ours");
        assert_eq!(words.say("new-one", &Facts::new().number("count", 1)), "one thing");
        assert_eq!(words.say("new-one", &Facts::new().number("count", 2)), "2 things");
    }

    #[test]
    fn a_missing_sentence_is_seen() {
        assert_eq!(Words::new("en").say("no-such-id", &Facts::new()), "<no-such-id>");
    }
}
