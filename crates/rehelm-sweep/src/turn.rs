//! When something between two steps happens: a step begins or ends, on the way there or on the way back.

use std::fmt;

use rehelm_core::journal::Event;

/// A step of a run, or its undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turn {
    /// On the way there.
    Step(u32),
    /// On the way back.
    Undo(u32),
}

impl Turn {
    /// The turn that begins with this record.
    pub fn begun_by(event: &Event) -> Option<Self> {
        match event {
            Event::StepStarted { step, .. } => Some(Self::Step(*step)),
            Event::UndoStarted { step } => Some(Self::Undo(*step)),
            _ => None,
        }
    }

    /// The record that ends it.
    pub fn end(self) -> Event {
        match self {
            Self::Step(step) => Event::StepDone { step },
            Self::Undo(step) => Event::UndoDone { step },
        }
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(step) => write!(f, "s{step}"),
            Self::Undo(step) => write!(f, "u{step}"),
        }
    }
}
