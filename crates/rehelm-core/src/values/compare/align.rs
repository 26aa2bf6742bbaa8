//! Which item of one list is which item of the other.

use serde_json::Value;

use crate::server;
use crate::values::field::{FieldStep, item_steps};

/// Lists in which the order of plain words says something.
const ORDERED: [&str; 2] = ["args", "command"];
/// Lists with one item are the same item whatever its name.
const SOLE: [&str; 1] = ["containers"];

/// An item's step, today's item and the chart's.
pub(super) type Pair<'a> = (FieldStep, Option<&'a Value>, Option<&'a Value>);

/// Items of two lists, brought together.
pub(super) fn aligned<'a>(field: &str, today: &'a [Value], chart: &'a [Value]) -> Vec<Pair<'a>> {
    let (today_steps, chart_steps) = (item_steps(field, today), item_steps(field, chart));
    let mut partner: Vec<Option<usize>> = vec![None; today.len()];
    let mut taken = vec![false; chart.len()];
    let mut join = |partner: &mut Vec<Option<usize>>, test: &dyn Fn(usize, usize) -> bool| {
        for (a, found) in partner.iter_mut().enumerate().filter(|(_, found)| found.is_none()) {
            if let Some(b) = (0..chart.len()).find(|b| !taken[*b] && test(a, *b)) {
                *found = Some(b);
                taken[b] = true;
            }
        }
    };
    let identified = |step: &FieldStep| !matches!(step, FieldStep::Index(_));
    let ordered = ORDERED.contains(&field);
    let (ours, theirs) = (tied(ordered, today), tied(ordered, chart));
    // A flag with a word behind it is one thing with it: equal ones first, then those of the same flag.
    for equal in [true, false] {
        join(&mut partner, &|a, b| {
            ours[a] && theirs[b] && today[a] == chart[b] && (!equal || today.get(a + 1) == chart.get(b + 1))
        });
    }
    let words: Vec<Option<usize>> = (0..today.len())
        .map(|a| partner[a.checked_sub(1).filter(|flag| ours[*flag])?].map(|flag| flag + 1))
        .collect();
    join(&mut partner, &|a, b| words[a] == Some(b));
    join(&mut partner, &|a, b| {
        !ours[a] && !theirs[b] && identified(&today_steps[a]) && today_steps[a] == chart_steps[b]
    });
    for key in server::merge_keys(field).iter().map(String::as_str).chain(["name"]) {
        join(&mut partner, &|a, b| {
            today[a].get(key).is_some() && today[a].get(key) == chart[b].get(key)
        });
    }
    if !ordered {
        join(&mut partner, &|a, b| today[a] == chart[b]);
    }
    if SOLE.contains(&field) && today.len() == 1 && chart.len() == 1 {
        join(&mut partner, &|_, _| true);
    }
    // Rules about the same resources are the same rule; the others are none's counterpart.
    let about =
        |rule: &Value| ["apiGroups", "resources", "resourceNames", "nonResourceURLs"].map(|key| rule.get(key).cloned());
    let is_rule = |rule: &Value| rule.get("verbs").is_some();
    join(&mut partner, &|a, b| {
        is_rule(&today[a]) && about(&today[a]) == about(&chart[b])
    });
    // What nothing identifies goes by its order; so does a flag that has a word behind it on one side only.
    let loose = |own: &[bool], steps: &[FieldStep], at: usize, other: &[bool], others: &[Value], item: &Value| {
        own[at] || !identified(&steps[at]) || others.iter().zip(other).any(|(o, tied)| *tied && o == item)
    };
    join(&mut partner, &|a, b| {
        if is_rule(&today[a]) || is_rule(&chart[b]) {
            return false;
        }
        loose(&ours, &today_steps, a, &theirs, chart, &today[a])
            && loose(&theirs, &chart_steps, b, &ours, today, &chart[b])
    });
    let mut next = chart.len();
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    for (a, item) in today.iter().enumerate() {
        let (step, other) = match partner[a] {
            // A flag in the place of another word is that place.
            Some(b)
                if matches!(chart_steps[b], FieldStep::Flag(_))
                    && today_steps[a] != chart_steps[b]
                    && item != &chart[b] =>
            {
                (FieldStep::Index(b), Some(&chart[b]))
            }
            Some(b) => (chart_steps[b].clone(), Some(&chart[b])),
            None if identified(&today_steps[a]) => (today_steps[a].clone(), None),
            None => {
                next += 1;
                (FieldStep::Index(next - 1), None)
            }
        };
        pairs.push((step, Some(item), other));
    }
    for (b, item) in chart.iter().enumerate().filter(|(b, _)| !partner.contains(&Some(*b))) {
        pairs.push((chart_steps[b].clone(), None, Some(item)));
    }
    pairs
}

/// For each item of a list of arguments whether it is a flag whose content may be the word behind it: `--level 3`, not `--level=3`.
fn tied(ordered: bool, items: &[Value]) -> Vec<bool> {
    let is_flag = |item: &Value| {
        item.as_str()
            .is_some_and(|text| text.len() > 1 && text.starts_with('-'))
    };
    let bare = |item: &Value| {
        is_flag(item)
            && item
                .as_str()
                .is_some_and(|text| !text.contains(['=', ' ']) && text != "--")
    };
    let word = |item: Option<&Value>| item.is_some_and(|item| !is_flag(item));
    let tied = items
        .iter()
        .enumerate()
        .map(|(at, item)| ordered && bare(item) && word(items.get(at + 1)));
    tied.collect()
}
