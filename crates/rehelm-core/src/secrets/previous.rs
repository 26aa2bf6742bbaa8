//! Recognises what an earlier conversion wrote, so that it may be replaced without asking.

use super::{SecretRules, file_stem};
use crate::object::Object;
use crate::yaml;

/// True when a file of an output folder can only come from a conversion: it has the name of a result, and its
/// secret carries the marks of its class. A backup of the old install has the same names, but not the marks.
pub fn is_previous_output(file: &str, text: &str, rules: &SecretRules) -> bool {
    let stem = file_stem(file);
    let Some(rule) = rules
        .rules()
        .find(|rule| [rule.new_file_stem(), rule.file_stem()].contains(&stem))
    else {
        return false;
    };
    let Ok(Some(value)) = yaml::parse_document(text, file) else {
        return false;
    };
    let object = Object(value);
    let class = rule.class;
    let marked = |key: &str, expected: &str| object.annotation(key) == Some(expected);
    let has_marks = class.helm_owned || !class.set_annotations.is_empty();
    object.kind() == "Secret"
        && has_marks
        && class.set_annotations.iter().all(|(key, value)| marked(key, value))
        && (!class.helm_owned || object.annotation("meta.helm.sh/release-name").is_some())
}
