//! What a chart's files say of its values: defaults, subcharts' defaults under their keys, schemas, templates.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::path::{ValuePath, ValueStep};
use crate::yaml;

/// The texts of a chart by their path in it: `Chart.yaml`, `templates/x.yaml`, `charts/sub/values.yaml`. Packed subcharts
/// are unpacked under `charts/NAME/`.
#[derive(Clone, Debug, Default)]
pub struct ChartFiles(pub BTreeMap<String, String>);

/// A chart or a subchart.
#[derive(Clone, Debug, Default)]
pub struct ChartTree {
    /// Where its values are in those of the whole chart; empty for the chart itself.
    pub at: ValuePath,
    /// Its values.yaml.
    pub values: Value,
    /// Its values.schema.json.
    pub schema: Option<Value>,
    /// Its templates and helpers: path in its own folder, text.
    pub templates: Vec<(String, String)>,
    /// Values that switch subcharts on and off.
    pub conditions: Vec<ValuePath>,
    /// Its subcharts.
    pub subcharts: Vec<ChartTree>,
}

impl ChartFiles {
    /// Reads everything that values have to do with.
    ///
    /// # Errors
    /// A file that is not what it should be, with its place.
    pub fn read(&self) -> Result<ChartTree, String> {
        self.tree("", ValuePath::default(), 0)
    }

    fn document(&self, path: &str) -> Result<Value, String> {
        let Some(text) = self.0.get(path) else {
            return Ok(Value::Null);
        };
        let document = yaml::parse_document(text, path).map_err(|e| e.to_string())?;
        Ok(document.unwrap_or_default())
    }

    fn tree(&self, folder: &str, at: ValuePath, depth: usize) -> Result<ChartTree, String> {
        let values = self.document(&format!("{folder}values.yaml"))?;
        if !(values.is_object() || values.is_null()) {
            return Err(format!("{folder}values.yaml: expected fields with values"));
        }
        let schema = self.document(&format!("{folder}values.schema.json"))?;
        let templates = format!("{folder}templates/");
        let mut tree = ChartTree {
            values: if values.is_null() {
                Value::Object(Map::new())
            } else {
                values
            },
            schema: schema.is_object().then_some(schema),
            templates: self
                .0
                .range(templates.clone()..)
                .take_while(|(path, _)| path.starts_with(&templates))
                .map(|(path, text)| (path[folder.len()..].to_owned(), text.clone()))
                .collect(),
            ..ChartTree::default()
        };
        if depth < 8 {
            self.subcharts(folder, &at, depth, &mut tree)?;
        }
        tree.at = at;
        Ok(tree)
    }

    fn subcharts(&self, folder: &str, at: &ValuePath, depth: usize, tree: &mut ChartTree) -> Result<(), String> {
        let mut dependencies = Vec::new();
        for file in ["Chart.yaml", "requirements.yaml"] {
            let document = self.document(&format!("{folder}{file}"))?;
            dependencies.extend(document["dependencies"].as_array().cloned().unwrap_or_default());
        }
        for below in self.folders(&format!("{folder}charts/")) {
            let chart = self.document(&format!("{below}Chart.yaml"))?;
            let Some(name) = chart["name"].as_str() else { continue };
            let uses: Vec<&Value> = dependencies.iter().filter(|d| d["name"] == name).collect();
            let keys: Vec<&str> = match uses[..] {
                [] => vec![name],
                _ => uses.iter().map(|d| d["alias"].as_str().unwrap_or(name)).collect(),
            };
            for key in keys {
                tree.subcharts.push(self.tree(&below, at.key(key), depth + 1)?);
            }
        }
        for dependency in &dependencies {
            let condition = dependency["condition"].as_str().unwrap_or_default();
            for path in condition.split(',').map(str::trim).filter(|path| !path.is_empty()) {
                let path = path.split('.').fold(at.clone(), |at, key| at.key(key));
                tree.conditions.push(path);
            }
        }
        Ok(())
    }

    /// Folders right below one that are charts, each with a slash at its end.
    fn folders(&self, under: &str) -> Vec<String> {
        let inside = self
            .0
            .range(under.to_owned()..)
            .take_while(|(path, _)| path.starts_with(under));
        let charts = inside.filter_map(|(path, _)| {
            let (name, file) = path[under.len()..].split_once('/')?;
            (file == "Chart.yaml").then(|| format!("{under}{name}/"))
        });
        charts.collect()
    }
}

impl ChartTree {
    /// Defaults as templates see them: subcharts' under their keys, the chart's own over them.
    pub fn defaults(&self) -> Value {
        let mut values = Value::Object(Map::new());
        for subchart in &self.subcharts {
            if let Some(key) = subchart.at.last_key() {
                merge(&mut values[key], &subchart.defaults());
            }
        }
        merge(&mut values, &self.values);
        values
    }

    /// This chart and all below it.
    pub fn all(&self) -> Vec<&ChartTree> {
        let mut all = vec![self];
        all.extend(self.subcharts.iter().flat_map(ChartTree::all));
        all
    }
}

/// Lays values over others as Helm does: maps are merged, anything else is replaced, null takes away.
pub fn merge(below: &mut Value, over: &Value) {
    match (below, over) {
        (Value::Object(below), Value::Object(over)) => {
            for (key, value) in over {
                match below.get_mut(key) {
                    Some(old) if old.is_object() && value.is_object() => merge(old, value),
                    _ => {
                        below.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (below, over) => *below = over.clone(),
    }
}

/// Every leaf: texts, numbers, booleans, nulls, empty maps and lists, in the order of the file.
pub fn leaves(values: &Value) -> Vec<(ValuePath, Value)> {
    let mut found = Vec::new();
    walk(values, &ValuePath::default(), &mut found, &mut Vec::new());
    found
}

/// Every map and list that has content, itself left out, in the order of the file.
pub fn branches(values: &Value) -> Vec<(ValuePath, Value)> {
    let mut found = Vec::new();
    walk(values, &ValuePath::default(), &mut Vec::new(), &mut found);
    found.retain(|(path, _)| !path.0.is_empty());
    found
}

type Found = Vec<(ValuePath, Value)>;

fn walk(value: &Value, at: &ValuePath, leaves: &mut Found, branches: &mut Found) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            branches.push((at.clone(), value.clone()));
            for (key, value) in map {
                walk(value, &at.key(key), leaves, branches);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            branches.push((at.clone(), value.clone()));
            for (index, value) in items.iter().enumerate() {
                walk(value, &at.step(ValueStep::Index(index)), leaves, branches);
            }
        }
        // The whole of an empty file is no leaf.
        _ if at.0.is_empty() => {}
        leaf => leaves.push((at.clone(), leaf.clone())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn subcharts_are_below_their_keys() {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let files = ChartFiles(BTreeMap::from([
            file(
                "Chart.yaml",
                "name: c\ndependencies: [{name: db, alias: store, condition: store.enabled}, {name: db, alias: cache}]\n",
            ),
            file("values.yaml", "store: {size: 2}\nlist: [{a: 1}, {}]\n"),
            file("templates/a.yaml", "x"),
            file("charts/db-1/Chart.yaml", "name: db\n"),
            file("charts/db-1/values.yaml", "size: 1\nuser: {name: root}\n"),
            file("charts/db-1/templates/b.yaml", "y"),
        ]));
        let tree = files.read().unwrap();
        let sub = json!({"size": 1, "user": {"name": "root"}});
        assert_eq!(tree.defaults()["cache"], sub);
        assert_eq!(tree.defaults()["store"], json!({"size": 2, "user": {"name": "root"}}));
        assert_eq!(tree.conditions, [ValuePath::keys(["store", "enabled"])]);
        let templates: Vec<_> = tree
            .all()
            .iter()
            .map(|t| (t.at.to_string(), t.templates[0].0.clone()))
            .collect();
        assert_eq!(templates[2], ("cache".to_owned(), "templates/b.yaml".to_owned()));
        let paths: Vec<String> = leaves(&tree.values).iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, ["store.size", "list[0].a", "list[1]"]);
        assert_eq!(branches(&tree.values).len(), 3);
    }
}
