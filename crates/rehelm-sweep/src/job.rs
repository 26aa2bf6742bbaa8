//! What is run: one thing that goes wrong, at one place, with a name by which it can be run again.

use crate::course::{Course, Outcome, Then};
use crate::kill::{Kills, Point, Torn};
use crate::turn::Turn;
use crate::twist::Moment;

/// Which kind of thing goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A kill, and the same command again.
    Resume,
    /// A kill, and the way back.
    Back,
    /// A kill, and another one in the recovery.
    Double,
    /// Ctrl-C or SIGTERM after a step.
    Stop,
    /// A kill while Helm goes on.
    Orphan,
    /// A fault.
    Fault,
    /// Somebody else interferes.
    Rival,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Processes die at these points, one after the other.
    Kill(Vec<Point>),
    /// The stop flag is set when this step or undo ends.
    Stop(Turn),
    /// A fault, by its place in the list of those of the scenario.
    Fault(crate::fault::Case),
    /// A rival's deed.
    Rival(crate::rival::Case),
}

/// One run to be made.
#[derive(Clone, Debug)]
pub struct Job {
    /// By which it is run again; unique in its scenario and seed.
    pub label: String,
    /// Its kind.
    pub kind: Kind,
    /// What goes wrong.
    pub deed: Deed,
    /// What the person does then.
    pub then: Then,
    /// Whether Helm outlives the tool.
    pub orphans: bool,
    /// The seed that it came from.
    pub seed: Option<u64>,
}

impl Job {
    fn kill(kind: Kind, points: Vec<Point>, then: Then) -> Self {
        let words: Vec<String> = points.iter().map(ToString::to_string).collect();
        let back = if then == Then::Back { "-back" } else { "" };
        let orphan = if kind == Kind::Orphan { "-orphan" } else { "" };
        Self {
            label: format!("{}{back}{orphan}", words.join("+")),
            kind,
            deed: Deed::Kill(points),
            then,
            orphans: kind == Kind::Orphan,
            seed: None,
        }
    }

    /// Carries it out.
    pub async fn run(&self, course: &Course) -> Outcome {
        match &self.deed {
            Deed::Kill(points) => {
                let kills = Kills::at(points.iter().copied());
                course.run(Box::new(kills), self.then, self.orphans).await
            }
            Deed::Stop(turn) => course.run_stopped(*turn, self.then).await,
            Deed::Fault(case) => crate::fault::run(course, case).await,
            Deed::Rival(case) => crate::rival::run(course, case).await,
        }
    }
}

/// Every point of a scenario; of signs of life that follow one another, the first.
pub fn points(course: &Course) -> Vec<Point> {
    let renewal = |n: usize| {
        let write = &course.writes[n - 1];
        write.verb == "patch" && write.resource.starts_with("leases")
    };
    let own = (1..=course.writes.len()).filter(|n| *n == 1 || !(renewal(*n) && renewal(n - 1)));
    let writes = own.flat_map(|n| Moment::ALL.map(|moment| Point::Write(n, moment)));
    let files = (1..=course.files.len())
        .flat_map(|n| [Torn::Before, Torn::Within, Torn::After].map(|torn| Point::File(n, torn)));
    writes.chain(files).collect()
}

/// A kill at every point, with the same command again.
pub fn resumes(course: &Course) -> Vec<Job> {
    let all = points(course).into_iter();
    all.map(|point| Job::kill(Kind::Resume, vec![point], Then::Resume))
        .collect()
}

/// A kill at every point, with the way back.
pub fn backs(course: &Course) -> Vec<Job> {
    if !course.scenario.parts() {
        return Vec::new();
    }
    let all = points(course).into_iter();
    all.map(|point| Job::kill(Kind::Back, vec![point], Then::Back))
        .collect()
}

/// A kill at each of Helm's writes, while Helm itself goes on until the next command ends it.
pub fn orphans(course: &Course) -> Vec<Job> {
    let of_helm =
        |n: &usize| course.writes[*n].actor == crate::call::Actor::Helm || course.writes[*n].step == "release";
    let records = course.files.len();
    let mut jobs: Vec<Job> = (0..course.writes.len())
        .filter(of_helm)
        .map(|n| Job::kill(Kind::Orphan, vec![Point::Write(n + 1, Moment::Unheard)], Then::Resume))
        .collect();
    jobs.extend(
        (1..=records)
            .filter(|n| course.files[n - 1] == "noted" || course.files[n - 1] == "step-started")
            .map(|n| Job::kill(Kind::Orphan, vec![Point::File(n, Torn::After)], Then::Resume)),
    );
    jobs
}

/// Ctrl-C after every step and undo, with either way to go on.
pub fn stops(course: &Course) -> Vec<Job> {
    let ways: &[Then] = match course.scenario.parts() {
        true => &[Then::Resume, Then::Back],
        false => &[Then::Resume],
    };
    let both = |turn: &Turn| {
        let turn = *turn;
        ways.iter().map(move |then| Job {
            label: format!("{turn}{}", if *then == Then::Back { "-back" } else { "" }),
            kind: Kind::Stop,
            deed: Deed::Stop(turn),
            then: *then,
            orphans: false,
            seed: None,
        })
    };
    course.turns.iter().flat_map(both).collect()
}

/// Every kind of fault at every class of calls.
pub fn faults(course: &Course) -> Vec<Job> {
    crate::fault::cases(course)
        .into_iter()
        .filter(|case| case.then == Then::Resume || course.scenario.parts())
        .map(|case| Job {
            label: case.label(),
            kind: Kind::Fault,
            then: case.then,
            deed: Deed::Fault(case),
            orphans: false,
            seed: None,
        })
        .collect()
}

/// A rival's deeds: each to each touched object before each step and undo.
pub fn rivals(course: &Course) -> Vec<Job> {
    crate::rival::cases(course)
        .into_iter()
        .map(|case| Job {
            label: case.label(),
            kind: Kind::Rival,
            then: Then::Resume,
            deed: Deed::Rival(case),
            orphans: false,
            seed: None,
        })
        .collect()
}

/// Two kills by a seed: one anywhere, one in the recovery from it.
pub fn double(course: &Course, seed: u64) -> Option<Job> {
    let all = points(course);
    let mut dice = Dice(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ 0x5EED);
    let first = *dice.pick(&all)?;
    let left = match first {
        Point::Write(n, _) => course.writes.len().saturating_sub(n) + 4,
        Point::File(..) => course.writes.len() / 2 + 4,
    };
    let second = match dice.below(4) {
        0 => Point::File(
            1 + dice.below(12),
            *dice.pick(&[Torn::Before, Torn::Within, Torn::After])?,
        ),
        _ => Point::Write(1 + dice.below(left), *dice.pick(&Moment::ALL)?),
    };
    let then = match course.scenario.parts() && dice.below(3) == 0 {
        true => Then::Back,
        false => Then::Resume,
    };
    let job = Job::kill(Kind::Double, vec![first, second], then);
    Some(Job {
        seed: Some(seed),
        ..job
    })
}

/// Numbers that only depend on a seed.
pub struct Dice(pub u64);

impl Dice {
    /// The next number.
    pub fn roll(&mut self) -> u64 {
        // SplitMix64: public domain, by Sebastiano Vigna.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to one less than `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap_or(1);
        usize::try_from(self.roll() % limit).unwrap_or_default()
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let at = self.below(of.len());
        of.get(at)
    }
}
