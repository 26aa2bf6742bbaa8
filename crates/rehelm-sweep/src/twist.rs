//! What may become of a call: the one vocabulary of kills, faults, rivals and seeded defects.

use std::time::Duration;

use rehelm_sim::Sim;
use serde_json::Value;

use crate::call::Call;
use crate::turn::Turn;

/// When a process dies around one of its writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// Before it is sent.
    Unsent,
    /// It is carried out, and nobody hears the answer.
    Unheard,
    /// It is answered, and the journal does not learn of it.
    Unwritten,
}

impl Moment {
    /// All, in the order in which they come.
    pub const ALL: [Self; 3] = [Self::Unsent, Self::Unheard, Self::Unwritten];
}

/// What becomes of a call.
#[derive(Clone, Debug)]
pub enum Act {
    /// What it asked for.
    Pass,
    /// Its process dies.
    Die(Moment),
    /// It is not carried out; the server answers this status, reason and message.
    Refuse(u16, &'static str, String),
    /// No connection is made.
    NeverConnected,
    /// The connection breaks before it is carried out; the text is what the client is told.
    Break(&'static str),
    /// It is carried out, and the connection breaks before the answer.
    LoseAnswer,
    /// It is not carried out, and no answer comes.
    Hang,
    /// It is carried out, and no answer comes.
    HangAfter,
    /// It is carried out after this virtual time.
    Delay(Duration),
    /// The answer breaks off in the middle.
    Torn,
    /// It is carried out with another body: a defect.
    Rewrite(Value),
    /// It is not carried out, and the answer says that it was: a defect.
    Pretend,
    /// The answer is not what the server said: a defect.
    Falsify(fn(&mut Value)),
    /// Something else is written as well: a defect. Method, path, body.
    Also(&'static str, String, Value),
    /// The answer to a read is as so many changes of its collection ago.
    Stale(usize),
    /// A watch loses, doubles or swaps events.
    Garble(Garble),
    /// Helm is killed by somebody, and the tool lives on; true: after its write was carried out.
    KillHelm(bool),
    /// For databases: the error that the driver gives.
    Fail(String),
}

/// What happens to the events of a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garble {
    /// Each second event never comes; the watch ends soon.
    Lose,
    /// Each event comes twice.
    Double,
    /// Two events come in the other order.
    Swap,
    /// The watch ends at once.
    End,
    /// The server has forgotten the version.
    Gone,
}

/// A write to a file of the run.
#[derive(Clone, Debug)]
pub struct FileOp {
    /// Number among the file writes of the run, from 1.
    pub number: usize,
    /// Path below `.rehelm/`.
    pub path: String,
    /// The line that is appended; None when a file is written whole or removed.
    pub line: Option<String>,
    /// The step or undo that begins with it.
    pub begins: Option<Turn>,
}

/// What becomes of a write to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileAct {
    /// What it asked for.
    Pass,
    /// The process dies before.
    Die,
    /// The process dies when this much of the line is on disk, in hundredths.
    Tear(usize),
    /// The process dies afterwards.
    DieAfter,
    /// The disk is full: nothing is written.
    Full,
    /// The disk becomes full in the middle of the line.
    FullAfter(usize),
    /// It is not written, and nobody is told: a defect.
    Pretend,
    /// The process believes that it is there, and it is not: a defect.
    Shadow,
    /// Something else is written: a defect.
    Alter,
}

/// Decides what becomes of calls. One lives as long as a run and sees every process of it.
pub trait Twist: Send {
    /// A call is about to be sent. `sim` may be changed by whoever plays somebody else.
    fn call(&mut self, call: &Call, sim: &Sim) -> Act {
        let _ = (call, sim);
        Act::Pass
    }

    /// A write was carried out.
    fn wrote(&mut self, call: &Call, sim: &Sim) {
        let _ = (call, sim);
    }

    /// A file is about to be written.
    fn file(&mut self, op: &FileOp, sim: &Sim) -> FileAct {
        let _ = (op, sim);
        FileAct::Pass
    }

    /// A new process begins, the n-th of the run, counted from 1.
    fn process(&mut self, number: usize) {
        let _ = number;
    }

    /// After somebody else did something: rules that do not hold then are excused from then on, and so are those of the list,
    /// which will not hold because of it.
    fn interfered(&mut self) -> Option<Vec<&'static str>> {
        None
    }

    /// When everything that it does is done: what of it still counts for the rest of the run. None before that.
    fn rest(&self, sim: &Sim) -> Option<String> {
        let _ = sim;
        None
    }

    /// What it saw that must not be.
    fn broken(&self) -> Vec<String> {
        Vec::new()
    }

    /// How often it had something to do.
    fn acted(&self) -> usize {
        0
    }
}

/// Everything goes as it should.
pub struct Calm;

impl Twist for Calm {
    fn rest(&self, _: &Sim) -> Option<String> {
        Some(String::new())
    }
}
