//! Which values templates speak of, found by reading them: `.Values.a.b`, `index .Values "a"`, scopes of `with` and `range`,
//! variables, and helpers that get parts of the values through `include`.
//!
//! This is a hint only: what a value does is learned by rendering. A reference that is missed or made up costs a render.

use std::collections::{BTreeMap, BTreeSet};

use super::chart::ChartTree;
use super::path::{ValuePath, ValueStep};

mod walk;
mod words;

/// How templates use a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// It is part of a condition or of a comparison.
    pub decides: bool,
    /// It is written as YAML or ranged over, so that a map or a list is expected.
    pub structured: bool,
    /// Texts that stand in the same comparison.
    pub literals: Vec<String>,
    /// Templates that use it, by themselves or through helpers, as Helm names them without the chart's own name in front.
    pub templates: BTreeSet<String>,
}

/// Every value that templates of a chart and its subcharts speak of.
pub fn scan(chart: &ChartTree) -> BTreeMap<ValuePath, Usage> {
    let mut found = BTreeMap::new();
    // Helpers are shared by all charts of a release.
    let all = chart.all();
    let texts = all
        .iter()
        .flat_map(|tree| tree.templates.iter().map(|(_, text)| text.as_str()));
    let defines = words::defines(texts);
    for tree in all {
        for (name, text) in &tree.templates {
            if name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".tpl") || name.ends_with(".json") {
                walk::template(text, &tree.at, &defines, &source(tree, name), &mut found);
            }
        }
    }
    // What switches a subchart decides on every template in it.
    for tree in chart.all() {
        for (condition, subchart) in tree
            .conditions
            .iter()
            .flat_map(|c| tree.subcharts.iter().map(move |s| (c, s)))
        {
            if subchart.at.is_above(condition) {
                let usage: &mut Usage = found.entry(condition.clone()).or_default();
                usage.decides = true;
                let inside = subchart.all();
                let names = inside
                    .iter()
                    .flat_map(|tree| tree.templates.iter().map(|(name, _)| source(tree, name)));
                usage.templates.extend(names);
            }
        }
    }
    found
}

/// What Helm calls a template, without the chart's own name in front.
fn source(tree: &ChartTree, name: &str) -> String {
    let charts = tree.at.0.iter().map(|step| match step {
        ValueStep::Key(key) => format!("charts/{key}/"),
        ValueStep::Index(_) => String::new(),
    });
    charts.chain([name.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_that_use_a_value_are_known_through_helpers() {
        let text = |name: &str, text: &str| (format!("templates/{name}"), text.to_owned());
        let sub = ChartTree {
            at: "db".parse().unwrap(),
            templates: vec![text("set.yaml", "{{ .Values.size }}")],
            ..ChartTree::default()
        };
        let chart = ChartTree {
            templates: vec![
                text("_helpers.tpl", r#"{{- define "name" }}{{ .Values.name }}{{ end }}"#),
                text("a.yaml", r#"{{ include "name" . }}"#),
            ],
            conditions: vec!["db.enabled".parse().unwrap()],
            subcharts: vec![sub],
            ..ChartTree::default()
        };
        let found = scan(&chart);
        let of = |path: &str| found[&path.parse::<ValuePath>().unwrap()].templates.clone();
        assert!(of("name").contains("templates/a.yaml"));
        assert!(of("db.size").contains("charts/db/templates/set.yaml"));
        assert!(of("db.enabled").contains("charts/db/templates/set.yaml"));
    }

    fn scanned(at: &str, texts: &[&str]) -> BTreeMap<String, Usage> {
        let chart = ChartTree {
            at: at.parse().unwrap(),
            templates: texts
                .iter()
                .map(|text| ("templates/x.yaml".to_owned(), (*text).to_owned()))
                .collect(),
            ..ChartTree::default()
        };
        scan(&chart)
            .into_iter()
            .map(|(path, usage)| (path.to_string(), usage))
            .collect()
    }

    #[test]
    fn references_are_found_in_every_way_of_writing_them() {
        let text = r#"{{ .Values.a.b }} {{- $.Values.c | quote -}} {{ index .Values "d" "e-f" }} {{/* .Values.comment */}}
{{ with .Values.g }}{{ .h }}{{ $.Values.i }}{{ end }}{{ $v := .Values.j }}{{ $v.k }}
{{ range $name, $x := .Values.l }}{{ .m }}{{ end }}{{ if eq .Values.n "yes" }}{{ end }}{{ toYaml .Values.o | nindent 2 }}"#;
        let found = scanned("", &[text]);
        let paths: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(paths, ["a.b", "c", "d.e-f", "g", "g.h", "i", "j", "j.k", "l", "n", "o"]);
        assert!(found["n"].decides && found["n"].literals == ["yes"]);
        assert!(found["o"].structured && found["l"].structured && !found["c"].structured);
    }

    #[test]
    fn helpers_get_parts_of_values() {
        let helpers = r#"{{- define "pod" }}{{ .svc.resources }}{{ .root.Values.x }}{{ end }}{{ define "own" }}{{ .Values.y }}{{ .z }}{{ end }}"#;
        let user = r#"{{ include "pod" (dict "svc" .Values.api "root" $) }}{{ include "own" . }}{{ template "own" .Values.q }}"#;
        let found = scanned("", &[helpers, user]);
        for path in ["api", "api.resources", "x", "y", "q.z"] {
            assert!(found.contains_key(path), "{path} in {found:?}");
        }
    }

    #[test]
    fn subcharts_speak_of_their_own_and_of_global_values() {
        let found = scanned("db", &["{{ .Values.size }}{{ .Values.global.zone }}"]);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["db.size", "global.zone"]);
    }
}
