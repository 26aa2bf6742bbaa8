//! Findings as sentences: what was found, and what to do about it.

use anstyle::{AnsiColor, Style};
use rehelm_core::finding::{Finding, Severity};
use serde::Serialize;

use crate::facts::Facts;
use crate::words::Words;

/// A finding in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingText {
    /// What was found.
    pub text: String,
    /// What to do about it.
    pub fix: Option<String>,
}

/// A finding with its words, as `-o json` and `-o yaml` give it.
#[derive(Clone, Debug, Serialize)]
pub struct FindingOutput<'a> {
    /// Its id.
    pub id: &'a str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: &'a str,
    /// Its facts.
    pub args: &'a std::collections::BTreeMap<String, String>,
    /// Its words.
    #[serde(flatten)]
    pub words: FindingText,
    /// True when it was waived with `--accept`.
    pub accepted: bool,
}

impl Words {
    /// A finding in words. A check that passed says what it looked at, one that could not look says that; a code without
    /// a sentence shows its facts.
    pub fn finding(&self, finding: &Finding) -> FindingText {
        let facts = Facts::of_finding(finding);
        if finding.is_unlooked() {
            return FindingText {
                text: self.say("check-unlooked", &facts.text("id", spoken(&finding.code))),
                fix: None,
            };
        }
        // The sentence of a check speaks of what is wrong, unless the finding brings its own facts.
        let is_check = !finding.code.starts_with("verify-");
        let passed = (is_check && finding.severity == Severity::Ok && finding.args.keys().all(|name| name == "count"))
            .then(|| self.passed(finding, &facts));
        let text = passed.or_else(|| self.find(&finding.code, &facts)).unwrap_or_else(|| {
            let args: Vec<String> = finding
                .args
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            format!("{}: {} {}", finding.code, finding.subject, args.join(" "))
                .trim_end()
                .to_owned()
        });
        FindingText {
            text,
            fix: self.attribute(&finding.code, "fix", &facts),
        }
    }

    fn passed(&self, finding: &Finding, facts: &Facts) -> String {
        let facts = facts.clone().text("id", spoken(&finding.code));
        match finding.args.contains_key("count") {
            true => self.say("check-passed", &facts),
            false => self.say("check-passed-plain", &facts),
        }
    }

    /// Findings with their words, for programs.
    pub fn outputs<'a>(&self, findings: &'a [Finding], accepted: &[String]) -> Vec<FindingOutput<'a>> {
        findings
            .iter()
            .map(|finding| FindingOutput {
                id: &finding.code,
                severity: finding.severity,
                subject: &finding.subject,
                args: &finding.args,
                words: self.finding(finding),
                accepted: accepted.contains(&finding.code),
            })
            .collect()
    }

    /// Findings for people: the worst first, each with its id and what to do. Passed checks only when `all`.
    pub fn findings(&self, findings: &[Finding], accepted: &[String], all: bool) -> String {
        let from = if all { Severity::Ok } else { Severity::Info };
        self.findings_from(from, findings, accepted)
    }

    /// The same, from one severity on.
    pub fn findings_from(&self, from: Severity, findings: &[Finding], accepted: &[String]) -> String {
        let mut sorted: Vec<&Finding> = findings.iter().filter(|f| f.severity >= from).collect();
        sorted.sort_by(|a, b| (b.severity, &a.code, &a.subject).cmp(&(a.severity, &b.code, &b.subject)));
        let mut out = String::new();
        for finding in sorted {
            let waived = accepted.contains(&finding.code);
            let (word, style) = label(finding.severity, waived);
            let words = self.finding(finding);
            let dim = Style::new().dimmed();
            out.push_str(&format!(
                "{style}{word:<8}{style:#} {}  {dim}[{}]{dim:#}\n",
                words.text, finding.code
            ));
            if let Some(fix) = words.fix.filter(|_| finding.severity > Severity::Ok && !waived) {
                for line in fix.lines() {
                    out.push_str(&format!("         {line}\n"));
                }
            }
        }
        out
    }
}

/// A code as it is said.
fn spoken(code: &str) -> String {
    code.replace('-', " ")
}

fn label(severity: Severity, waived: bool) -> (&'static str, Style) {
    match severity {
        Severity::Error if waived => ("waived", AnsiColor::Yellow.on_default()),
        Severity::Error => ("error", AnsiColor::Red.on_default().bold()),
        Severity::Warning => ("warning", AnsiColor::Yellow.on_default().bold()),
        Severity::Info => ("info", AnsiColor::Cyan.on_default()),
        Severity::Ok => ("ok", AnsiColor::Green.on_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_without_words_shows_everything_it_knows() {
        let finding = Finding::error("no-words-yet", "Pod/a/b").arg("why", "x");
        let text = Words::new("en").finding(&finding);
        assert_eq!(text.text, "no-words-yet: Pod/a/b why=x");
        assert_eq!(text.fix, None);
    }

    #[test]
    fn a_check_that_could_not_look_does_not_say_what_it_would_have_found() {
        let text = Words::new("en").finding(&Finding::unlooked("database-source", "databases"));
        assert_eq!(text.text, "database source: not looked at");
        assert_eq!(text.fix, None);
    }

    #[test]
    fn the_worst_comes_first_and_waived_errors_say_so() {
        let mut words = Words::new("en");
        words
            .add("test", "a = A of { $subject }\n  .fix = do it\nb = B\nc = C\n")
            .expect("sound");
        let findings = [
            Finding::ok("c", "x"),
            Finding::warning("b", "x"),
            Finding::error("a", "Pod/n/p"),
        ];
        let text = anstream::adapter::strip_str(&words.findings(&findings, &[], true)).to_string();
        assert_eq!(
            text,
            "error    A of Pod/n/p  [a]\n         do it\nwarning  B  [b]\nok       c: x  [c]\n"
        );
        let text = anstream::adapter::strip_str(&words.findings(&findings, &["a".into()], false)).to_string();
        assert_eq!(text, "waived   A of Pod/n/p  [a]\nwarning  B  [b]\n");
    }
}
