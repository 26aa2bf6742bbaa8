//! The kinds of faults, one after the other.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::ValueEnum;
use rehelm_sim::Readiness;

use crate::bench::Bench;
use crate::call::{Actor, Call};
use crate::course::Course;
use crate::twist::{Act, FileAct, Garble};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[allow(missing_docs, reason = "the names in the table below say it")]
pub enum Fault {
    Refused,
    Reset,
    ResetApplied,
    Tls,
    Timeout,
    TimeoutApplied,
    SlowBody,
    TornBody,
    Unauthorized,
    Forbidden,
    NotFound,
    Conflict,
    Exists,
    Gone,
    Immutable,
    TooMany,
    Internal,
    Unavailable,
    GatewayTimeout,
    WebhookDenies,
    WebhookTimesOut,
    Quota,
    NamespaceTerminating,
    Stale1,
    Stale2,
    Stale3,
    WatchLoses,
    WatchDoubles,
    WatchSwaps,
    WatchEnds,
    WatchGone,
    HelmKilled,
    HelmKilledAfter,
    DiskFull,
    DiskFullInLine,
    ClockAhead,
    ClockBack,
    PodsNeverReady,
    ImagePull,
    CrashLoop,
    PodsStay,
    NoDetach,
    NodeLost,
    DatabaseSteppedDown,
    DatabaseAuth,
    CursorKilled,
    DatabaseDiskFull,
    DuplicateKey,
    DatabaseSplit,
}

use Fault::*;

impl Fault {
    /// As labels have it.
    pub fn name(self) -> &'static str {
        match self {
            Refused => "refused",
            Reset => "reset",
            ResetApplied => "reset-applied",
            Tls => "tls",
            Timeout => "timeout",
            TimeoutApplied => "timeout-applied",
            SlowBody => "slow",
            TornBody => "torn-body",
            Unauthorized => "401",
            Forbidden => "403",
            NotFound => "404",
            Conflict => "409-conflict",
            Exists => "409-exists",
            Gone => "410",
            Immutable => "422",
            TooMany => "429",
            Internal => "500",
            Unavailable => "503",
            GatewayTimeout => "504",
            WebhookDenies => "webhook-denies",
            WebhookTimesOut => "webhook-timeout",
            Quota => "quota",
            NamespaceTerminating => "namespace-terminating",
            Stale1 => "stale-1",
            Stale2 => "stale-2",
            Stale3 => "stale-3",
            WatchLoses => "watch-loses",
            WatchDoubles => "watch-doubles",
            WatchSwaps => "watch-swaps",
            WatchEnds => "watch-ends",
            WatchGone => "watch-gone",
            HelmKilled => "helm-killed",
            HelmKilledAfter => "helm-killed-after",
            DiskFull => "disk-full",
            DiskFullInLine => "disk-full-in-line",
            ClockAhead => "clock-ahead",
            ClockBack => "clock-back",
            PodsNeverReady => "pods-never-ready",
            ImagePull => "image-pull",
            CrashLoop => "crash-loop",
            PodsStay => "pods-stay",
            NoDetach => "no-detach",
            NodeLost => "node-lost",
            DatabaseSteppedDown => "database-stepped-down",
            DatabaseAuth => "database-auth",
            CursorKilled => "cursor-killed",
            DatabaseDiskFull => "database-disk-full",
            DuplicateKey => "duplicate-key",
            DatabaseSplit => "database-split",
        }
    }

    /// To how many calls it happens, one after the other.
    pub fn lasts(self) -> usize {
        match self {
            // Longer than any patience: the command has to give up.
            Unauthorized | Forbidden | WebhookDenies | Quota | NamespaceTerminating | DiskFull | DatabaseSplit => 500,
            Internal | Unavailable | Timeout => 3,
            _ => 1,
        }
    }

    /// What becomes of a call; None when the kind does not happen to such a call.
    pub fn at(self, call: &Call) -> Option<Act> {
        let database = call.resource == "database";
        let refuse = |code, reason, message: &str| Some(Act::Refuse(code, reason, message.to_owned()));
        if database {
            return self.at_database(call);
        }
        let writes = call.writes();
        let watches = call.verb == "watch";
        let id = call.resource.split('/').next().unwrap_or_default();
        let name = &call.name;
        match self {
            Refused => Some(Act::NeverConnected),
            Reset => Some(Act::Break("connection reset by peer")),
            ResetApplied if writes => Some(Act::LoseAnswer),
            Tls => Some(Act::Break("invalid peer certificate: Expired")),
            Timeout => Some(Act::Hang),
            TimeoutApplied if writes => Some(Act::HangAfter),
            SlowBody => Some(Act::Delay(Duration::from_secs(20))),
            TornBody if !watches => Some(Act::Torn),
            Unauthorized => refuse(401, "Unauthorized", "Unauthorized"),
            Forbidden => refuse(
                403,
                "Forbidden",
                &format!(
                    "{id} \"{name}\" is forbidden: User \"sweep\" cannot {} resource",
                    call.verb
                ),
            ),
            NotFound if writes && call.verb != "create" => {
                refuse(404, "NotFound", &format!("{id} \"{name}\" not found"))
            }
            Conflict if writes && call.verb != "create" => refuse(
                409,
                "Conflict",
                "the object has been modified; please apply your changes to the latest version and try again",
            ),
            Exists if call.verb == "create" && writes => {
                refuse(409, "AlreadyExists", &format!("{id} \"{name}\" already exists"))
            }
            Gone if !writes => refuse(410, "Expired", "The provided continue parameter is too old"),
            Immutable if writes && call.verb != "delete" => {
                refuse(422, "Invalid", "spec: Invalid value: field is immutable")
            }
            TooMany => refuse(429, "TooManyRequests", "too many requests"),
            Internal => refuse(500, "InternalError", "etcdserver: leader changed"),
            Unavailable => refuse(503, "ServiceUnavailable", "apiserver is shutting down"),
            GatewayTimeout if writes => refuse(
                504,
                "Timeout",
                "Timeout: request did not complete within requested timeout",
            ),
            WebhookDenies if writes => refuse(
                403,
                "Forbidden",
                "admission webhook \"policy.example\" denied the request: not today",
            ),
            WebhookTimesOut if writes => refuse(
                500,
                "InternalError",
                "failed calling webhook \"policy.example\": context deadline exceeded",
            ),
            Quota if call.verb == "create" && writes => refuse(
                403,
                "Forbidden",
                &format!("{id} \"{name}\" is forbidden: exceeded quota: q"),
            ),
            NamespaceTerminating if call.verb == "create" && writes && !call.namespace.is_empty() => refuse(
                403,
                "Forbidden",
                &format!(
                    "{id} \"{name}\" is forbidden: unable to create new content in namespace because it is being terminated"
                ),
            ),
            Stale1 | Stale2 | Stale3 if matches!(call.verb, "get" | "list") => Some(Act::Stale(self.versions())),
            WatchLoses if watches => Some(Act::Garble(Garble::Lose)),
            WatchDoubles if watches => Some(Act::Garble(Garble::Double)),
            WatchSwaps if watches => Some(Act::Garble(Garble::Swap)),
            WatchEnds if watches => Some(Act::Garble(Garble::End)),
            WatchGone if watches => Some(Act::Garble(Garble::Gone)),
            HelmKilled if call.actor == Actor::Helm && writes => Some(Act::KillHelm(false)),
            HelmKilledAfter if call.actor == Actor::Helm && writes => Some(Act::KillHelm(true)),
            _ => None,
        }
    }

    fn at_database(self, call: &Call) -> Option<Act> {
        let fail = |why: &str| Some(Act::Fail(why.to_owned()));
        match self {
            DatabaseSteppedDown => fail("NotWritablePrimary: not primary"),
            DatabaseAuth => Some(Act::Refuse(0, "", "Authentication failed.".to_owned())),
            CursorKilled if ["copy", "prove"].contains(&call.verb) => fail("CursorNotFound: cursor id 7 not found"),
            DatabaseDiskFull if call.writes() => fail("OutOfDiskSpace: available disk space is less than required"),
            DuplicateKey if call.verb == "copy" => fail("E11000 duplicate key error"),
            DatabaseSplit => fail("Server selection timeout: no available servers"),
            ResetApplied if call.writes() => Some(Act::LoseAnswer),
            _ => None,
        }
    }

    fn versions(self) -> usize {
        match self {
            Stale1 => 1,
            Stale2 => 2,
            _ => 3,
        }
    }

    /// True for what happens to files.
    pub fn is_of_files(self) -> bool {
        matches!(self, DiskFull | DiskFullInLine)
    }

    /// What becomes of a write to a file.
    pub fn at_file(self) -> FileAct {
        match self {
            DiskFullInLine => FileAct::FullAfter(40),
            _ => FileAct::Full,
        }
    }

    /// True for what is wrong with the cluster or the clock from the beginning, and not with a call.
    pub fn is_of_the_world(self) -> bool {
        matches!(
            self,
            ClockAhead | ClockBack | PodsNeverReady | ImagePull | CrashLoop | PodsStay | NoDetach | NodeLost
        )
    }

    /// Lets it be wrong.
    pub fn before(self, bench: &Bench) {
        let base = &bench.ground.base;
        let pods = |namespace: &str, prefix: &str, readiness| rehelm_sim::Fault::Pods {
            namespace: namespace.to_owned(),
            prefix: prefix.to_owned(),
            readiness,
        };
        let (target, source) = (&base.plan.target.namespace, &base.plan.source.namespace);
        let fault = match self {
            ClockAhead => return bench.skew.store(7200, Ordering::SeqCst),
            ClockBack => return bench.skew.store(-7200, Ordering::SeqCst),
            PodsNeverReady => pods(target, "", Readiness::Never),
            ImagePull => pods(target, "", Readiness::ImagePull),
            CrashLoop => pods(target, "", Readiness::CrashLoop),
            PodsStay => pods(source, "", Readiness::NeverEnds),
            NoDetach => rehelm_sim::Fault::NoDetach,
            NodeLost => {
                let nodes = bench.ground.sim.shared_objects();
                let node = nodes.iter().find(|o| o["kind"] == "Node");
                let name = node.and_then(|n| n["metadata"]["name"].as_str()).unwrap_or_default();
                rehelm_sim::Fault::NodeLost(name.to_owned())
            }
            _ => return,
        };
        bench.ground.sim.fault(fault);
    }

    /// Mends it.
    pub fn after(self, bench: &Bench) {
        if self.is_of_the_world() {
            bench.skew.store(0, Ordering::SeqCst);
            bench.ground.sim.mend();
            bench.ground.sim.advance(Duration::from_secs(60));
        }
    }

    /// Classes of calls that it can happen to in a scenario, with how many there are.
    pub fn places(self, course: &Course) -> BTreeMap<String, usize> {
        if self.is_of_the_world() {
            return [("world".to_owned(), 1)].into();
        }
        if self.is_of_files() {
            let appends = course.files.iter().filter(|f| !f.contains('.')).count();
            return [
                ("append".to_owned(), appends),
                ("write".to_owned(), course.files.len() - appends),
            ]
            .into();
        }
        course
            .samples
            .iter()
            .filter(|(_, call)| self.at(call).is_some())
            .map(|(class, _)| (class.clone(), course.classes.get(class).copied().unwrap_or(1)))
            .collect()
    }
}
