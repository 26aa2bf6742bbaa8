//! One scenario, ready to be run again and again: its ground, how it ends undisturbed, and what a person would type next.

use std::sync::Arc;

use rehelm::rehearsal::compare::{self, Picture};
use rehelm_core::journal::{Event, RunState};
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::call::{Actor, Call};
use crate::files::{MemFiles, TappedFiles};
use crate::ground::{Data, Ground};
use crate::run::{Command, Ended};
use crate::same;
use crate::scenario::{End, Scenario};
use crate::tap::Tap;
use crate::turn::Turn;
use crate::twist::{Calm, Twist};

/// How often a command may be killed or fail before the run counts as one that does not end.
const MOST: usize = 12;

/// A scenario on its ground.
pub struct Course {
    /// Which.
    pub scenario: Scenario,
    /// Where its runs begin.
    pub ground: Ground,
    /// Everything at its end.
    pub end: Picture,
    /// The same without what two runs to it may have otherwise.
    pub calm_end: Picture,
    /// The databases at its end.
    pub data: Data,
    /// Writes of a run that nothing disturbs.
    pub writes: Vec<Call>,
    /// Writes to files of such a run: events of records, paths of all else.
    pub files: Vec<String>,
    /// Steps and undos of such a run, in its order.
    pub turns: Vec<Turn>,
    /// Classes of calls in it.
    pub classes: std::collections::BTreeMap<String, usize>,
    /// One call of each class; of Helm's and the tool's, Helm's.
    pub samples: std::collections::BTreeMap<String, Call>,
}

/// How a run is to be ended once something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The same command again, until everything is done.
    Resume,
    /// Back to the old install.
    Back,
}

/// What came of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Why it is not as it should be.
    pub wrong: Vec<String>,
    /// Everything that happened.
    pub history: Vec<String>,
    /// Rules asked.
    pub looks: usize,
    /// How often the twist had something to do.
    pub acted: usize,
    /// Exit codes of all processes; None for one that was killed.
    pub exits: Vec<Option<u8>>,
    /// True when it came to a state from which another run had ended well.
    pub met: bool,
    /// True when it went on to its end all the same.
    pub whole: bool,
}

impl Course {
    /// Plays the scenario undisturbed on its ground.
    ///
    /// # Errors
    /// When it does not end well.
    pub async fn prepare(scenario: Scenario, ground: &Ground) -> Result<Self, String> {
        let ground = ground.after(scenario.before).await?;
        ground.sim.advance(ground.base.settings.soak);
        let mut course = Self {
            scenario,
            ground,
            end: Picture::new(),
            calm_end: Picture::new(),
            data: Data::new(),
            writes: Vec::new(),
            files: Vec::new(),
            turns: Vec::new(),
            classes: std::collections::BTreeMap::new(),
            samples: std::collections::BTreeMap::new(),
        };
        let bench = course.bench(Box::new(Calm), false);
        let exits = course.play(&bench, Then::Resume).await;
        let (broken, _) = bench.tap.watched();
        exits
            .and_then(|_| {
                if broken.is_empty() {
                    Ok(())
                } else {
                    Err(broken.join("\n"))
                }
            })
            .map_err(|why| format!("{scenario}, undisturbed: {why}\n{}", bench.tap.history().join("\n")))?;
        course.end = bench.ground.picture();
        course.calm_end = same::calm(&course.end);
        course.data = bench.ground.databases.content();
        if scenario.end == End::Original {
            let base = &course.ground.base;
            let differ = compare::differences(&base.before, &course.end);
            if !differ.is_empty() {
                return Err(format!("{scenario}, undisturbed, leaves:\n{}", differ.join("\n")));
            }
        }
        course.writes = bench.tap.writes();
        course.files = bench.tap.files();
        course.turns = bench.tap.turns();
        course.classes = bench.tap.classes();
        course.samples = bench.tap.samples();
        Ok(course)
    }

    /// Runs it and asks it to stop after a step or an undo, as Ctrl-C or SIGTERM would; then it goes on, or back.
    pub async fn run_stopped(&self, turn: Turn, then: Then) -> Outcome {
        let bench = self.bench(Box::new(Calm), false);
        let mut played = Ok(Vec::new());
        let mut back = false;
        for command in self.scenario.commands {
            match bench.command_with(*command, Some(turn)).await {
                Ended::Exit(0, _) => {}
                Ended::Exit(4, _) if then == Then::Back => {
                    back = true;
                    break;
                }
                Ended::Exit(4, _) => {
                    let rolling_back = Self::state(&bench).rolling_back;
                    let again = if rolling_back { Command::Rollback } else { *command };
                    let again = bench.command(again).await;
                    let went_back = self.scenario.end == End::Original && matches!(again, Ended::Exit(5, _));
                    if !matches!(again, Ended::Exit(0, _)) && !went_back {
                        played = Err(format!("{command}, stopped after {turn} and typed again: {again:?}"));
                    }
                }
                Ended::Exit(5, _) if self.scenario.end == End::Original => {}
                other => played = Err(format!("{command}: {other:?}")),
            }
        }
        if back {
            let ended = bench.command(Command::Rollback).await;
            if !matches!(ended, Ended::Exit(0, _)) {
                played = Err(format!("back after {turn}: {ended:?}"));
            }
        } else if then == Then::Back && played.is_ok() && self.scenario.end == End::Made {
            let ended = bench.command(Command::Rollback).await;
            if !matches!(ended, Ended::Exit(0, _)) {
                played = Err(format!("back from the end: {ended:?}"));
            }
        }
        self.judge(&bench, played, then)
    }

    /// Surroundings of a run.
    pub fn bench(&self, twist: Box<dyn Twist>, orphans: bool) -> Bench {
        let bench = Bench::set(&self.ground, twist, orphans);
        if let Some(fault) = self.scenario.fault(&self.ground.base.plan.target.namespace) {
            bench.ground.sim.fault(fault);
        }
        bench
    }

    /// Runs it with a twist, and looks at what came of it.
    pub async fn run(&self, twist: Box<dyn Twist>, then: Then, orphans: bool) -> Outcome {
        let bench = self.bench(twist, orphans);
        let played = self.play(&bench, then).await;
        self.judge(&bench, played, then)
    }

    /// What came of a run.
    pub fn judge(&self, bench: &Bench, played: Result<Vec<Option<u8>>, String>, then: Then) -> Outcome {
        bench.tap.look("the end");
        let (mut wrong, looks) = bench.tap.watched();
        let exits = match played {
            Ok(exits) => exits,
            Err(why) => {
                wrong.push(why);
                Vec::new()
            }
        };
        if wrong.is_empty() {
            wrong.extend(self.differences(bench, then));
        }
        Outcome {
            wrong,
            history: bench.tap.history(),
            looks,
            acted: bench.tap.acted(),
            exits,
            met: false,
            whole: true,
        }
    }

    /// What is not as it should be at the end.
    pub fn differences(&self, bench: &Bench, then: Then) -> Vec<String> {
        let now = bench.ground.picture();
        let data = bench.ground.databases.content();
        let base = &self.ground.base;
        let (mut differ, same) = match then {
            Then::Resume if self.scenario.end == End::Made => (
                compare::differences(&self.calm_end, &same::calm(&now)),
                data == self.data,
            ),
            _ => (
                compare::differences(&base.before, &now),
                // Who goes back by himself keeps the copies: they may hold what users wrote since. A rollback that finds this
                // done already leaves them, too.
                data == base.data || (self.scenario.end == End::Original && self.is_original_with_copies(&data)),
            ),
        };
        if !same {
            differ.push("the databases".to_owned());
        }
        differ
            .into_iter()
            .map(|line| format!("not as it should be: {line}"))
            .collect()
    }

    /// The databases of the beginning, and besides nothing but whole copies, each of which may be there or not.
    fn is_original_with_copies(&self, data: &Data) -> bool {
        let base = &self.ground.base.data;
        let expected = |name: &String| base.get(name).or_else(|| self.data.get(name));
        base.keys().all(|name| data.contains_key(name))
            && data.iter().all(|(name, proof)| expected(name) == Some(proof))
    }

    /// What the journal says.
    pub fn state(bench: &Bench) -> RunState {
        Self::read_journal(&bench.tap, &bench.ground.files)
    }

    /// What the journal of a folder says.
    pub fn read_journal(tap: &Tap, files: &MemFiles) -> RunState {
        let files = TappedFiles::new(files.clone(), tap.actor(Actor::Rival));
        rehelm::run::journal_state(&files).unwrap_or_default()
    }

    /// Types the commands, each again when it was killed, and what it hints at when it cannot go on.
    ///
    /// # Errors
    /// When a command ends in a way that it should not.
    pub async fn play(&self, bench: &Bench, then: Then) -> Result<Vec<Option<u8>>, String> {
        let mut exits = Vec::new();
        let mut commands = self.scenario.commands.iter().copied();
        let mut command = commands.next();
        for _ in 0..MOST {
            let Some(now) = command else { return Ok(exits) };
            let ended = bench.command(now).await;
            let state = Self::state(bench);
            exits.push(match &ended {
                Ended::Exit(code, _) => Some(*code),
                _ => None,
            });
            command = match ended {
                Ended::Hung => return Err(format!("{now} hangs")),
                Ended::Killed if then == Then::Back => Some(Command::Rollback),
                Ended::Killed => Some(now),
                Ended::Exit(0, _) if now == Command::Rollback => None,
                Ended::Exit(0, _) if then == Then::Back && bench.acted() > 0 => Some(Command::Rollback),
                Ended::Exit(0, _) => commands.next(),
                Ended::Exit(5, _) if self.scenario.end == End::Original => None,
                Ended::Exit(6, _) if matches!(state.ended, Some(Event::RolledBack)) => None,
                Ended::Exit(..) if state.rolling_back && state.ended.is_none() && now != Command::Rollback => {
                    Some(Command::Rollback)
                }
                Ended::Exit(code, why) => return Err(format!("{now} ends with {code}: {why}")),
            };
        }
        Err("it does not end".to_owned())
    }
}

/// Everything that runs of one product share.
pub type Shared = Arc<Course>;
