//! The report of `rehelm values derive`, for people: what was derived, what is left and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rehelm_core::object::ObjRef;
use rehelm_core::values::FieldPath;
use rehelm_core::values::proof::{Class, Residual, Why};
use rehelm_core::values::report::{ClassCount, Report};
use rehelm_core::values::setting::setting;
use rehelm_core::values::sides::Totals;
use rehelm_core::values::warnings::show;
use serde::Serialize;

use crate::facts::Facts;
use crate::words::Words;

/// Differences that are listed one by one for a class and reason.
const LISTED: usize = 400;

/// The words of a class.
pub fn class(words: &Words, class: Class) -> String {
    words.say(&format!("values-class-{}", id(class)), &Facts::new())
}

/// The words of a reason.
pub fn why(words: &Words, why: Why) -> String {
    words.say(&format!("values-why-{}", id(why)), &Facts::new())
}

fn id(value: impl Serialize) -> String {
    let id = serde_json::to_value(value).unwrap_or_default();
    id.as_str().unwrap_or_default().to_owned()
}

/// Share in words: `94.6 % (2114 of 2235)`.
pub fn share(totals: &Totals) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts of fields")]
    let percent = if totals.fields == 0 {
        100.0
    } else {
        totals.equal as f64 * 100.0 / totals.fields as f64
    };
    format!(
        "{:.1} % ({} of {})",
        (percent * 10.0).floor() / 10.0,
        totals.equal,
        totals.fields
    )
}

/// ` (64 settings)` behind a number of leaves, when that is another number.
fn settings(count: &ClassCount) -> String {
    match count.settings {
        same if same == count.count => String::new(),
        1 => " (1 setting)".to_owned(),
        n => format!(" ({n} settings)"),
    }
}

/// A few lines for the terminal.
pub fn summary(words: &Words, report: &Report) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", report.chart);
    let _ = writeln!(
        out,
        "  fields as today, by the chart itself      {}",
        share(&report.before)
    );
    let _ = writeln!(
        out,
        "  fields as today, with the derived values  {}",
        share(&report.after)
    );
    if let Some(carried) = &report.with_post_renderer {
        let _ = writeln!(out, "  fields as today, post-rendered            {}", share(carried));
    }
    let missing = report.after.only_today;
    let _ = writeln!(
        out,
        "  objects: {} on both sides ({} equal), {missing} only today, {} only in the chart",
        report.after.objects, report.after.equal_objects, report.after.only_chart
    );
    let _ = writeln!(
        out,
        "  values: {} derived, {} conflicts",
        report.values.len(),
        report.conflicts.len()
    );
    if !report.classes.is_empty() {
        let _ = writeln!(out, "What differs still:");
        for count in &report.classes {
            let _ = writeln!(
                out,
                "  {:>5}  {}: {}{}",
                count.count,
                class(words, count.class),
                why(words, count.why),
                settings(count)
            );
        }
    }
    out
}

/// Totals of a comparison, for the terminal.
pub fn counts(words: &Words, report: &Report) -> String {
    let mut out = format!("Fields as today: {}\n", share(&report.after));
    for count in &report.classes {
        let _ = writeln!(
            out,
            "{:>5}  {}: {}{}",
            count.count,
            class(words, count.class),
            why(words, count.why),
            settings(count)
        );
    }
    out
}

/// Every difference, object by object, as lines.
pub fn differences(words: &Words, residuals: &[Residual]) -> String {
    let mut out = String::new();
    let mut last: Option<&ObjRef> = None;
    for residual in residuals {
        if last != Some(&residual.object) {
            let _ = writeln!(out, "{}/{}", residual.object.kind, residual.object.name);
            last = Some(&residual.object);
        }
        let _ = writeln!(out, "  {}", line(words, residual));
    }
    out
}

fn line(words: &Words, residual: &Residual) -> String {
    let reason = format!("{}: {}", class(words, residual.class), why(words, residual.why));
    if residual.field.0.is_empty() {
        return format!("(the whole object)  [{reason}]");
    }
    let value = residual
        .value
        .as_ref()
        .map(|path| format!(", {path}"))
        .unwrap_or_default();
    let today = show(&residual.field, residual.today.as_ref());
    let chart = show(&residual.field, residual.chart.as_ref());
    format!(
        "{}: {} → {}  [{reason}{value}]",
        residual.field,
        one_line(&today),
        one_line(&chart)
    )
}

fn one_line(text: &str) -> String {
    text.replace('\n', "⏎")
}

/// The whole report as Markdown.
pub fn markdown(words: &Words, report: &Report) -> String {
    let mut out = format!("# Values for {}\n\n", report.chart);
    out.push_str("| today's fields that the release has as well | share |\n|---|---|\n");
    let _ = writeln!(out, "| the chart by itself | {} |", share(&report.before));
    let _ = writeln!(out, "| with the derived values | {} |", share(&report.after));
    if let Some(carried) = &report.with_post_renderer {
        let _ = writeln!(out, "| with the post-renderer over it | {} |", share(carried));
    }
    let _ = writeln!(
        out,
        "\n{} objects on both sides, {} of them equal; {} only today, {} only in the chart.",
        report.after.objects, report.after.equal_objects, report.after.only_today, report.after.only_chart
    );
    findings(words, report, &mut out);
    values(report, &mut out);
    conflicts(report, &mut out);
    left(words, report, &mut out);
    new_objects(report, &mut out);
    out
}

fn findings(words: &Words, report: &Report, out: &mut String) {
    if report.findings.is_empty() {
        return;
    }
    out.push_str("\n## To know before the migration\n\n");
    for finding in &report.findings {
        let text = words.finding(finding);
        let severity = id(finding.severity);
        let _ = writeln!(
            out,
            "- **{severity}** {}{}",
            cell(&text.text),
            text.fix.map(|fix| format!(" *{}*", cell(&fix))).unwrap_or_default()
        );
    }
}

fn values(report: &Report, out: &mut String) {
    out.push_str("\n## Derived values\n\n");
    if report.values.is_empty() {
        out.push_str("None: the chart's own values keep everything that values can keep.\n");
        return;
    }
    out.push_str("| value | content | chart's | because of |\n|---|---|---|---|\n");
    for value in &report.values {
        let show = |content: &serde_json::Value| {
            if value.secret {
                "(hidden)".to_owned()
            } else {
                short(&content.to_string())
            }
        };
        let by = value
            .because
            .first()
            .map(|w| format!("{}/{} {}", w.object.kind, w.object.name, w.field))
            .unwrap_or_default();
        let more = match value.because.len().saturating_sub(1) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let _ = writeln!(
            out,
            "| `{}` | `{}` | `{}` | {}{more} |",
            value.path,
            cell(&show(&value.content)),
            cell(&show(&value.default)),
            cell(&by)
        );
    }
}

fn conflicts(report: &Report, out: &mut String) {
    if report.conflicts.is_empty() {
        return;
    }
    out.push_str("\n## Conflicts: one value, several wishes\n\n");
    for conflict in &report.conflicts {
        let _ = writeln!(out, "- `{}`", conflict.path);
        for (content, by) in &conflict.wishes {
            let who: Vec<String> = by
                .iter()
                .take(5)
                .map(|w| format!("{}/{} {}", w.object.kind, w.object.name, w.field))
                .collect();
            let _ = writeln!(
                out,
                "  - `{}`: {}",
                cell(&short(&content.to_string())),
                cell(&who.join(", "))
            );
        }
    }
}

fn left(words: &Words, report: &Report, out: &mut String) {
    out.push_str("\n## What differs still\n\n");
    if report.residuals.is_empty() {
        out.push_str("Nothing.\n");
        return;
    }
    out.push_str("| class | reason | differences | settings | carried by the post-renderer |\n|---|---|---|---|---|\n");
    let mut groups: BTreeMap<(Class, Why), Vec<(usize, &Residual)>> = BTreeMap::new();
    for (at, residual) in report.residuals.iter().enumerate() {
        groups
            .entry((residual.class, residual.why))
            .or_default()
            .push((at, residual));
    }
    for ((of, reason), group) in &groups {
        let carried = group.iter().filter(|(at, _)| report.carried.contains(at)).count();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {carried} |",
            class(words, *of),
            why(words, *reason),
            group.len(),
            settings_of(group)
        );
    }
    for ((of, reason), group) in groups.iter().rev() {
        let _ = writeln!(out, "\n### {}: {}\n", class(words, *of), why(words, *reason));
        for (at, residual) in group.iter().take(LISTED) {
            let carried = if report.carried.contains(at) { " (carried)" } else { "" };
            let _ = writeln!(
                out,
                "- {}/{} `{}`: `{}` → `{}`{carried}",
                residual.object.kind,
                residual.object.name,
                cell(&residual.field.to_string()),
                cell(&show(&residual.field, residual.today.as_ref())),
                cell(&show(&residual.field, residual.chart.as_ref()))
            );
        }
        if group.len() > LISTED {
            let _ = writeln!(out, "- and {} more: see `-o json`", group.len() - LISTED);
        }
    }
}

/// Settings that differences belong to.
fn settings_of(group: &[(usize, &Residual)]) -> usize {
    let all: BTreeSet<(&ObjRef, FieldPath)> = group.iter().map(|(_, r)| (&r.object, setting(&r.field))).collect();
    all.len()
}

fn new_objects(report: &Report, out: &mut String) {
    if report.new_objects.is_empty() {
        return;
    }
    out.push_str("\n## Objects that the chart adds\n\n");
    for new in &report.new_objects {
        let hook = if new.hook { " (hook)" } else { "" };
        let switches: Vec<String> = new.switches.iter().map(|path| format!("`{path}`")).collect();
        let by = if switches.is_empty() {
            String::new()
        } else {
            format!(", switched by {}", switches.join(", "))
        };
        let _ = writeln!(out, "- {}/{}{hook}{by}", new.object.kind, new.object.name);
    }
}

fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|").replace('`', "'")
}

fn short(text: &str) -> String {
    if text.chars().count() > 100 {
        format!("{}…", text.chars().take(99).collect::<String>())
    } else {
        text.to_owned()
    }
}
