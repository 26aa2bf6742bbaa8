//! The words after `cargo xtask sweep`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use rehelm::printer::Printer;
use rehelm_testbed::{Cache, Tools, build};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::course::Course;
use crate::ground::Ground;
use crate::job::{self, Job, Kind};
use crate::record::{self, Missing};
use crate::report::Report;
use crate::scenario::{self, Scenario};
use crate::sweep::{self, Tally};
use crate::tree;

/// Kills, faults, rivals and defects at every point of every scenario, on simulated clusters.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask sweep")]
pub struct Args {
    /// This scenario instead of all; several with commas
    #[arg(long, value_name = "SCENARIO", value_delimiter = ',')]
    pub scenario: Vec<String>,
    /// How many pairs of kills are tried in each scenario
    #[arg(long, default_value_t = 100)]
    pub seeds: u64,
    /// One pair of kills instead of many
    #[arg(long)]
    pub seed: Option<u64>,
    /// One run, by the label that a failure printed, such as 12b, f7a, 12b-back
    #[arg(long)]
    pub point: Option<String>,
    /// Prints what it came to
    #[arg(long)]
    pub report: bool,
    /// `json` prints the report as JSON
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<String>,
    /// Every N-th run only
    #[arg(long, default_value_t = 1)]
    pub every: usize,
    /// Each run by itself from its beginning, however much it has in common with others
    #[arg(long)]
    pub alone: bool,
    /// Runs that come to where another one ended well are not played on, but for every N-th; 1: none, 0: all
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub whole: usize,
    /// Runs side by side; as many as there are cores when it is not given
    #[arg(long)]
    pub threads: Option<usize>,
    /// Only runs whose label contains this
    #[arg(long)]
    pub only: Option<String>,
    /// Cases of bad input that were tried beside the sweep, each refused
    #[arg(long, hide = true)]
    pub bad_inputs: Option<usize>,
    /// Says how many runs there are of each kind, and makes none
    #[arg(long)]
    pub list: bool,
}

/// Helm and kubectl, or the reason why not.
///
/// # Errors
/// In words.
pub fn tools() -> Result<Tools, String> {
    let cache = Cache::open().map_err(|e| e.to_string())?;
    build::clients(&cache, &|_| {}).map_err(|e| e.to_string())
}

/// Runs on all cores.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Grounds by name, each made once.
#[derive(Default)]
pub struct Grounds(BTreeMap<&'static str, Result<Ground, String>>);

impl Grounds {
    /// The ground of a scenario; None, with why, when its product is not at hand.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn of(&mut self, scenario: &Scenario, tools: &Tools) -> Result<Result<Ground, String>, String> {
        if let Some(known) = self.0.get(scenario.ground) {
            return Ok(known.clone());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let made = runtime
            .map_err(|e| e.to_string())?
            .block_on(record::ground(scenario.ground, tools));
        let ground = match made {
            Ok((ground, _)) => Ok(ground),
            Err(Missing::Product(why)) => Err(why),
            Err(Missing::Failed(why)) => return Err(format!("{}: {why}", scenario.ground)),
        };
        self.0.insert(scenario.ground, ground.clone());
        Ok(ground)
    }
}

/// Every run of a scenario, in an order that never changes.
pub fn jobs(course: &Course, seeds: impl Iterator<Item = u64>) -> Vec<Job> {
    let mut jobs = job::resumes(course);
    jobs.extend(job::backs(course));
    jobs.extend(job::stops(course));
    jobs.extend(job::orphans(course));
    jobs.extend(seeds.filter_map(|seed| job::double(course, seed)));
    jobs.extend(job::faults(course));
    jobs.extend(job::rivals(course));
    jobs
}

/// Ends a sweep: Ctrl-C, and the usual request to end. The commands that it runs would take them for their own.
const ENDS: [(i32, i32); 2] = [(SIGINT, 130), (SIGTERM, 143)];

/// Does what was asked for; the number is the exit code.
pub fn run(args: &Args) -> u8 {
    let printer = Arc::new(Printer::new(anstream::ColorChoice::Auto, false));
    for (signal, code) in ENDS {
        let always = Arc::new(AtomicBool::new(true));
        if let Err(why) = signal_hook::flag::register_conditional_shutdown(signal, code, always) {
            printer.insist(&format!("this sweep can only be killed: {why}"));
        }
    }
    match swept(&printer, args) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(why) => {
            printer.insist(&why);
            1
        }
    }
}

fn swept(printer: &Arc<Printer>, args: &Args) -> Result<bool, String> {
    let tools = tools()?;
    let chosen = chosen(&args.scenario)?;
    let mut grounds = Grounds::default();
    let mut report = Report {
        bad_inputs: args.bad_inputs,
        ..Report::default()
    };
    let whole = args.point.is_none() && args.only.is_none();
    for scenario in chosen {
        let ground = match grounds.of(&scenario, &tools)? {
            Ok(ground) => ground,
            Err(why) => {
                printer.say(&format!("{scenario}: skipped: {why}"));
                continue;
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let course = runtime
            .map_err(|e| e.to_string())?
            .block_on(Course::prepare(scenario, &ground))?;
        let seeds = args.seed.map_or(0..args.seeds, |seed| seed..seed + 1);
        let mut jobs = jobs(&course, seeds);
        if let Some(point) = &args.point {
            jobs.retain(|job| job.label == *point);
            if jobs.is_empty() {
                return Err(format!("{scenario} has no run {point}"));
            }
        }
        if let Some(only) = &args.only {
            jobs.retain(|job| job.label.contains(only.as_str()));
        }
        let planned = jobs.len();
        let mut at = 0;
        jobs.retain(|_| {
            at += 1;
            (at - 1) % args.every.max(1) == 0
        });
        if args.list {
            printer
                .data(&listed(&scenario, &jobs))
                .map_err(|e| e.message().to_owned())?;
            continue;
        }
        let threads = args.threads.unwrap_or_else(cores);
        let say = printer.clone();
        let line: Arc<dyn Fn(&str) + Send + Sync> = Arc::new(move |line| say.say(line));
        let mut tally = match args.alone || args.point.is_some() {
            true => sweep::all(&course, &jobs, threads, line),
            false => tree::all(&course, &Arc::new(jobs), threads, args.whole, line)?,
        };
        tally.planned = planned;
        tell(printer, &tally, args.point.is_some());
        report.scenarios.push(tally);
        if whole {
            report.seed_defects(&course);
        }
    }
    if args.list {
        return Ok(true);
    }
    if args.output.as_deref() == Some("json") {
        printer.json(&report).map_err(|e| e.message().to_owned())?;
    } else if args.report {
        printer.data(&report.text()).map_err(|e| e.message().to_owned())?;
    }
    Ok(report.failures() == 0)
}

fn chosen(names: &[String]) -> Result<Vec<Scenario>, String> {
    if names.is_empty() {
        return Ok(scenario::ALL.to_vec());
    }
    let all = scenario::ALL.map(|s| s.name).join(", ");
    let known =
        |name: &String| Scenario::named(name).ok_or_else(|| format!("no such scenario: {name}; there are {all}"));
    names.iter().map(known).collect()
}

fn listed(scenario: &Scenario, jobs: &[Job]) -> String {
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for job in jobs {
        *kinds.entry(job.kind).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{kind:?} {count}")).collect();
    format!("{scenario}: {} runs: {}", jobs.len(), kinds.join(", "))
}

fn tell(printer: &Printer, tally: &Tally, one: bool) {
    for failure in &tally.failures {
        printer.insist(&failure.history.join("\n"));
        for wrong in &failure.wrong {
            printer.insist(&format!("  ≠ {wrong}"));
        }
        printer.insist(&format!("again: {}", failure.again));
    }
    let failed = match tally.failures.len() {
        0 => "all as they should be".to_owned(),
        count => format!("{count} NOT as they should be"),
    };
    printer.say(&format!(
        "{}: {} runs in {:.1} s, {failed}",
        tally.scenario, tally.runs, tally.seconds
    ));
    if one && tally.failures.is_empty() {
        printer.say("this run ends as it should");
    }
}
