//! Goes through the actions of a template and resolves what they speak of.

use std::collections::{BTreeMap, BTreeSet};

use super::super::path::ValuePath;
use super::Usage;
use super::words::{Word, actions};

type Defines = BTreeMap<String, Vec<Vec<Word>>>;
type Found = BTreeMap<ValuePath, Usage>;

/// Helpers that call helpers.
const DEEPEST: usize = 6;

/// What a dot or a variable stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    /// What templates get: has `.Values`.
    Root,
    /// A part of the values.
    Value(ValuePath),
    /// `dict` of such.
    Dict(BTreeMap<String, Meaning>),
    /// Something else.
    Unknown,
}

struct Walker<'a> {
    at: &'a ValuePath,
    source: &'a str,
    defines: &'a Defines,
    found: &'a mut Found,
    /// Helpers with what they were called with: each is walked once, however often it is called.
    called: &'a mut BTreeSet<(String, Meaning)>,
    depth: usize,
}

/// Adds what a template speaks of.
pub(super) fn template(text: &str, at: &ValuePath, defines: &Defines, source: &str, found: &mut Found) {
    let actions = actions(text);
    Walker {
        at,
        source,
        defines,
        found,
        called: &mut BTreeSet::new(),
        depth: 0,
    }
    .walk(&actions, &Meaning::Root);
}

impl Walker<'_> {
    fn walk(&mut self, actions: &[Vec<Word>], dot: &Meaning) {
        let mut variables: BTreeMap<String, Meaning> = BTreeMap::from([(String::new(), dot.clone())]);
        // The dot before each open block.
        let mut blocks: Vec<Meaning> = Vec::new();
        let mut dot = dot.clone();
        for action in actions {
            let first = match action.first() {
                Some(Word::Name(name)) => name.as_str(),
                _ => "",
            };
            match first {
                "define" => {
                    blocks.push(dot.clone());
                    // Helpers that work on the root are walked even when nobody is seen to call them.
                    dot = Meaning::Root;
                    variables.insert(String::new(), Meaning::Root);
                }
                "if" | "with" | "range" | "block" => {
                    self.note(action, &dot, &variables, first);
                    blocks.push(dot.clone());
                    let meaning = self.tail(action, &dot, &variables);
                    match first {
                        "with" => dot = meaning,
                        "range" => dot = Meaning::Unknown,
                        _ => {}
                    }
                }
                "else" => {
                    self.note(action, &dot, &variables, "if");
                    if let Some(before) = blocks.last() {
                        dot = before.clone();
                    }
                }
                "end" => {
                    if let Some(before) = blocks.pop() {
                        dot = before;
                    }
                }
                _ => {
                    self.note(action, &dot, &variables, "");
                    if let [Word::Path(Some(name), below), Word::Sign(":=" | "="), ..] = &action[..]
                        && below.is_empty()
                    {
                        let meaning = self.tail(action, &dot, &variables);
                        variables.insert(name.clone(), meaning);
                    }
                }
            }
        }
    }

    /// What the expression of an action stands for, when it is nothing but a path (maybe with a default or an `index`).
    fn tail(&self, action: &[Word], dot: &Meaning, variables: &BTreeMap<String, Meaning>) -> Meaning {
        let from = action
            .iter()
            .rposition(|word| matches!(word, Word::Sign(":=" | "=")))
            .map_or(1, |at| at + 1);
        let words = &action[from.min(action.len())..];
        match words {
            [Word::Path(base, keys)] => self.meaning(base.as_deref(), keys, dot, variables),
            [Word::Name(name), rest @ ..] if name == "index" => self.index(rest, dot, variables),
            [Word::Name(name), rest @ ..] if name == "dict" => self.dict(rest, dot, variables),
            [Word::Name(name), .., Word::Path(base, keys)] if name == "default" || name == "deepCopy" => {
                self.meaning(base.as_deref(), keys, dot, variables)
            }
            [Word::Path(base, keys), Word::Sign("|"), Word::Name(name), ..] if name == "default" => {
                self.meaning(base.as_deref(), keys, dot, variables)
            }
            _ => Meaning::Unknown,
        }
    }

    /// Notes every value that an action speaks of.
    fn note(&mut self, action: &[Word], dot: &Meaning, variables: &BTreeMap<String, Meaning>, block: &str) {
        let names: Vec<&str> = action
            .iter()
            .filter_map(|w| if let Word::Name(n) = w { Some(n.as_str()) } else { None })
            .collect();
        let has = |known: &[&str]| names.iter().any(|name| known.contains(name));
        let usage = Usage {
            decides: matches!(block, "if" | "with")
                || has(&[
                    "eq",
                    "ne",
                    "has",
                    "hasKey",
                    "contains",
                    "semverCompare",
                    "ternary",
                    "regexMatch",
                    "hasPrefix",
                    "hasSuffix",
                    "fail",
                    "empty",
                    "and",
                    "or",
                    "not",
                    "coalesce",
                    "default",
                ]),
            structured: block == "range" || has(&["toYaml", "range", "toJson", "merge", "mergeOverwrite", "keys"]),
            templates: BTreeSet::new(),
            literals: if has(&["eq", "ne", "has", "contains"]) {
                action
                    .iter()
                    .filter_map(|w| if let Word::Text(t) = w { Some(t.clone()) } else { None })
                    .collect()
            } else {
                Vec::new()
            },
        };
        for (index, word) in action.iter().enumerate() {
            match word {
                Word::Path(base, keys) => {
                    if let Meaning::Value(path) = self.meaning(base.as_deref(), keys, dot, variables) {
                        self.found_one(path, &usage);
                    }
                }
                Word::Name(name) if name == "index" || name == "get" => {
                    if let Meaning::Value(path) = self.index(&action[index + 1..], dot, variables) {
                        self.found_one(path, &usage);
                    }
                }
                Word::Name(name) if name == "include" || name == "template" => {
                    self.call(&action[index + 1..], dot, variables);
                }
                _ => {}
            }
        }
    }

    fn found_one(&mut self, path: ValuePath, usage: &Usage) {
        if path.0.len() <= self.at.0.len() && path == *self.at {
            return;
        }
        let known = self.found.entry(path).or_default();
        known.templates.insert(self.source.to_owned());
        known.decides |= usage.decides;
        known.structured |= usage.structured;
        for literal in &usage.literals {
            if !known.literals.contains(literal) {
                known.literals.push(literal.clone());
            }
        }
    }

    /// `include "name" ARGUMENT`.
    fn call(&mut self, words: &[Word], dot: &Meaning, variables: &BTreeMap<String, Meaning>) {
        let [Word::Text(name), argument @ ..] = words else {
            return;
        };
        let argument = match argument {
            [Word::Path(base, keys), ..] => self.meaning(base.as_deref(), keys, dot, variables),
            [Word::Sign("("), Word::Name(name), rest @ ..] if name == "dict" => self.dict(rest, dot, variables),
            _ => Meaning::Unknown,
        };
        let Some(body) = self.defines.get(name) else { return };
        if argument != Meaning::Unknown && self.depth < DEEPEST && self.called.insert((name.clone(), argument.clone()))
        {
            let mut inner = Walker {
                at: self.at,
                source: self.source,
                defines: self.defines,
                found: &mut *self.found,
                called: &mut *self.called,
                depth: self.depth + 1,
            };
            inner.walk(body, &argument);
        }
    }

    fn dict(&self, words: &[Word], dot: &Meaning, variables: &BTreeMap<String, Meaning>) -> Meaning {
        let mut map = BTreeMap::new();
        let mut words = words;
        while let [Word::Text(key), value, rest @ ..] = words {
            let (meaning, rest) = match value {
                Word::Path(base, keys) => (self.meaning(base.as_deref(), keys, dot, variables), rest),
                Word::Sign("(") => {
                    let mut depth = 1;
                    let end = rest.iter().position(|word| {
                        depth += i32::from(*word == Word::Sign("(")) - i32::from(*word == Word::Sign(")"));
                        depth == 0
                    });
                    (
                        Meaning::Unknown,
                        rest.get(end.map_or(rest.len(), |end| end + 1)..).unwrap_or_default(),
                    )
                }
                _ => (Meaning::Unknown, rest),
            };
            map.insert(key.clone(), meaning);
            words = rest;
        }
        Meaning::Dict(map)
    }

    /// `index PATH "a" "b"`.
    fn index(&self, words: &[Word], dot: &Meaning, variables: &BTreeMap<String, Meaning>) -> Meaning {
        let [Word::Path(base, keys), rest @ ..] = words else {
            return Meaning::Unknown;
        };
        let texts = rest.iter().map_while(|word| {
            if let Word::Text(text) = word {
                Some(text.clone())
            } else {
                None
            }
        });
        let keys: Vec<String> = keys.iter().cloned().chain(texts).collect();
        self.meaning(base.as_deref(), &keys, dot, variables)
    }

    fn meaning(
        &self,
        base: Option<&str>,
        keys: &[String],
        dot: &Meaning,
        variables: &BTreeMap<String, Meaning>,
    ) -> Meaning {
        let start = match base {
            None => dot.clone(),
            Some(name) => variables.get(name).cloned().unwrap_or(Meaning::Unknown),
        };
        keys.iter().fold(start, |meaning, key| match meaning {
            Meaning::Root if key == "Values" => Meaning::Value(self.at.clone()),
            Meaning::Value(path) if key == "global" && path == *self.at => Meaning::Value(ValuePath::keys(["global"])),
            Meaning::Value(path) => Meaning::Value(path.key(key)),
            Meaning::Dict(mut map) => map.remove(key).unwrap_or(Meaning::Unknown),
            // `.root.Values` of something that is not known is the root, most likely.
            Meaning::Unknown if key == "Values" => Meaning::Value(self.at.clone()),
            Meaning::Root | Meaning::Unknown => Meaning::Unknown,
        })
    }
}
