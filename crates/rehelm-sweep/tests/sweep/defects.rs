//! Broken tools are found out.

use rehelm_sweep::defect;
use rehelm_sweep::invariants::RULES;
use rehelm_sweep::sweep::alone;

use crate::course;

#[test]
fn every_seeded_defect_is_caught() {
    let (Some(there), Some(back)) = (course("example"), course("example-back")) else {
        return;
    };
    let mut missed = Vec::new();
    let mut by_invariants = 0;
    let mut caught = String::new();
    for seeded in defect::ALL {
        let course = if seeded.scenario == "example" { &there } else { &back };
        let (by, outcome) = alone(defect::caught(course, seeded));
        match by {
            Some(by) => {
                eprintln!("{:<26} {by}", seeded.name);
                by_invariants += usize::from(by.starts_with("invariant"));
                caught.push_str(&format!("{by}; "));
            }
            None => missed.push(format!(
                "{} ({} times): {}",
                seeded.name,
                outcome.acted,
                outcome.history.join("\n")
            )),
        }
    }
    assert!(missed.is_empty(), "not caught:\n{}", missed.join("\n"));
    assert!(by_invariants >= 10, "{by_invariants}");
    // A rule that catches no broken tool is not shown to be able to fail.
    let idle: Vec<&str> = RULES
        .iter()
        .map(|(rule, _)| *rule)
        .filter(|rule| !caught.contains(&format!("invariant {rule}; ")))
        .collect();
    assert!(idle.is_empty(), "rules that caught nothing: {idle:?}\n{caught}");
}
