//! Every check has a sentence for when it passed and when it did not, and says what to do.

use rehelm_core::checks::CODES;
use rehelm_core::finding::{Finding, Severity};
use rehelm_report::words::Words;

#[test]
fn every_check_has_words_and_a_fix() {
    let words = Words::new("en");
    for (topic, code) in CODES {
        let passed = words.finding(&Finding::ok(*code, "SUBJECT").arg("count", 2).arg("severity", "ok"));
        assert!(
            !passed.text.starts_with(&format!("{code}:")),
            "{topic}/{code} has no sentence"
        );
        assert!(
            !passed.text.contains("{$"),
            "{code}, passed, wants facts: {}",
            passed.text
        );
        let failed = words.finding(&Finding::new(*code, Severity::Error, "SUBJECT"));
        assert_ne!(
            passed.text, failed.text,
            "{code} says the same whether it passed or not"
        );
        assert!(failed.fix.is_some(), "{code} does not say what to do");
    }
}
