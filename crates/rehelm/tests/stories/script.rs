//! The words of `story.txt`.
//!
//! A line that begins with `#` is told to the reader, one with `$` is typed, and the others set the scene:
//!
//! - `cluster NAME [kubernetes=1.N]`: a simulated cluster with a product installed; `example` is our own one, the others are
//!   the testbed's scenarios. It comes first.
//! - `edit FILE "WHAT" "BY"`: changes a file of the product's folder; WHAT is a regular expression.
//! - `apply FILE`: somebody applies a manifest of the story's `in/`.
//! - `fault WHAT`, as with `rehelm rehearse --fault`; `mend`: nothing goes wrong any more.
//! - `wait TIME`: virtual time passes.
//! - `kill at STEP`: the process that runs the next command dies when that step has begun; with `kill at undo N` when the undo
//!   of step N has.
//! - `ends with N`: the command before ends with this exit code; without it a command must end with 0, or the story fails.
//! - `db write NAME N`: somebody writes N documents into a database.
//! - `machine NAME`: what follows is typed on another machine, which has the product's folder but not `.rehelm/` of the others.
//! - `bring backup from NAME`: its `.rehelm/backup` is copied to `~/product/backup`.
//! - `lose FILE`: a file or folder of the product's folder is gone.
//! - `same as at the start`: every object and every database is as it was when the cluster had come up; with `same objects`
//!   the databases are not looked at.

use std::time::Duration;

/// One line that does something.
#[derive(Debug, PartialEq, Eq)]
pub enum Deed {
    Cluster {
        name: String,
        minor: Option<u32>,
    },
    Edit {
        file: String,
        what: String,
        by: String,
    },
    Apply(String),
    Fault(String),
    Mend,
    Wait(Duration),
    KillAt(String),
    Machine(String),
    Bring(String),
    Lose(String),
    DbWrite {
        database: String,
        count: u64,
    },
    SameAsAtTheStart,
    SameObjects,
    /// Program and its words, and the exit code that the story foresees.
    Typed {
        words: Vec<String>,
        ends: i32,
    },
    /// About the command before; read into it.
    EndsWith(i32),
}

/// A line of the story as it is, and what it does.
#[derive(Debug)]
pub struct Line {
    pub text: String,
    pub deed: Option<Deed>,
}

/// Reads a story; an error names the line.
pub fn parse(story: &str) -> Result<Vec<Line>, String> {
    let mut lines: Vec<Line> = Vec::new();
    for (at, text) in story.lines().enumerate() {
        let wrong = |why: String| format!("line {}: {why}: {text}", at + 1);
        let mut deed = deed(text.trim()).map_err(wrong)?;
        if let Some(Deed::EndsWith(code)) = deed {
            let before = lines.iter_mut().rev().find_map(|line| line.deed.as_mut());
            let Some(Deed::Typed { ends, .. }) = before else {
                return Err(wrong("no command before it".to_owned()));
            };
            *ends = code;
            deed = None;
        }
        lines.push(Line {
            text: text.trim_end().to_owned(),
            deed,
        });
    }
    Ok(lines)
}

fn deed(line: &str) -> Result<Option<Deed>, String> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let words = words(line)?;
    let all: Vec<&str> = words.iter().map(String::as_str).collect();
    Ok(Some(match all.as_slice() {
        ["$", ..] => Deed::Typed {
            words: words[1..].to_vec(),
            ends: 0,
        },
        ["ends", "with", code] => Deed::EndsWith(code.parse().map_err(|_| "expected an exit code".to_owned())?),
        ["cluster", name, rest @ ..] => Deed::Cluster {
            name: (*name).to_owned(),
            minor: match rest {
                [] => None,
                [version] => Some(minor(version)?),
                _ => return Err("one version is enough".to_owned()),
            },
        },
        ["edit", file, what, by] => Deed::Edit {
            file: (*file).to_owned(),
            what: (*what).to_owned(),
            by: (*by).to_owned(),
        },
        ["apply", file] => Deed::Apply((*file).to_owned()),
        ["fault", fault] => Deed::Fault((*fault).to_owned()),
        ["mend"] => Deed::Mend,
        ["wait", time] => Deed::Wait(time_of(time)?),
        ["kill", "at", "undo", step] => Deed::KillAt(format!("undo {step}")),
        ["kill", "at", step] => Deed::KillAt((*step).to_owned()),
        ["machine", name] => Deed::Machine((*name).to_owned()),
        ["bring", "backup", "from", name] => Deed::Bring((*name).to_owned()),
        ["lose", file] => Deed::Lose((*file).to_owned()),
        ["same", "objects", "as", "at", "the", "start"] => Deed::SameObjects,
        ["db", "write", database, count] => Deed::DbWrite {
            database: (*database).to_owned(),
            count: count.parse().map_err(|_| "expected a number".to_owned())?,
        },
        ["same", "as", "at", "the", "start"] => Deed::SameAsAtTheStart,
        _ => return Err("not a word of stories".to_owned()),
    }))
}

fn minor(word: &str) -> Result<u32, String> {
    let minor = word.strip_prefix("kubernetes=1.").and_then(|minor| minor.parse().ok());
    minor.ok_or_else(|| "expected kubernetes=1.N".to_owned())
}

fn time_of(word: &str) -> Result<Duration, String> {
    let unit = match word.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        _ => return Err("expected a time such as 90s, 5m, 25h".to_owned()),
    };
    let count: u64 = word[..word.len() - 1]
        .parse()
        .map_err(|_| "expected a number".to_owned())?;
    Ok(Duration::from_secs(count * unit))
}

/// Words apart at blanks; double quotes hold words together, `\"` and `\n` in them are what they are in other languages.
fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted => match letters.next() {
                Some('n') => word.push('\n'),
                Some(other) => word.push(other),
                None => return Err("a backslash at the end".to_owned()),
            },
            '"' => {
                quoted = !quoted;
                any = true;
            }
            ' ' if !quoted => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            other => word.push(other),
        }
    }
    if quoted {
        return Err("a quote that does not end".to_owned());
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}
