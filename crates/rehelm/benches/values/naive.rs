//! The naive ways: what a person does who tries values by hand.

use std::collections::BTreeMap;
use std::time::Instant;

use rehelm_clients::helm::offline::OfflineHelm;
use rehelm_core::values::chart::{leaves, merge};
use rehelm_core::values::path::{ValuePath, ValueStep};
use rehelm_core::values::render::{Rendered, Renderer as _};
use serde_json::{Value, json};

use super::Figures;

/// One render for each leaf, one after the other: located is what changed anything at all.
pub async fn one_each(helm: &OfflineHelm) -> Figures {
    let begun = Instant::now();
    let (values, all) = own(helm);
    let base = Base::of(helm, &json!({})).await.expect("renders");
    let mut figures = Figures {
        located: 0,
        of: all.len(),
        renders: 2,
        time: begun.elapsed(),
    };
    for (n, (path, default)) in all.iter().enumerate() {
        let made = helm.render(&changed(&values, [(path, other(n, default))]), 0).await;
        figures.renders += 1;
        figures.located += usize::from(made.is_ok_and(|made| base.differs(&made)));
    }
    figures.time = begun.elapsed();
    figures
}

/// Every text and number at once with everything switched on, then whatever was not seen alone.
pub async fn batch_then_alone(helm: &OfflineHelm) -> Figures {
    let begun = Instant::now();
    let (values, all) = own(helm);
    let switches = all
        .iter()
        .filter(|(path, default)| *default == json!(false) && path.last_key() == Some("enabled"));
    let on: Vec<(&ValuePath, Value)> = switches.map(|(path, _)| (path, json!(true))).collect();
    let base = match Base::of(helm, &changed(&values, on.clone())).await {
        Some(base) => base,
        None => Base::of(helm, &json!({})).await.expect("renders"),
    };
    let texts = all
        .iter()
        .enumerate()
        .filter(|(_, (_, default))| default.is_string() || default.is_number());
    let mut sentinels: Vec<(usize, &ValuePath, Value)> =
        texts.map(|(n, (path, default))| (n, path, other(n, default))).collect();
    let mut renders = 2;
    let mut seen = vec![false; all.len()];
    // Whom Helm's words blame is left out, as by hand.
    for _ in 0..20 {
        let batch = sentinels.iter().map(|(_, path, value)| (*path, value.clone()));
        renders += 1;
        match helm.render(&changed(&values, on.iter().cloned().chain(batch)), 0).await {
            Ok(made) => {
                let text = text_of(&made);
                for (n, _, value) in &sentinels {
                    seen[*n] = text.contains(value.to_string().trim_matches('"'));
                }
                break;
            }
            Err(refused) => sentinels.retain(|(_, path, _)| !refused.to_string().contains(&end(path))),
        }
    }
    for (n, (path, default)) in all.iter().enumerate().filter(|(n, _)| !seen[*n]).collect::<Vec<_>>() {
        let alone = changed(
            &values,
            on.iter()
                .filter(|(p, _)| *p != path)
                .cloned()
                .chain([(path, other(n, default))]),
        );
        seen[n] = helm.render(&alone, 0).await.is_ok_and(|made| base.differs(&made));
        renders += 1;
    }
    Figures {
        located: seen.iter().filter(|seen| **seen).count(),
        of: all.len(),
        renders,
        time: begun.elapsed(),
    }
}

/// All values as they are, and the leaves of the chart's own values.yaml with what they are now.
fn own(helm: &OfflineHelm) -> (Value, Vec<(ValuePath, Value)>) {
    let tree = helm.files().read().expect("a chart");
    let mut values = tree.defaults();
    merge(&mut values, helm.values());
    let leaves = leaves(&tree.values).into_iter().map(|(path, _)| path);
    let all = leaves.map(|path| (path.clone(), path.get(&values).cloned().unwrap_or_default()));
    let all = all.collect();
    (values, all)
}

/// The last two keys of a path, by which words may name it.
fn end(path: &ValuePath) -> String {
    let path = path.to_string();
    let keys: Vec<&str> = path.split('.').collect();
    keys[keys.len().saturating_sub(2)..].join(".")
}

/// Another content of the same kind.
fn other(n: usize, default: &Value) -> Value {
    match default {
        Value::Bool(on) => json!(!on),
        Value::Number(_) => json!(21_000 + n),
        Value::Object(_) => json!({ format!("zzkey{n:04}"): format!("zztext{n:04}") }),
        Value::Array(_) => json!([{ "name": format!("zzkey{n:04}"), "value": format!("zztext{n:04}") }]),
        Value::Null | Value::String(_) => json!(format!("zztext{n:04}")),
    }
}

/// Values that change these; Helm takes a list only as a whole.
fn changed<'a>(values: &Value, changes: impl IntoIterator<Item = (&'a ValuePath, Value)>) -> Value {
    let mut over = json!({});
    for (path, value) in changes {
        let list = path.0.iter().position(|step| matches!(step, ValueStep::Index(_)));
        if let Some(list) = list.map(|depth| ValuePath(path.0[..depth].to_vec()))
            && list.get(&over).is_none()
        {
            list.set(&mut over, list.get(values).cloned().unwrap_or_default());
        }
        path.set(&mut over, value);
    }
    over
}

/// A render with what of it is random, so that only what a value changes is counted.
struct Base(BTreeMap<String, Value>);

impl Base {
    async fn of(helm: &OfflineHelm, values: &Value) -> Option<Self> {
        let first = flat(&helm.render(values, 0).await.ok()?);
        let again = flat(&helm.render(values, 1).await.ok()?);
        let stable = first.into_iter().map(|(place, content)| {
            let content = if again.get(&place) == Some(&content) {
                content
            } else {
                Value::Null
            };
            (place, content)
        });
        Some(Self(stable.collect()))
    }

    fn differs(&self, made: &[Rendered]) -> bool {
        let made = flat(made);
        let random = |place: &String| self.0.get(place) == Some(&Value::Null);
        let gone = self.0.keys().any(|place| !made.contains_key(place));
        gone || made
            .iter()
            .any(|(place, content)| !random(place) && self.0.get(place) != Some(content))
    }
}

/// Every leaf of every object, by object and place.
fn flat(made: &[Rendered]) -> BTreeMap<String, Value> {
    let mut flat = BTreeMap::new();
    for one in made {
        let object = one.object.reference().to_string();
        for (path, content) in leaves(&one.object.0) {
            // A null in a render is a content, too.
            let content = if content.is_null() { json!("(null)") } else { content };
            flat.insert(format!("{object} {path}"), content);
        }
    }
    flat
}

fn text_of(made: &[Rendered]) -> String {
    made.iter().map(|one| one.object.0.to_string()).collect()
}
