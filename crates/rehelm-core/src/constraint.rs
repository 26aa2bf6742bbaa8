//! Version constraints as Helm's charts write them (`>=v1.19.0-0,<v1.24.0-0`), read and applied as Helm does.
//!
//! Cargo's `VersionReq` neither reads the leading `v` nor lets `1.34.2-eks-1` be below `1.35.0-0`. Differences that
//! matter: a version with a pre-release only matches where the constraint names one, too (every comparison for itself
//! before Helm 3.19, any of an AND group since then); a partial version (`1`, `1.2`, `1.x`, `*`) stands for a range;
//! build metadata never counts.
//!
//! Source: documentation of Masterminds/semver v3, whose behaviour was compared at 3.3 and 3.4.

use semver::{BuildMetadata, Prerelease, Version};

/// Why a text is no constraint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version constraint")]
pub struct ConstraintError(String);

/// A constraint: any of its groups must match, all comparisons of that group.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    groups: Vec<Vec<Comparison>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    Tilde,
    Caret,
}

/// The first part of a version that was left open.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Open {
    Nothing,
    Major,
    Minor,
    Patch,
}

#[derive(Clone, Debug, PartialEq)]
struct Comparison {
    operator: Operator,
    version: Version,
    open: Open,
}

/// A version as Kubernetes, Helm and charts write it: a leading `v` is dropped, missing parts are 0.
pub fn version(text: &str) -> Option<Version> {
    partial(text.trim()).map(|(version, _)| version)
}

impl Constraint {
    /// Reads a constraint.
    ///
    /// # Errors
    /// When it is none; the error shows the text.
    pub fn parse(text: &str) -> Result<Self, ConstraintError> {
        let groups: Option<Vec<_>> = text.split("||").map(group).collect();
        groups
            .map(|groups| Self { groups })
            .ok_or_else(|| ConstraintError(text.to_owned()))
    }

    /// True when the version satisfies it, by the rule of Helm 3.19 and newer: where one comparison of a group names a
    /// pre-release, all of that group admit them.
    pub fn matches(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            let pre = group.iter().any(|c| !c.version.pre.is_empty());
            group.iter().all(|c| c.matches(version, pre))
        })
    }

    /// True when the version satisfies it, by the rule of Helm before 3.19: every comparison must name a pre-release
    /// itself to admit one.
    pub fn matches_strictly(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            group
                .iter()
                .all(|c| c.admits_any() || c.matches(version, !c.version.pre.is_empty()))
                && group
                    .iter()
                    .all(|c| !c.admits_any() || version.cmp_precedence(&c.version).is_ne())
        })
    }
}

/// The nearest minor version of the same major that satisfies a constraint by either rule: an older one before a newer
/// one. None when there is none, or when one of the texts cannot be read.
pub fn nearest(range: &str, to: &str) -> Option<String> {
    /// Minor versions that are tried above the given one.
    const ABOVE: u64 = 100;
    let (range, to) = (Constraint::parse(range).ok()?, version(to)?);
    (0..=to.minor)
        .rev()
        .chain(to.minor + 1..to.minor + ABOVE)
        .map(|minor| Version::new(to.major, minor, 0))
        .find(|version| range.matches(version) && range.matches_strictly(version))
        .map(|version| format!("v{version}"))
}

impl Comparison {
    /// `!=` of a whole version does not look at pre-releases (before Helm 3.19).
    fn admits_any(&self) -> bool {
        self.operator == Operator::NotEqual && self.open == Open::Nothing
    }

    fn matches(&self, version: &Version, pre: bool) -> bool {
        if !version.pre.is_empty() && !pre {
            return false;
        }
        let order = version.cmp_precedence(&self.version);
        match self.operator {
            Operator::Equal if self.open == Open::Nothing => order.is_eq(),
            Operator::Equal | Operator::Tilde => order.is_ge() && self.in_tilde(version),
            Operator::NotEqual => match self.open {
                Open::Nothing => order.is_ne(),
                Open::Major => version.major != 0 || version.minor != 0 || version.patch != 0,
                _ => !self.same_open(version),
            },
            Operator::Greater => match self.open {
                Open::Minor => version.major > self.version.major,
                Open::Patch => (version.major, version.minor) > (self.version.major, self.version.minor),
                _ => order.is_gt(),
            },
            Operator::GreaterEqual => order.is_ge(),
            Operator::Less => order.is_lt(),
            Operator::LessEqual => match self.open {
                Open::Nothing => order.is_le(),
                Open::Minor => version.major <= self.version.major,
                _ => (version.major, version.minor) <= (self.version.major, self.version.minor),
            },
            Operator::Caret => order.is_ge() && self.in_caret(version),
        }
    }

    /// Equal in every part that was given.
    fn same_open(&self, version: &Version) -> bool {
        match self.open {
            Open::Major => true,
            Open::Minor => version.major == self.version.major,
            Open::Patch | Open::Nothing => (version.major, version.minor) == (self.version.major, self.version.minor),
        }
    }

    fn in_tilde(&self, version: &Version) -> bool {
        let base = &self.version;
        let zero = (base.major, base.minor, base.patch) == (0, 0, 0);
        // `~0.0.0` means anything, as `*` does.
        (zero && matches!(self.open, Open::Nothing | Open::Major)) || self.same_open(version)
    }

    fn in_caret(&self, version: &Version) -> bool {
        let base = &self.version;
        match self.open {
            Open::Major if base.pre.is_empty() => true,
            Open::Minor => version.major == base.major,
            _ if base.major > 0 => version.major == base.major,
            _ if version.major > 0 => false,
            _ if base.minor > 0 || self.open == Open::Patch => version.minor == base.minor,
            _ => version.minor == 0 && version.patch == base.patch,
        }
    }
}

/// Comparisons that are joined by white space or commas.
fn group(text: &str) -> Option<Vec<Comparison>> {
    let mut found: Vec<Comparison> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let after_range = rest.strip_prefix('-').filter(|r| r.starts_with(char::is_whitespace));
        if let Some(after) = after_range {
            // `1.2 - 3.4` is `>=1.2 <=3.4`.
            let first = found.last_mut().filter(|c| c.operator == Operator::Equal)?;
            first.operator = Operator::GreaterEqual;
            let (mut last, left) = comparison(after.trim_start())?;
            (last.operator == Operator::Equal).then_some(())?;
            last.operator = Operator::LessEqual;
            found.push(last);
            rest = left;
        } else {
            let (next, left) = comparison(rest)?;
            found.push(next);
            rest = left;
        }
        let trimmed = rest.trim_start();
        match trimmed.strip_prefix(',') {
            Some("") => return None,
            Some(after) => rest = after.trim_start(),
            // Two comparisons must be apart.
            None if !trimmed.is_empty() && trimmed.len() == rest.len() => return None,
            None => rest = trimmed,
        }
    }
    (!found.is_empty()).then_some(found)
}

fn comparison(text: &str) -> Option<(Comparison, &str)> {
    let end = text
        .find(|c: char| !matches!(c, '=' | '!' | '<' | '>' | '~' | '^'))
        .unwrap_or(text.len());
    let operator = match &text[..end] {
        "" | "=" => Operator::Equal,
        "!=" => Operator::NotEqual,
        ">" => Operator::Greater,
        ">=" | "=>" => Operator::GreaterEqual,
        "<" => Operator::Less,
        "<=" | "=<" => Operator::LessEqual,
        "~" | "~>" => Operator::Tilde,
        "^" => Operator::Caret,
        _ => return None,
    };
    let text = text[end..].trim_start();
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '*' | '+' | '-')))
        .unwrap_or(text.len());
    let (version, open) = partial(&text[..end])?;
    let comparison = Comparison {
        operator,
        version,
        open,
    };
    Some((comparison, &text[end..]))
}

/// A version whose parts may be missing or `x`, and the first such part.
fn partial(text: &str) -> Option<(Version, Open)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split_once('+').map_or(
        text,
        |(before, build)| {
            if BuildMetadata::new(build).is_ok() { before } else { "" }
        },
    );
    let (numbers, pre) = text.split_once('-').map_or((text, ""), |(n, p)| (n, p));
    let pre = Prerelease::new(pre).ok()?;
    let mut parts = numbers.split('.');
    let mut values = [0; 3];
    let mut open = Open::Nothing;
    for (value, kind) in values.iter_mut().zip([Open::Major, Open::Minor, Open::Patch]) {
        match parts.next() {
            Some("") => return None,
            Some("x" | "X" | "*") | None if open != Open::Nothing => {}
            Some("x" | "X" | "*") => open = kind,
            None => open = kind,
            Some(number) => {
                let number = number.parse().ok()?;
                if open == Open::Nothing {
                    *value = number;
                }
            }
        }
    }
    if parts.next().is_some() {
        return None;
    }
    let [major, minor, patch] = values;
    let version = Version {
        major,
        minor,
        patch,
        pre,
        build: BuildMetadata::EMPTY,
    };
    Some((version, open))
}

#[cfg(test)]
#[path = "constraint_tests.rs"]
mod tests;
