//! From what a render shows to what a value does.

use serde_json::Value;

use super::super::field::FieldPath;
use super::super::map::{How, Reach};
use super::super::path::ValuePath;
use super::super::pattern::{Hole, Pattern};
use super::super::text::{Coding, Part};
use super::normal::encoded_runs;
use super::probes::{Kind, Probe, Subject};
use super::scene::{Decided, Observation, Sighting};
use super::sentinel::{MarkId, Marks};

/// Everything that was tried.
pub(crate) struct Judge<'a> {
    pub subjects: &'a [Subject],
    pub probes: &'a [Probe],
    pub marks: &'a Marks,
    /// The probe of each mark.
    pub owners: &'a [usize],
}

impl Judge<'_> {
    /// What a sentinel in a field says about its value. For maps and lists once for each place, by the first entry.
    pub fn sighting(&self, seen: &Observation, sighting: &Sighting) -> Option<(usize, Reach)> {
        let probe = &self.probes[*self.owners.get(sighting.mark)?];
        let reach = |field: &FieldPath, how: How| {
            let reach = Reach {
                object: sighting.object.clone(),
                field: field.clone(),
                how,
                hook: sighting.hook,
                given: Vec::new(),
            };
            Some((probe.subject, reach))
        };
        let raw = seen.raw_at(&sighting.object, &sighting.field);
        if probe.kind == Kind::Shape {
            if probe.marks.first() != Some(&sighting.mark) {
                return None;
            }
            let (field, how) = self.shape(probe, seen, sighting);
            return reach(&field, how);
        }
        if sighting.in_key {
            return reach(&sighting.field, How::Alters);
        }
        let how = match raw {
            Some(raw) if *raw == probe.value => How::Whole,
            Some(Value::Number(_)) => How::Whole,
            Some(Value::String(text)) => self
                .parts(text, Some(sighting.mark))
                .map_or(How::Alters, |parts| How::Text { parts }),
            _ => How::Alters,
        };
        // Where a name is made of it, the name is the thing.
        let renames = sighting.field == FieldPath::keys(["metadata", "name"]);
        reach(
            &sighting.field,
            match how {
                How::Text { parts } if renames => How::Renames { parts },
                How::Whole if renames => How::Renames {
                    parts: vec![value_part(&self.subjects[probe.subject].path, Coding::Plain)],
                },
                how => how,
            },
        )
    }

    /// The parts of a text; None when the value in question is not in it as a whole.
    fn parts(&self, text: &str, wanted: Option<MarkId>) -> Option<Vec<Part>> {
        let mut parts = Vec::new();
        let mut from = 0;
        let mut sights = self.marks.in_text(text).into_iter().peekable();
        while let Some(sight) = sights.next() {
            let probe = &self.probes[self.owners[sight.mark]];
            let next = sights.peek().map_or(text.len(), |next| next.from);
            let (before, piece, after) = (
                &text[from..sight.from],
                &text[sight.from..sight.to],
                &text[sight.to..next],
            );
            let found = match &probe.kind {
                Kind::Marked {
                    before: open,
                    after: close,
                } => before
                    .strip_suffix(open.as_str())
                    .filter(|_| after.starts_with(close.as_str()))
                    .map(|before| (before, sight.to + close.len())),
                _ => None,
            };
            let Some((before, to)) = found else {
                if wanted == Some(sight.mark) {
                    return None;
                }
                self.literal(before, &mut parts);
                let plain = &self.marks.restore[sight.mark];
                self.literal(plain.as_str().unwrap_or_default(), &mut parts);
                from = sight.to;
                continue;
            };
            let path = &self.subjects[probe.subject].path;
            // Quotes around a part of a text belong to the writing; around all of it they do, too.
            let quoted = before.ends_with('"') && text[to..].starts_with('"');
            let coding = if quoted { Coding::Quoted } else { coding(piece) };
            self.literal(if quoted { &before[..before.len() - 1] } else { before }, &mut parts);
            parts.push(value_part(path, coding));
            from = to + usize::from(quoted);
        }
        self.literal(text.get(from..)?, &mut parts);
        Some(parts)
    }

    /// A literal, with the base64 in it opened where values are inside.
    fn literal(&self, text: &str, parts: &mut Vec<Part>) {
        let mut push = |text: &str| match parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Literal(before)) => before.push_str(text),
            _ => parts.push(Part::Literal(text.to_owned())),
        };
        let mut from = 0;
        let mut coded = Vec::new();
        for (start, end, decoded) in encoded_runs(text) {
            let inner = self.parts(&decoded, None).unwrap_or_default();
            if inner.iter().any(|part| !matches!(part, Part::Literal(_))) {
                coded.push((start, end, inner));
            }
        }
        if coded.is_empty() {
            return push(text);
        }
        for (start, end, inner) in coded {
            match parts.last_mut() {
                Some(Part::Literal(before)) => before.push_str(&text[from..start]),
                _ if start > from => parts.push(Part::Literal(text[from..start].to_owned())),
                _ => {}
            }
            parts.push(Part::Base64(inner));
            from = end;
        }
        if from < text.len() {
            parts.push(Part::Literal(text[from..].to_owned()));
        }
    }

    /// What becomes of a map or a list, at the place of its first entry.
    fn shape(&self, probe: &Probe, seen: &Observation, sighting: &Sighting) -> (FieldPath, How) {
        // The container is the nearest place above the first entry that the second one is below, too.
        let second = probe.marks.get(if probe.marks.len() > 2 { 2 } else { 1 });
        let others: Vec<&FieldPath> = seen
            .sightings
            .iter()
            .filter(|other| Some(&other.mark) == second && other.object == sighting.object)
            .map(|other| &other.field)
            .collect();
        let mut field = sighting.field.clone();
        while !others.iter().any(|other| field.is_above(other)) {
            match field.parent() {
                Some(parent) => field = parent,
                None => return (sighting.field.clone(), How::Alters),
            }
        }
        let Some(container) = seen.raw_at(&sighting.object, &field) else {
            return (field, How::Alters);
        };
        if *container == probe.value {
            return (field, How::Whole);
        }
        let path_is_whole = |default: &Value| match (default, container, &probe.value) {
            (Value::Object(default), Value::Object(container), Value::Object(added)) => {
                container.len() == default.len() + added.len()
                    && container
                        .iter()
                        .all(|(key, value)| default.get(key).or_else(|| added.get(key)) == Some(value))
            }
            _ => false,
        };
        if path_is_whole(&self.subjects[probe.subject].default) {
            return (field, How::Whole);
        }
        let how = match container {
            Value::Object(map) => self.entry(probe, map),
            Value::Array(items) => self.item(probe, items),
            Value::String(text) => self.joined(probe, text),
            _ => None,
        };
        (field, how.unwrap_or(How::Alters))
    }

    fn entry(&self, probe: &Probe, map: &serde_json::Map<String, Value>) -> Option<How> {
        // The second entry has a number: whether it is still one shows how contents are written.
        let index = if probe.value.is_object() { 1 } else { 0 };
        let written = |n: usize| {
            map.iter().find(|(key, value)| {
                let holes = self.holes(key, probe, n);
                holes
                    .iter()
                    .any(|hole| *hole != Hole::Literal(String::new()) && !matches!(hole, Hole::Literal(_)))
                    || self.mentions(value, probe, n)
            })
        };
        let (key, value) = written(index)?;
        let item = self.pattern(value, probe, index)?;
        Some(How::Each {
            key: Some(self.holes(key, probe, index)),
            item,
        })
    }

    fn item(&self, probe: &Probe, items: &[Value]) -> Option<How> {
        let index = if probe.value.is_object() { 1 } else { 0 };
        let item = items.iter().find(|item| self.mentions(item, probe, index))?;
        Some(How::Each {
            key: None,
            item: self.pattern(item, probe, index)?,
        })
    }

    fn joined(&self, probe: &Probe, text: &str) -> Option<How> {
        let sights = self.marks.in_text(text);
        let of = |mark: MarkId| sights.iter().find(|sight| sight.mark == mark);
        let (first, second) = match probe.marks[..] {
            [a, b] => (of(a)?, of(b)?),
            _ => return None,
        };
        Some(How::Joined {
            item: vec![Hole::Content],
            by: text.get(first.to..second.from)?.to_owned(),
        })
    }

    /// Key mark, content mark and whole content of an entry or item of a shape.
    fn pieces<'p>(&self, probe: &'p Probe, n: usize) -> (Option<MarkId>, Option<MarkId>, Option<&'p Value>) {
        match &probe.value {
            Value::Object(map) => (
                probe.marks.get(n * 2).copied(),
                probe.marks.get(n * 2 + 1).copied(),
                map.values().nth(n),
            ),
            Value::Array(items) => {
                let content = if probe.marks.len() == 2 {
                    probe.marks.get(n).copied()
                } else {
                    None
                };
                let added = items.iter().find(|item| self.mentions_any(item, probe.marks[0]));
                (None, content, added)
            }
            _ => (None, None, None),
        }
    }

    fn mentions_any(&self, value: &Value, mark: MarkId) -> bool {
        self.marks
            .in_text(&value.to_string())
            .iter()
            .any(|sight| sight.mark == mark)
    }

    fn mentions(&self, value: &Value, probe: &Probe, n: usize) -> bool {
        let (key, content, _) = self.pieces(probe, n);
        let wanted = key.or(content).or(probe.marks.first().copied());
        wanted.is_some_and(|mark| self.mentions_any(value, mark))
    }

    fn pattern(&self, made: &Value, probe: &Probe, n: usize) -> Option<Pattern> {
        let (key, content, whole) = self.pieces(probe, n);
        if whole == Some(made) {
            return Some(Pattern::Content);
        }
        match made {
            Value::String(text) => {
                let holes = self.holes(text, probe, n);
                let all_literal = holes.iter().all(|hole| matches!(hole, Hole::Literal(_)));
                Some(match &holes[..] {
                    [Hole::Key] => Pattern::Key,
                    _ if all_literal => Pattern::Fixed(made.clone()),
                    _ => Pattern::Text(holes),
                })
            }
            Value::Object(map) => {
                let fields: Option<Vec<_>> = map
                    .iter()
                    .map(|(name, value)| Some((name.clone(), self.pattern(value, probe, n)?)))
                    .collect();
                let fields = fields?;
                // An item of which only parts are taken is no pattern that could be read back.
                let complete = key.is_some() || content.is_some();
                complete.then_some(Pattern::Map(fields))
            }
            Value::Array(_) if self.mentions(made, probe, n) => None,
            other => Some(Pattern::Fixed(other.clone())),
        }
    }

    fn holes(&self, text: &str, probe: &Probe, n: usize) -> Vec<Hole> {
        let (key, content, _) = self.pieces(probe, n);
        let mut holes = Vec::new();
        let mut from = 0;
        for sight in self.marks.in_text(text) {
            let hole = if Some(sight.mark) == key {
                Hole::Key
            } else if Some(sight.mark) == content {
                Hole::Content
            } else {
                continue;
            };
            if sight.from > from {
                holes.push(Hole::Literal(text[from..sight.from].to_owned()));
            }
            holes.push(hole);
            from = sight.to;
        }
        if from < text.len() || holes.is_empty() {
            holes.push(Hole::Literal(text[from..].to_owned()));
        }
        holes
    }

    /// What a change without a sentinel says about the value whose probe made it.
    pub fn decided(&self, probe: &Probe, decided: &Decided) -> Reach {
        let default = &self.subjects[probe.subject].default;
        let how = match (&decided.before, &decided.after) {
            (None, _) if probe.kind != Kind::Other => How::Absence { when: default.clone() },
            (None, _) => How::Presence {
                when: probe.value.clone(),
            },
            (_, None) => How::Presence { when: default.clone() },
            _ if probe.kind != Kind::Other => How::Alters,
            (Some(before), Some(after)) => {
                flipped(&self.subjects[probe.subject].path, default, &probe.value, before, after)
            }
        };
        Reach {
            object: decided.place.object.clone(),
            field: decided.place.field.clone(),
            how,
            hook: decided.hook,
            given: Vec::new(),
        }
    }
}

fn value_part(path: &ValuePath, coding: Coding) -> Part {
    Part::Value {
        path: path.clone(),
        coding,
    }
}

fn coding(piece: &str) -> Coding {
    let letters = || piece.chars().filter(|c| c.is_alphabetic());
    match (
        letters().next().is_some_and(char::is_uppercase),
        letters().any(char::is_lowercase),
    ) {
        (true, true) => Coding::Title,
        (true, false) => Coding::Upper,
        _ => Coding::Plain,
    }
}

/// A field that went from one content to another as the value did.
fn flipped(path: &ValuePath, default: &Value, content: &Value, before: &Value, after: &Value) -> How {
    if before == default && after == content {
        return How::Whole;
    }
    let words = |value: &Value| Coding::Plain.write(value);
    if let (Value::String(old), Value::String(new), Some(a), Some(b)) = (before, after, words(default), words(content))
        && !a.is_empty()
    {
        for (at, _) in old.match_indices(&a) {
            let (head, tail) = (&old[..at], &old[at + a.len()..]);
            if *new == format!("{head}{b}{tail}") {
                let mut parts = vec![
                    Part::Literal(head.to_owned()),
                    value_part(path, Coding::Plain),
                    Part::Literal(tail.to_owned()),
                ];
                parts.retain(|part| *part != Part::Literal(String::new()));
                return How::Text { parts };
            }
        }
    }
    How::Choice {
        cases: vec![
            (default.clone(), Some(before.clone())),
            (content.clone(), Some(after.clone())),
        ],
    }
}
