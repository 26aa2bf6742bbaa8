//! All runs of a course as one tree: what they have in common before they part is played once, and what they have in common
//! after they met again is played once, too.
//!
//! That runs go on alike from equal states rests on what [`crate::state`] takes for equal, and on the tool keeping nothing in
//! memory from step to step. Therefore every so many runs go on to their end wherever they come to; one that ends otherwise
//! than the run that it met is a failure as any other.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use camino::Utf8Path;

use crate::course::{Course, Outcome, Then};
use crate::fault::{self, Mended};
use crate::guide::Guide;
use crate::job::{Deed, Job};
use crate::pool::{self, Pool, Side};
use crate::rival;
use crate::sweep::{Tally, Teller};
use crate::trunk::{self, Trunk};
use crate::twist::Calm;

/// A command on the trunk waits for all that branch off.
const FOR_EVER: Duration = Duration::from_secs(30 * 24 * 3600);

/// Makes all runs; each `whole`-th goes on to its end wherever it comes to.
///
/// # Errors
/// When the undisturbed run does not end well, or there is no folder.
pub fn all(
    course: &Course,
    jobs: &Arc<Vec<Job>>,
    threads: usize,
    whole: usize,
    tell: Arc<dyn Fn(&str) + Send + Sync>,
) -> Result<Tally, String> {
    let began = Instant::now();
    let folder = tempfile::Builder::new().prefix("rehelm-sweep-").tempdir();
    let folder = folder.map_err(|e| e.to_string())?;
    let place = Utf8Path::from_path(folder.path()).ok_or("the temporary folder is not UTF-8")?;
    let mut teller = Teller::new(course, jobs.len(), tell);
    let listed = jobs.clone();
    let hears = move |index: usize, outcome: &Outcome, done| teller.heard(&listed[index].label, outcome, done);
    let pool = Arc::new(Mutex::new(Pool::new(place, threads, Box::new(hears))));
    // What listens for signals wants a driver. Forked processes share it, and none of them ever waits for it: nothing goes over a
    // network, and nobody wakes them but themselves.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let grown = runtime
        .map_err(|e| e.to_string())?
        .block_on(grow(course, jobs, &pool, whole));
    // A child never comes here.
    grown?;
    let outcomes = std::mem::take(&mut lock(&pool).told);
    Ok(Tally::of(course, jobs, outcomes, began.elapsed()))
}

fn lock(pool: &Mutex<Pool>) -> MutexGuard<'_, Pool> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn grow(course: &Course, jobs: &Arc<Vec<Job>>, pool: &Arc<Mutex<Pool>>, whole: usize) -> Result<(), String> {
    let calm = undisturbed(course).await?;
    lock(pool).good.extend(calm);
    let apart = |(index, job): (usize, &Job)| (!trunk::branches(job)).then_some(index);
    for index in jobs.iter().enumerate().filter_map(apart) {
        alone(course, jobs, pool, index).await;
    }
    branching(course, jobs, pool, whole).await?;
    lock(pool).finish();
    // Whose moment did not come on the trunk.
    for index in 0..jobs.len() {
        if !lock(pool).has(index) {
            alone(course, jobs, pool, index).await;
        }
    }
    lock(pool).finish();
    Ok(())
}

/// States that the undisturbed run goes through.
async fn undisturbed(course: &Course) -> Result<Vec<u64>, String> {
    let bench = course.bench(Box::new(Calm), false);
    let guide = Guide::at(course, &bench);
    course.play(&bench, Then::Resume).await?;
    Ok(guide.states())
}

/// A run from its beginning in a process of its own.
async fn alone(course: &Course, jobs: &[Job], pool: &Mutex<Pool>, index: usize) {
    let side = lock(pool).branch(index);
    if side == Side::Child {
        let outcome = jobs[index].run(course).await;
        let folder = lock(pool).folder().to_owned();
        pool::leave(&folder, index, outcome, Vec::new());
    }
}

/// The trunk, and in each child what is left of its run.
async fn branching(course: &Course, jobs: &Arc<Vec<Job>>, pool: &Arc<Mutex<Pool>>, whole: usize) -> Result<(), String> {
    let (guide, mended) = (Arc::new(OnceLock::new()), Mended::default());
    let twist = Trunk::new(jobs, pool, &guide, &mended, whole);
    let mut bench = course.bench(Box::new(twist), false);
    bench.patience = FOR_EVER;
    let guide = guide.get_or_init(|| Guide::at(course, &bench)).clone();
    let mut typed = Vec::new();
    for command in course.scenario.commands {
        let ended = bench.command(*command).await;
        typed.push(ended.clone());
        if let Some(index) = guide.child() {
            bench.already = Mutex::new(typed.into());
            let outcome = rest(course, &jobs[index], &bench, &mended).await;
            guide.leave(outcome);
        }
        if !course.scenario.is_well(&ended) {
            return Err(format!("{command}, undisturbed: {ended:?}"));
        }
    }
    Ok(())
}

/// Plays a job to its end from where it is.
async fn rest(course: &Course, job: &Job, bench: &crate::bench::Bench, mended: &Mended) -> Outcome {
    match &job.deed {
        Deed::Kill(_) | Deed::Stop(_) => {
            let played = course.play(bench, job.then).await;
            course.judge(bench, played, job.then)
        }
        Deed::Fault(case) => fault::end(course, case, bench, mended).await,
        Deed::Rival(case) => rival::end(course, case, bench).await,
    }
}
