//! What the server adds: probes are sent as dry runs, and the fields that come back and were not sent are written down
//! under the type that has them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::facts::Facts;
use super::server::Server;
use super::sorted;

/// Sends every probe; what only the server can know (uid, times, addresses) is taken off the answers.
pub fn ask(server: &Server, facts: &Facts, probes: &[Value]) -> Result<Vec<Value>, String> {
    let mut answered = Vec::new();
    for probe in probes {
        let sent = &probe["sent"];
        let Some(kind) = facts.kind(sent) else {
            return Err(format!("no such kind: {sent}"));
        };
        let text = |key: &str| kind[key].as_str().unwrap_or_default();
        let base = match text("group") {
            "" => format!("/api/{}", text("version")),
            group => format!("/apis/{group}/{}", text("version")),
        };
        let place = if kind["namespaced"] == true {
            "/namespaces/default"
        } else {
            ""
        };
        let path = format!("{base}{place}/{}?dryRun=All&fieldValidation=Strict", text("plural"));
        let mut answer = server.post(&path, sent)?;
        answer = without_its_uid(&answer)?;
        if let Some(meta) = answer["metadata"].as_object_mut() {
            for key in [
                "uid",
                "creationTimestamp",
                "managedFields",
                "generation",
                "namespace",
                "finalizers",
            ] {
                meta.remove(key);
            }
        }
        if let Some(status) = answer.get_mut("status").and_then(Value::as_object_mut) {
            status.remove("lastPhaseTransitionTime");
        }
        without_what_is_given_out(&mut answer);
        answered.push(json!({"sent": sent, "answered": sorted(&answer)}));
    }
    Ok(answered)
}

/// The object's uid, wherever it stands, becomes `UID`.
fn without_its_uid(answer: &Value) -> Result<Value, String> {
    let uid = answer["metadata"]["uid"].as_str().unwrap_or("none");
    let text = answer.to_string().replace(uid, "UID");
    serde_json::from_str(&text).map_err(|e| e.to_string())
}

/// Fields whose default the probes cannot tell from what they were sent: it follows from other fields.
const BY_HAND: [(&str, &str); 9] = [
    ("apiextensions.v1.CustomResourceDefinition", "status"),
    ("apiextensions.v1.CustomResourceDefinitionNames", "listKind"),
    ("apiextensions.v1.CustomResourceDefinitionNames", "singular"),
    ("autoscaling.v2.HorizontalPodAutoscalerBehavior", "scaleUp"),
    ("core.v1.ImageVolumeSource", "pullPolicy"),
    ("core.v1.LimitRangeItem", "default"),
    ("core.v1.Node", "spec"),
    ("core.v1.ReplicationControllerSpec", "selector"),
    ("core.v1.ServicePort", "targetPort"),
];

/// What admission and allocation add; they are no defaults of the type.
fn without_what_is_given_out(answer: &mut Value) {
    if answer["kind"] == "Pod"
        && let Some(spec) = answer["spec"].as_object_mut()
    {
        for key in ["preemptionPolicy", "priority"] {
            spec.remove(key);
        }
        let list = |spec: &mut Map<String, Value>, key: &str, own: &dyn Fn(&Value) -> bool| {
            if let Some(list) = spec.get_mut(key).and_then(Value::as_array_mut) {
                list.retain(|item| !own(item));
            }
            if spec.get(key) == Some(&json!([])) {
                spec.remove(key);
            }
        };
        let token = |item: &Value| {
            item["name"]
                .as_str()
                .is_some_and(|name| name.starts_with("kube-api-access-"))
        };
        list(spec, "volumes", &token);
        list(spec, "tolerations", &|item| item["tolerationSeconds"] == 300);
        for key in ["containers", "initContainers"] {
            for container in spec.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(container) = container.as_object_mut() {
                    list(container, "volumeMounts", &token);
                }
            }
        }
    }
    if answer["kind"] == "Service"
        && let Some(spec) = answer["spec"].as_object_mut()
    {
        for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            spec.remove(key);
        }
        for port in spec
            .get_mut("ports")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            port.as_object_mut().map(|port| port.remove("nodePort"));
        }
    }
}

/// Type → field → value, for fields that were added wherever they were absent. Fields that were added in some places only,
/// or with several values, come under `conditional`: the simulator has code for them.
pub fn of(facts: &Facts, probes: &[Value]) -> Map<String, Value> {
    let mut seen = Seen::default();
    for probe in probes {
        let (sent, answered) = (&probe["sent"], &probe["answered"]);
        if let Some(name) = facts.kind(sent).and_then(|kind| kind["schema"].as_str()) {
            seen.walk(facts, name, sent, answered);
        }
    }
    let mut table: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut conditional: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ((name, field), values) in &seen.added {
        let times = seen.absent.get(&(name.clone(), field.clone())).copied().unwrap_or(0);
        let all = values.len() == times && values.iter().all(|value| value == &values[0]);
        let by_hand = BY_HAND.iter().any(|(end, key)| name.ends_with(end) && field == key);
        if all && !by_hand {
            table
                .entry(name.clone())
                .or_default()
                .insert(field.clone(), values[0].clone());
        } else {
            conditional.entry(name.clone()).or_default().push(field.clone());
        }
    }
    let mut file = Map::new();
    file.insert("conditional".to_owned(), json!(conditional));
    file.extend(table.into_iter().map(|(name, fields)| (name, Value::Object(fields))));
    file
}

#[derive(Default)]
struct Seen {
    /// Values that were added to a field of a type, one for each time.
    added: BTreeMap<(String, String), Vec<Value>>,
    /// How often the field was absent in what was sent.
    absent: BTreeMap<(String, String), usize>,
}

impl Seen {
    fn walk(&mut self, facts: &Facts, name: &str, sent: &Value, answered: &Value) {
        let Some(schema) = facts.schemas.get(name) else { return };
        let (Some(sent), Some(answered)) = (sent.as_object(), answered.as_object()) else {
            return;
        };
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            match (sent.get(field).filter(|value| !value.is_null()), answered.get(field)) {
                (Some(before), Some(after)) => self.step(facts, property, before, after),
                (Some(_), None) => {}
                (None, after) => {
                    let place = (name.to_owned(), field.clone());
                    *self.absent.entry(place.clone()).or_default() += 1;
                    let root = schema["properties"].get("metadata").is_some();
                    let own = root && matches!(field.as_str(), "metadata" | "apiVersion" | "kind");
                    let from_schema = property.get("default");
                    if let Some(after) = after.filter(|after| !own && !after.is_null() && Some(*after) != from_schema) {
                        self.added.entry(place).or_default().push(after.clone());
                    }
                }
            }
        }
    }

    fn step(&mut self, facts: &Facts, schema: &Value, sent: &Value, answered: &Value) {
        if let Some(name) = reference(schema) {
            self.walk(facts, name, sent, answered);
        }
        if let (Some(items), Some(sent), Some(answered)) = (schema.get("items"), sent.as_array(), answered.as_array()) {
            for (sent, answered) in sent.iter().zip(answered) {
                self.step(facts, items, sent, answered);
            }
        }
    }
}

fn reference(schema: &Value) -> Option<&str> {
    let direct = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref"))?;
    direct.as_str()?.strip_prefix("#/components/schemas/")
}
