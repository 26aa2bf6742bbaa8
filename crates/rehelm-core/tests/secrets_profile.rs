//! The built-in profiles' secret rules are sound, whatever product they are for.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rehelm_core::secrets::SecretRules;
use rehelm_core::yaml;

#[test]
fn every_secret_has_one_place_and_every_group_is_declared() {
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles");
    let mut seen = 0;
    for entry in fs::read_dir(profiles).unwrap() {
        let Ok(text) = fs::read_to_string(entry.unwrap().path().join("secrets.yaml")) else {
            continue;
        };
        seen += 1;
        let rules: SecretRules = yaml::from_str(&text, "secrets.yaml").unwrap();
        let (mut names, mut sources, mut results, mut used) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for rule in rules.rules() {
            assert!(names.insert(rule.name), "{} is listed twice", rule.name);
            assert!(sources.insert(rule.file_stem()), "{} is read twice", rule.file_stem());
            assert!(
                results.insert(rule.new_file_stem()),
                "{} is written twice",
                rule.new_file_stem()
            );
            assert!(
                !rules.not_carried.contains_key(rule.name),
                "{} is carried and not",
                rule.name
            );
            used.extend(rule.entry.group.as_deref());
        }
        let declared: BTreeSet<&str> = rules.groups.keys().map(String::as_str).collect();
        assert_eq!(used, declared);
    }
    assert!(seen > 0, "no profile has secrets");
}
