//! The run that nothing disturbs, from which all others branch off where they begin to differ.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rehelm_sim::Sim;

use crate::call::Call;
use crate::fault::{self, Faulty, Mended};
use crate::guide::{Guide, Own};
use crate::job::{Deed, Job};
use crate::kill::{Kills, Point};
use crate::pool::{Pool, Side};
use crate::rival::Rival;
use crate::turn::Turn;
use crate::twist::{Act, FileAct, FileOp, Twist};

/// The undisturbed run at the tap, and in a child whatever its job lets happen there.
pub struct Trunk {
    jobs: Arc<Vec<Job>>,
    pool: Arc<Mutex<Pool>>,
    guide: Arc<OnceLock<Arc<Guide>>>,
    /// Every so many runs go on to their end wherever they come to.
    whole: usize,
    writes: usize,
    files: usize,
    at_write: HashMap<usize, Vec<usize>>,
    at_file: HashMap<usize, Vec<usize>>,
    at_turn: HashMap<Turn, Vec<usize>>,
    /// Faults that are still to come, with how many calls they spared.
    of_class: HashMap<String, Vec<(usize, usize)>>,
    of_files: Vec<(usize, usize)>,
    mended: Mended,
    /// What goes on in the child that this process is.
    own: Option<Box<dyn Twist>>,
}

/// True for what can begin in the middle of a process.
pub fn branches(job: &Job) -> bool {
    match &job.deed {
        Deed::Kill(_) => !job.orphans,
        Deed::Fault(case) => !case.kind.is_of_the_world(),
        Deed::Rival(_) => true,
        Deed::Stop(_) => false,
    }
}

impl Trunk {
    /// For those jobs that can branch off.
    pub fn new(
        jobs: &Arc<Vec<Job>>,
        pool: &Arc<Mutex<Pool>>,
        guide: &Arc<OnceLock<Arc<Guide>>>,
        mended: &Mended,
        whole: usize,
    ) -> Self {
        let mut trunk = Self {
            jobs: jobs.clone(),
            pool: pool.clone(),
            guide: guide.clone(),
            whole,
            writes: 0,
            files: 0,
            at_write: HashMap::new(),
            at_file: HashMap::new(),
            at_turn: HashMap::new(),
            of_class: HashMap::new(),
            of_files: Vec::new(),
            mended: mended.clone(),
            own: None,
        };
        for (index, job) in jobs.iter().enumerate().filter(|(_, job)| branches(job)) {
            match &job.deed {
                Deed::Kill(points) => match points.first() {
                    Some(Point::Write(n, _)) => trunk.at_write.entry(*n).or_default().push(index),
                    Some(Point::File(n, _)) => trunk.at_file.entry(*n).or_default().push(index),
                    None => {}
                },
                Deed::Rival(case) => trunk.at_turn.entry(case.turn).or_default().push(index),
                Deed::Fault(case) if case.kind.is_of_files() => trunk.of_files.push((index, 0)),
                Deed::Fault(case) => trunk.of_class.entry(case.class.clone()).or_default().push((index, 0)),
                Deed::Stop(_) => {}
            }
        }
        trunk
    }

    fn twist(&self, job: &Job) -> Option<Box<dyn Twist>> {
        Some(match &job.deed {
            Deed::Kill(points) => Box::new(Kills::at(points.iter().copied()).after(self.writes, self.files)),
            Deed::Rival(case) => Box::new(Rival::new(case.clone())),
            Deed::Fault(case) => Box::new(Faulty::new(case, case.nth - 1, self.mended.clone())),
            Deed::Stop(_) => return None,
        })
    }

    /// Forks for each of these; true in a child, which is another from now on.
    fn branch(&mut self, indices: Vec<usize>) -> bool {
        for index in indices {
            let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
            if pool.branch(index) == Side::Parent {
                continue;
            }
            let (folder, good) = (pool.folder().to_owned(), std::mem::take(&mut pool.good));
            drop(pool);
            let jobs = self.jobs.clone();
            self.own = self.twist(&jobs[index]);
            if let Some(guide) = self.guide.get() {
                let whole = self.whole > 0 && index % self.whole == 0;
                guide.become_child(Own {
                    index,
                    whole,
                    folder,
                    good,
                });
            }
            return true;
        }
        false
    }

    /// Faults that begin at a call; the others spared it.
    fn faults(&mut self, call: &Call) -> Vec<usize> {
        let Some(waiting) = self.of_class.get_mut(&call.class()) else {
            return Vec::new();
        };
        let jobs = &self.jobs;
        due(waiting, jobs, |case| case.kind.at(call).is_some())
    }
}

fn due(waiting: &mut Vec<(usize, usize)>, jobs: &[Job], mut meets: impl FnMut(&fault::Case) -> bool) -> Vec<usize> {
    let mut now = Vec::new();
    waiting.retain_mut(|(index, met)| {
        let Deed::Fault(case) = &jobs[*index].deed else {
            return false;
        };
        if meets(case) {
            *met += 1;
        }
        let due = *met == case.nth;
        if due {
            now.push(*index);
        }
        !due
    });
    now
}

impl Twist for Trunk {
    fn call(&mut self, call: &Call, sim: &Sim) -> Act {
        if self.own.is_none() {
            let mut now = self.faults(call);
            if call.writes() {
                now.extend(self.at_write.remove(&(self.writes + 1)).unwrap_or_default());
            }
            if !self.branch(now) {
                self.writes += usize::from(call.writes());
                return Act::Pass;
            }
        }
        self.own.as_mut().map_or(Act::Pass, |own| own.call(call, sim))
    }

    fn wrote(&mut self, call: &Call, sim: &Sim) {
        if let Some(own) = &mut self.own {
            own.wrote(call, sim);
        }
    }

    fn file(&mut self, op: &FileOp, sim: &Sim) -> FileAct {
        let begins = self.own.is_none();
        if self.own.is_none() {
            let jobs = self.jobs.clone();
            let mut now = due(&mut self.of_files, &jobs, |case| {
                op.line.is_some() == (case.class == "append")
            });
            now.extend(self.at_file.remove(&(self.files + 1)).unwrap_or_default());
            now.extend(
                op.begins
                    .and_then(|turn| self.at_turn.remove(&turn))
                    .unwrap_or_default(),
            );
            if !self.branch(now) {
                self.files += 1;
                return FileAct::Pass;
            }
        }
        let Some(own) = &mut self.own else { return FileAct::Pass };
        let act = own.file(op, sim);
        if begins
            && own.acted() == 0
            && let Some(guide) = self.guide.get()
        {
            // There was nothing to do: the rival's object is not there.
            guide.leave_as_others(0);
        }
        act
    }

    fn process(&mut self, number: usize) {
        if let Some(own) = &mut self.own {
            own.process(number);
        }
    }

    fn interfered(&mut self) -> Option<Vec<&'static str>> {
        self.own.as_mut().and_then(|own| own.interfered())
    }

    fn rest(&self, sim: &Sim) -> Option<String> {
        self.own.as_ref().and_then(|own| own.rest(sim))
    }

    fn broken(&self) -> Vec<String> {
        self.own.as_ref().map_or_else(Vec::new, |own| own.broken())
    }

    fn acted(&self) -> usize {
        self.own.as_ref().map_or(0, |own| own.acted())
    }
}
