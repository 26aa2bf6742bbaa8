//! The documents that `helm template` prints, as objects.

use std::collections::BTreeMap;

use rehelm_core::finding::Finding;
use rehelm_core::object::Object;
use rehelm_core::ports::{Cluster, PortError, PortResult, Rendered};
use rehelm_core::yaml;

use super::definitions::{self, Definition};

const SOURCE: &str = "# Source: ";

/// Splits by Helm's `# Source:` lines, reads each file's documents, and completes namespaces as the cluster would.
pub(crate) async fn read(
    cluster: &dyn Cluster,
    printed: &str,
    chart: &str,
    namespace: &str,
    crds: Vec<Object>,
) -> PortResult<Rendered> {
    let (mut objects, mut notes) = (Vec::new(), Vec::new());
    for (source, text) in sections(printed) {
        let (found, odd) = yaml::parse_objects(&text, source)
            .map_err(|e| PortError::Invalid(chart.to_owned(), format!("its render is no YAML: {e}")))?;
        objects.extend(found);
        notes.extend(odd);
    }
    // A chart may also define kinds in its templates.
    let own = definitions::of(crds.iter().chain(&objects));
    let objects = place(cluster, objects, namespace, &own).await?;
    Ok(Rendered { objects, crds, notes })
}

/// Fills in the namespace of namespaced objects that have none and drops that of the others, as an API server does.
pub(crate) async fn place(
    cluster: &dyn Cluster,
    mut objects: Vec<Object>,
    namespace: &str,
    own: &[Definition],
) -> PortResult<Vec<Object>> {
    let mut known: BTreeMap<(String, String), bool> = BTreeMap::new();
    for object in &mut objects {
        let kind = (object.api_version().to_owned(), object.kind().to_owned());
        let namespaced = match known.get(&kind) {
            Some(namespaced) => *namespaced,
            None => {
                let namespaced = match cluster.kind(&kind.0, &kind.1).await {
                    Ok(served) => served.namespaced,
                    Err(PortError::NotFound(_)) => {
                        let reference = object.reference();
                        let defined = own
                            .iter()
                            .find(|d| d.group == reference.group() && d.kind == reference.kind);
                        defined.is_none_or(|d| d.namespaced)
                    }
                    Err(e) => return Err(e),
                };
                known.insert(kind, namespaced);
                namespaced
            }
        };
        if !namespaced {
            object.metadata_mut().remove("namespace");
        } else if object.namespace().is_none() {
            object.set_namespace(namespace);
        }
    }
    Ok(objects)
}

/// A finding for Helm before 3.13, whose templates cannot look things up when rendered only.
pub(crate) fn blind(version: &str) -> Finding {
    Finding::warning("helm-render-without-lookup", "helm").arg("version", version)
}

/// A finding for a chart that refuses the cluster's version and was rendered as if it had another.
pub(crate) fn posed(version: &str, other: &str) -> Finding {
    Finding::info("chart-rendered-for", other).arg("version", version)
}

/// Parts of the output by the template that they come from.
pub(super) fn sections(printed: &str) -> Vec<(&str, String)> {
    let mut sections: Vec<(&str, String)> = Vec::new();
    let mut after_separator = true;
    for line in printed.lines() {
        match line.strip_prefix(SOURCE).filter(|_| after_separator) {
            Some(source) => sections.push((source.trim(), String::new())),
            None => {
                if sections.is_empty() {
                    sections.push(("", String::new()));
                }
                if let Some((_, text)) = sections.last_mut() {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
        after_separator = line.trim_end() == "---";
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_told_apart_by_their_template() {
        let printed = "---\n# Source: c/crds/a.yaml\nkind: A\n---\nkind: B\n---\n# Source: c/templates/x.yaml\n# Source: no\nkind: X\n";
        let found = sections(printed);
        let names: Vec<&str> = found.iter().map(|(source, _)| *source).collect();
        assert_eq!(names, ["", "c/crds/a.yaml", "c/templates/x.yaml"]);
        assert_eq!(found[1].1, "kind: A\n---\nkind: B\n---\n");
        assert_eq!(found[2].1, "# Source: no\nkind: X\n");
    }
}
