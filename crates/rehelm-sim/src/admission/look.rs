//! A place in an object, with its path: what checks walk along.

use serde_json::Value;

use super::godump::sorted;
use super::names::Rule;
use crate::refusal::Cause;

/// Largest port.
const PORTS: std::ops::RangeInclusive<i64> = 1..=65_535;

/// A value (null when absent) and where it is.
#[derive(Clone)]
pub(super) struct At<'a> {
    pub value: &'a Value,
    pub path: String,
}

impl<'a> At<'a> {
    pub fn new(value: Option<&'a Value>, path: &str) -> Self {
        Self {
            value: value.unwrap_or(&Value::Null),
            path: path.to_owned(),
        }
    }

    pub fn child(&self, key: &str) -> Self {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        Self::new(self.value.get(key), &path)
    }

    /// The same place under another name.
    pub fn named(&self, path: String) -> Self {
        Self {
            value: self.value,
            path,
        }
    }

    pub fn items(&self) -> impl Iterator<Item = Self> {
        let list = self.value.as_array().into_iter().flatten().enumerate();
        let path = self.path.clone();
        list.map(move |(at, value)| Self {
            value,
            path: format!("{path}[{at}]"),
        })
    }

    /// Entries of a mapping in the order of their keys.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, Self)> {
        let mut all: Vec<_> = self.value.as_object().into_iter().flatten().collect();
        all.sort_by_key(|(key, _)| *key);
        let path = self.path.clone();
        all.into_iter().map(move |(key, value)| {
            let path = format!("{path}[{key}]");
            (key.as_str(), Self { value, path })
        })
    }

    pub fn text(&self) -> &'a str {
        self.value.as_str().unwrap_or_default()
    }

    pub fn number(&self) -> Option<i64> {
        self.value.as_i64()
    }

    pub fn is_set(&self) -> bool {
        !self.value.is_null()
    }

    /// Absent, null, or without anything in it.
    pub fn is_empty(&self) -> bool {
        match self.value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        }
    }
}

/// What is wrong, in the order in which it was found.
#[derive(Default)]
pub(super) struct Causes(pub Vec<Cause>);

impl Causes {
    pub fn required(&mut self, at: &At<'_>, why: &str) {
        self.0.push(Cause::required(&at.path, why));
    }

    pub fn forbidden(&mut self, at: &At<'_>, why: &str) {
        self.0.push(Cause::forbidden(&at.path, why));
    }

    pub fn invalid(&mut self, at: &At<'_>, why: &str) {
        self.0.push(Cause::invalid(&at.path, &sorted(at.value), why));
    }

    pub fn duplicate(&mut self, at: &At<'_>) {
        self.0.push(Cause::duplicate(&at.path, at.value));
    }

    pub fn not_found(&mut self, at: &At<'_>) {
        let value = if at.is_set() { at.value.clone() } else { "".into() };
        self.0.push(Cause::not_found(&at.path, &value));
    }

    /// A text must keep a rule; an absent one is not looked at.
    pub fn rule(&mut self, at: &At<'_>, rule: Rule) {
        if at.is_set() {
            for why in rule(at.text()) {
                self.invalid(at, &why);
            }
        }
    }

    /// A text must be one of these (named in this order); an absent one is not looked at.
    pub fn one_of(&mut self, at: &At<'_>, known: &[&str]) {
        if at.is_set() && !known.contains(&at.text()) {
            self.0.push(Cause::not_supported(&at.path, at.value, known));
        }
    }

    pub fn not_negative(&mut self, at: &At<'_>) {
        if at.number().is_some_and(|number| number < 0) {
            self.invalid(at, "must be greater than or equal to 0");
        }
    }

    /// A port's number, or its name.
    pub fn port(&mut self, at: &At<'_>) {
        match at.value {
            Value::String(_) => self.rule(at, super::names::port_name),
            value => {
                if value.as_i64().is_some_and(|port| !PORTS.contains(&port)) {
                    self.invalid(at, "must be between 1 and 65535, inclusive");
                }
            }
        }
    }
}
