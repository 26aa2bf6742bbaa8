//! Processes that die: at their n-th write, at a write to a file, and again in the recovery.

use std::collections::VecDeque;
use std::fmt;

use rehelm_sim::Sim;

use crate::call::Call;
use crate::twist::{Act, FileAct, FileOp, Moment, Twist};

/// Where a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// At the n-th write since the process before it died.
    Write(usize, Moment),
    /// At the n-th write to a file since then.
    File(usize, Torn),
}

/// When a process dies around a write to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Torn {
    /// Nothing is written.
    Before,
    /// A part of the line is written; a file that is written whole is not there.
    Within,
    /// Everything is written.
    After,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(n, moment) => {
                let letter = match moment {
                    Moment::Unsent => 'a',
                    Moment::Unheard => 'b',
                    Moment::Unwritten => 'c',
                };
                write!(f, "{n}{letter}")
            }
            Self::File(n, torn) => {
                let letter = match torn {
                    Torn::Before => 'a',
                    Torn::Within => 'b',
                    Torn::After => 'c',
                };
                write!(f, "f{n}{letter}")
            }
        }
    }
}

impl std::str::FromStr for Point {
    type Err = String;

    /// `12b`: the twelfth write, sent and not heard; `f7a`: the seventh write to a file, before it.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no point; one is written like 12a, 12b, 12c, f7a, f7b or f7c");
        let (rest, file) = match text.strip_prefix('f') {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let (digits, letter) = match rest.char_indices().next_back() {
            Some((at, letter @ 'a'..='c')) => (&rest[..at], letter),
            _ => (rest, 'a'),
        };
        let n = digits.parse().map_err(|_| wrong())?;
        Ok(match (file, letter) {
            (false, 'a') => Self::Write(n, Moment::Unsent),
            (false, 'b') => Self::Write(n, Moment::Unheard),
            (false, _) => Self::Write(n, Moment::Unwritten),
            (true, 'a') => Self::File(n, Torn::Before),
            (true, 'b') => Self::File(n, Torn::Within),
            (true, _) => Self::File(n, Torn::After),
        })
    }
}

/// Kills at each of some points, one after the other.
pub struct Kills {
    points: VecDeque<Point>,
    writes: usize,
    files: usize,
    done: usize,
}

impl Kills {
    /// The first counts from the beginning of the run, each other one from the death before.
    pub fn at(points: impl IntoIterator<Item = Point>) -> Self {
        Self {
            points: points.into_iter().collect(),
            writes: 0,
            files: 0,
            done: 0,
        }
    }

    /// One that takes over when so many writes, and so many writes to files, are done.
    #[must_use]
    pub fn after(mut self, writes: usize, files: usize) -> Self {
        (self.writes, self.files) = (writes, files);
        self
    }

    fn died(&mut self) {
        self.points.pop_front();
        (self.writes, self.files) = (0, 0);
        self.done += 1;
    }
}

impl Twist for Kills {
    fn call(&mut self, call: &Call, _: &Sim) -> Act {
        if !call.writes() {
            return Act::Pass;
        }
        self.writes += 1;
        match self.points.front() {
            Some(Point::Write(n, moment)) if *n == self.writes => {
                let act = Act::Die(*moment);
                self.died();
                act
            }
            _ => Act::Pass,
        }
    }

    fn file(&mut self, _: &FileOp, _: &Sim) -> FileAct {
        self.files += 1;
        match self.points.front() {
            Some(Point::File(n, torn)) if *n == self.files => {
                let act = match torn {
                    Torn::Before => FileAct::Die,
                    Torn::Within => FileAct::Tear(50),
                    Torn::After => FileAct::DieAfter,
                };
                self.died();
                act
            }
            _ => FileAct::Pass,
        }
    }

    fn rest(&self, _: &Sim) -> Option<String> {
        self.points.is_empty().then(String::new)
    }

    fn acted(&self) -> usize {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_written_and_read() {
        for text in ["12a", "1b", "7c", "f3a", "f3b", "f12c"] {
            assert_eq!(text.parse::<Point>().expect("a point").to_string(), text);
        }
        assert_eq!("9".parse(), Ok(Point::Write(9, Moment::Unsent)));
        assert!("x".parse::<Point>().is_err() && "".parse::<Point>().is_err());
    }
}
