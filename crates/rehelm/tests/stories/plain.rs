//! What differs from run to run, made plain: times, names that are drawn, folders, versions of programs.

use std::collections::HashMap;

use regex::{Captures, Regex};

/// Makes texts of one story comparable.
pub struct Plain {
    rules: Vec<(Regex, &'static str)>,
    uid: Regex,
    uids: HashMap<String, usize>,
    folders: Vec<(String, &'static str)>,
}

fn rule(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a regular expression")
}

impl Plain {
    /// `folders` are paths and what stands for them, the longest first.
    pub fn new(folders: Vec<(String, &'static str)>) -> Self {
        let rules = [
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
            (r"\d{8}T\d{6}-\d+", "RUN"),
            (r"\b[\w.-]+-[0-9a-f]{8}/\d+/\d+\b", "MACHINE/PROCESS"),
            (r"[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \d{4}", "TIME"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} UTC", "TIME"),
            (r"\b\d\d:\d\d:\d\d\b", "TIME"),
            (r"sha256:[0-9a-f]{8,64}", "sha256:…"),
            (r"\b[0-9a-f]{64}\b", "HASH"),
            (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
            (r"\b10\.\d+\.\d+\.\d+\b", "10.x"),
            (r"\b198\.18\.\d+\.\d+\b", "198.18.x"),
            (
                r"\b([a-z][a-z0-9-]*?)-[0-9a-z]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b",
                "${1}-HASH-POD",
            ),
            (r"\ba[0-9a-f]{31}\.", "aHEX."),
            // Times that were measured; estimates have a range or the word `about` before them.
            (
                r"\b\d+m\d+(\.\d+)?s\b|\b\d+ min \d+ s\b|\b\d+(\.\d+)?(ms|s|m|h| ms| s)\b",
                "T",
            ),
            (r"(?m)[ \t]+$", ""),
            // A column is as wide as its widest time, and Go leaves zeros at a time's end away.
            (r" +\t", "\t"),
        ];
        Self {
            rules: rules.into_iter().map(|(pattern, by)| (rule(pattern), by)).collect(),
            uid: rule(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
            uids: HashMap::new(),
            folders,
        }
    }

    /// The text with everything that differs taken out.
    pub fn text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (path, name) in &self.folders {
            text = text.replace(path.as_str(), name);
        }
        let uids = &mut self.uids;
        let named = self.uid.replace_all(&text, |found: &Captures<'_>| {
            let next = uids.len() + 1;
            format!("uid-{}", uids.entry(found[0].to_owned()).or_insert(next))
        });
        // The sign of life of a step that takes a while: whether there is one hangs on the machine.
        let lasting = named.lines().filter(|line| !line.starts_with("… "));
        let mut text: String = lasting.flat_map(|line| [line, "\n"]).collect();
        for (pattern, by) in &self.rules {
            text = pattern.replace_all(&text, *by).into_owned();
        }
        text
    }
}
