//! Single rules: what they allow, and whether some rules cover others.

use serde_json::{Value, json};

use super::Question;

/// Texts of a list in a rule.
pub(super) fn texts<'a>(rule: &'a Value, key: &str) -> Vec<&'a str> {
    let list = rule.get(key).and_then(Value::as_array);
    list.map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

fn names(rule: &Value, key: &str, wanted: &str) -> bool {
    texts(rule, key).iter().any(|text| *text == "*" || *text == wanted)
}

/// True when the rule allows what is asked.
pub(super) fn allows(rule: &Value, question: &Question<'_>) -> bool {
    if !names(rule, "verbs", question.verb) {
        return false;
    }
    if !question.path.is_empty() {
        return texts(rule, "nonResourceURLs")
            .iter()
            .any(|url| covers_url(url, question.path));
    }
    let named = texts(rule, "resourceNames");
    names(rule, "apiGroups", question.group)
        && texts(rule, "resources")
            .iter()
            .any(|known| covers_resource(known, question.resource))
        && (named.is_empty() || named.contains(&question.name))
}

/// `*` is everything, `*/scale` that subresource of everything.
fn covers_resource(known: &str, wanted: &str) -> bool {
    let of_all = |sub: &str| wanted.split_once('/').is_some_and(|(_, wanted)| wanted == sub);
    known == "*" || known == wanted || known.strip_prefix("*/").is_some_and(of_all)
}

fn covers_url(known: &str, wanted: &str) -> bool {
    known == wanted || known.strip_suffix('*').is_some_and(|start| wanted.starts_with(start))
}

/// A rule taken apart into rules of one verb, one group, one resource, one name each.
fn single(rule: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    let named = texts(rule, "resourceNames");
    for verb in texts(rule, "verbs") {
        for url in texts(rule, "nonResourceURLs") {
            all.push(json!({"nonResourceURLs": [url], "verbs": [verb]}));
        }
    }
    for group in texts(rule, "apiGroups") {
        for resource in texts(rule, "resources") {
            for verb in texts(rule, "verbs") {
                let one = json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]});
                if named.is_empty() {
                    all.push(one);
                    continue;
                }
                for name in &named {
                    let mut one = one.clone();
                    one["resourceNames"] = json!([name]);
                    all.push(one);
                }
            }
        }
    }
    all
}

/// True when `held` covers a rule that was taken apart.
fn covers(held: &Value, one: &Value) -> bool {
    let each = |key: &str| texts(one, key);
    let has_all = |key: &str| each(key).iter().all(|wanted| names(held, key, wanted));
    if !has_all("verbs") {
        return false;
    }
    if !each("nonResourceURLs").is_empty() {
        let known = texts(held, "nonResourceURLs");
        return each("nonResourceURLs")
            .iter()
            .all(|url| known.iter().any(|known| covers_url(known, url)));
    }
    let known = texts(held, "resources");
    let resources = each("resources");
    let names = texts(held, "resourceNames");
    let wanted = each("resourceNames");
    has_all("apiGroups")
        && resources
            .iter()
            .all(|wanted| known.iter().any(|known| covers_resource(known, wanted)))
        && (names.is_empty() || (!wanted.is_empty() && wanted.iter().all(|name| names.contains(name))))
}

/// What of `wanted` nobody has who holds `held`, compact.
pub(super) fn missing(held: &[&Value], wanted: &[Value]) -> Vec<Value> {
    let mut missing: Vec<Value> = Vec::new();
    for one in wanted.iter().flat_map(single) {
        if held.iter().any(|held| covers(held, &one)) {
            continue;
        }
        let same = |other: &&mut Value| {
            let keys = ["apiGroups", "resources", "resourceNames"];
            one.get("nonResourceURLs").is_none() && keys.iter().all(|key| other.get(key) == one.get(key))
        };
        match missing.iter_mut().find(same) {
            Some(other) => {
                if let (Some(verbs), Some(more)) = (other["verbs"].as_array_mut(), one["verbs"].as_array()) {
                    verbs.extend(more.iter().cloned());
                }
            }
            None => missing.push(one),
        }
    }
    missing
}

/// A rule in one line, as refusals write it.
pub(super) fn compact(rule: &Value) -> String {
    let keys = [
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("NonResourceURLs", "nonResourceURLs"),
        ("ResourceNames", "resourceNames"),
        ("Verbs", "verbs"),
    ];
    let parts = keys.iter().filter_map(|(shown, key)| {
        let texts = texts(rule, key);
        (!texts.is_empty()).then(|| format!("{shown}:{}", quoted(&texts)))
    });
    format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
}

/// `["a" "b"]`.
pub(super) fn quoted(texts: &[&str]) -> String {
    let each: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", each.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask<'a>(verb: &'a str, group: &'a str, resource: &'a str, name: &'a str) -> Question<'a> {
        Question {
            verb,
            group,
            resource,
            name,
            ..Question::default()
        }
    }

    #[test]
    fn rules_allow_what_they_name() {
        let rule = json!({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments", "*/scale"]});
        assert!(allows(&rule, &ask("get", "apps", "deployments", "x")));
        assert!(allows(&rule, &ask("get", "apps", "statefulsets/scale", "x")));
        assert!(!allows(&rule, &ask("get", "apps", "deployments/status", "x")));
        assert!(!allows(&rule, &ask("list", "apps", "deployments", "")));
        assert!(!allows(&rule, &ask("get", "", "deployments", "")));
        let named = json!({"verbs": ["*"], "apiGroups": [""], "resources": ["*"], "resourceNames": ["a"]});
        assert!(allows(&named, &ask("get", "", "pods/log", "a")));
        assert!(!allows(&named, &ask("list", "", "pods", "")), "a list has no name");
        let url = json!({"verbs": ["get"], "nonResourceURLs": ["/api/*"]});
        let path = |path| Question {
            verb: "get",
            path,
            ..Question::default()
        };
        assert!(allows(&url, &path("/api/v1")));
        assert!(!allows(&url, &path("/metrics")));
    }

    #[test]
    fn what_is_missing_is_said_in_one_line() {
        let held = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]});
        let wanted = [json!({"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["pods"]})];
        let missing = missing(&[&held], &wanted);
        let lines: Vec<String> = missing.iter().map(compact).collect();
        assert_eq!(
            lines,
            [r#"{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}"#]
        );
    }
}
