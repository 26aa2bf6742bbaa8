//! A process that dies after its N-th record, for many N: the next one goes on, and the end is the same.

use crate::hall::Hall;

#[test]
fn whenever_it_is_killed_the_end_is_the_same() {
    let Some(hall) = Hall::open() else { return };
    let whole = hall.rehearse(&["--example", "-o", "json"]).code(0).json();
    let records = whole["records"].as_u64().expect("a number");
    // All of them is the nightly's business; these hit every phase, intents and outcomes alike.
    for n in (1..records).step_by(11) {
        let said = hall.rehearse(&["--example", "-o", "json", "--crash-after", &n.to_string()]);
        let said = said.code(0).says(&[&format!("Killed after record {n} ")]);
        assert_eq!(said.json()["end"], whole["end"], "killed after record {n}");
    }
}
