//! Sequences of commands on installed products.

use std::fmt;

use rehelm_sim::{Fault, Readiness};

use crate::run::{Command, Ended};

/// How a scenario ends when nothing disturbs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As the commands make it.
    Made,
    /// As it was at the beginning of everything.
    Original,
}

/// One sequence.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What a person types after `--scenario`.
    pub name: &'static str,
    /// The installed product.
    pub ground: &'static str,
    /// Commands before the sweep begins.
    pub before: &'static [Command],
    /// Commands that are swept.
    pub commands: &'static [Command],
    /// How it ends.
    pub end: End,
    /// Start of the names of the new pods that crash.
    pub broken: Option<&'static str>,
    /// True when there is a way back from every point.
    pub back: bool,
}

const THERE: &[Command] = &[Command::Prepare, Command::Migrate];

const fn happy(name: &'static str, ground: &'static str) -> Scenario {
    Scenario {
        name,
        ground,
        before: &[],
        commands: THERE,
        end: End::Made,
        broken: None,
        back: true,
    }
}

const fn back(name: &'static str, ground: &'static str) -> Scenario {
    Scenario {
        before: THERE,
        commands: &[Command::Rollback],
        end: End::Original,
        ..happy(name, ground)
    }
}

const fn cleanup(name: &'static str, ground: &'static str) -> Scenario {
    Scenario {
        before: THERE,
        commands: &[Command::Cleanup],
        back: false,
        ..happy(name, ground)
    }
}

const fn broken(name: &'static str, ground: &'static str, crash: &'static str) -> Scenario {
    Scenario {
        before: &[Command::Prepare],
        commands: &[Command::MigrateOrBack],
        end: End::Original,
        broken: Some(crash),
        ..happy(name, ground)
    }
}

/// Every scenario.
pub const ALL: [Scenario; 10] = [
    happy("example", "example"),
    back("example-back", "example"),
    broken("example-failed", "example", "web-"),
    cleanup("example-cleanup", "example"),
    happy("aws", "aws"),
    back("aws-back", "aws"),
    broken("aws-failed", "aws", "service-"),
    cleanup("aws-cleanup", "aws"),
    happy("azure", "azure"),
    happy("local", "local"),
];

impl Scenario {
    /// The one of a name.
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|scenario| scenario.name == name)
    }

    /// True when going back is another command than going on.
    pub fn parts(&self) -> bool {
        self.back && self.commands != [Command::Rollback]
    }

    /// True when a command ended as it should: done, or gone back where that is the end.
    pub fn is_well(&self, ended: &Ended) -> bool {
        match ended {
            Ended::Exit(0, _) => true,
            Ended::Exit(5, _) => self.end == End::Original,
            _ => false,
        }
    }

    /// What goes wrong in it even when nothing disturbs it.
    pub fn fault(&self, target: &str) -> Option<Fault> {
        self.broken.map(|crash| Fault::Pods {
            namespace: target.to_owned(),
            prefix: crash.to_owned(),
            readiness: Readiness::CrashLoop,
        })
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
