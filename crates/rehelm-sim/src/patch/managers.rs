//! The entries of `metadata.managedFields`, read and written.

use serde_json::{Map, Value};

use super::fieldset::FieldSet;

/// Update entries that an object has at most; older ones are joined.
const MOST_UPDATERS: usize = 10;

/// Whom the entries that are joined belong to.
const ANCIENT: &str = "ancient-changes";

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manager {
    pub name: String,
    /// By server-side apply; false for all other writes.
    pub applied: bool,
    pub api_version: String,
    /// Empty for the object itself.
    pub subresource: String,
    pub time: Option<String>,
    pub set: FieldSet,
}

impl Manager {
    /// Two entries are of the same manager: appliers keep their entry across versions.
    pub fn is(&self, other: &Self) -> bool {
        self.name == other.name
            && self.applied == other.applied
            && self.subresource == other.subresource
            && (self.applied || self.api_version == other.api_version)
    }

    /// As conflicts name it.
    pub fn text(&self) -> String {
        let mut text = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            text = format!("{text} with subresource {:?}", self.subresource);
        }
        if !self.applied {
            text = format!("{text} using {}", self.api_version);
        }
        text
    }

    /// What conflicts are sorted by: the entry's identity as the server writes it.
    pub fn identity(&self) -> String {
        let mut map = Map::new();
        map.insert("manager".to_owned(), self.name.as_str().into());
        map.insert("operation".to_owned(), self.operation().into());
        if !self.applied {
            map.insert("apiVersion".to_owned(), self.api_version.as_str().into());
        }
        if !self.subresource.is_empty() {
            map.insert("subresource".to_owned(), self.subresource.as_str().into());
        }
        Value::Object(map).to_string()
    }

    fn operation(&self) -> &'static str {
        if self.applied { "Apply" } else { "Update" }
    }

    fn order(&self) -> (&str, &str, &str, &str, &str) {
        let time = self.time.as_deref().unwrap_or_default();
        (self.operation(), time, &self.name, &self.api_version, &self.subresource)
    }
}

/// Reads `metadata.managedFields`; None when an entry is malformed.
pub(crate) fn read(value: Option<&Value>) -> Option<Vec<Manager>> {
    let entries = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    entries.iter().map(read_one).collect()
}

fn read_one(entry: &Value) -> Option<Manager> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let applied = match text("operation").as_str() {
        "Apply" => true,
        "Update" => false,
        _ => return None,
    };
    if text("apiVersion").is_empty() || text("fieldsType") != "FieldsV1" {
        return None;
    }
    let set = match entry.get("fieldsV1") {
        Some(fields) if !fields.is_null() => FieldSet::from_json(fields)?,
        _ => FieldSet::default(),
    };
    Some(Manager {
        name: text("manager"),
        applied,
        api_version: text("apiVersion"),
        subresource: text("subresource"),
        time: Some(text("time")).filter(|time| !time.is_empty()),
        set,
    })
}

/// Writes `metadata.managedFields`; None when nobody manages anything.
pub(crate) fn write(mut managers: Vec<Manager>) -> Option<Value> {
    if managers.is_empty() {
        return None;
    }
    managers.sort_by(|a, b| a.order().cmp(&b.order()));
    let entries = managers.into_iter().map(|manager| {
        let mut entry = Map::new();
        let operation = manager.operation();
        entry.insert("manager".to_owned(), manager.name.into());
        entry.insert("operation".to_owned(), operation.into());
        entry.insert("apiVersion".to_owned(), manager.api_version.into());
        if let Some(time) = manager.time {
            entry.insert("time".to_owned(), time.into());
        }
        entry.insert("fieldsType".to_owned(), "FieldsV1".into());
        entry.insert("fieldsV1".to_owned(), manager.set.to_json());
        if !manager.subresource.is_empty() {
            entry.insert("subresource".to_owned(), manager.subresource.into());
        }
        Value::Object(entry)
    });
    Some(Value::Array(entries.collect()))
}

/// Joins the oldest entries of updates of each version until there are no more than ten.
pub(crate) fn cap(managers: &mut Vec<Manager>) {
    let mut left = managers.iter().filter(|m| !m.applied).count();
    if left <= MOST_UPDATERS {
        return;
    }
    let mut updaters: Vec<Manager> = managers.iter().filter(|m| !m.applied).cloned().collect();
    updaters.sort_by(|a, b| (&a.time, a.identity()).cmp(&(&b.time, b.identity())));
    let mut firsts: Vec<Manager> = Vec::new();
    for old in updaters {
        if left <= MOST_UPDATERS {
            break;
        }
        let Some(first) = firsts.iter().find(|first| first.api_version == old.api_version) else {
            firsts.push(old);
            continue;
        };
        let bucket = Manager {
            name: ANCIENT.to_owned(),
            subresource: String::new(),
            ..old.clone()
        };
        if !managers.iter().any(|m| m.is(&bucket))
            && let Some(first) = managers.iter_mut().find(|m| m.is(first))
        {
            first.name = ANCIENT.to_owned();
            first.subresource = String::new();
        }
        managers.retain(|m| !m.is(&old) || m.is(&bucket));
        if let Some(into) = managers.iter_mut().find(|m| m.is(&bucket)) {
            into.set.union(old.set);
            into.time = old.time;
        }
        left -= 1;
    }
}
