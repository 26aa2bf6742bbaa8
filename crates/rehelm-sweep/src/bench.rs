//! One run's surroundings: a fork of a ground, a tap, and sessions of new processes that know nothing but the folder.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rehelm::rehearsal::clock::SimClock;
use rehelm::session::Session;
use rehelm_clients::kube::{ContextFacts, KubeCluster};
use rehelm_core::ports::Clock;

use crate::call::Actor;
use crate::databases::TappedDatabases;
use crate::files::TappedFiles;
use crate::ground::Ground;
use crate::helm::{Leftover, StandIn, Wire};
use crate::invariants::Watchman;
use crate::process::Process;
use crate::run::Ended;
use crate::tap::Tap;
use crate::twist::Twist;

/// For one request, and for one command: nothing is far away.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// One run's surroundings.
pub struct Bench {
    /// The world of this run.
    pub ground: Ground,
    /// Between the processes and the world.
    pub tap: Tap,
    /// Helm's install that outlives the tool, when it does.
    pub leftover: Option<Leftover>,
    /// How commands ended that were typed before whoever asks took over.
    pub already: Mutex<VecDeque<Ended>>,
    /// Real time that a process may take; one that takes longer waits for something that never comes.
    pub patience: Duration,
    /// Added to what clocks say, in seconds: a clock that jumped.
    pub skew: Arc<std::sync::atomic::AtomicI64>,
}

impl Bench {
    /// Forks a ground. With `orphans`, a Helm goes on when the tool that started it dies.
    pub fn set(ground: &Ground, twist: Box<dyn Twist>, orphans: bool) -> Self {
        let ground = ground.fork();
        let watchman = Watchman::new(
            ground.base.known.clone(),
            ground.files.clone(),
            ground.databases.clone(),
        )
        .with_orphans(orphans);
        Self {
            tap: Tap::new(ground.sim.clone(), twist, watchman),
            ground,
            leftover: orphans.then(Leftover::default),
            already: Mutex::default(),
            patience: TIME_LIMIT,
            skew: Arc::default(),
        }
    }

    /// How the next command ended, when it was typed already.
    pub fn ended_already(&self) -> Option<Ended> {
        self.already.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// How often the twist had something to do, up to the command that was asked for last.
    pub fn acted(&self) -> usize {
        let already = self.already.lock().unwrap_or_else(PoisonError::into_inner);
        if already.is_empty() { self.tap.acted() } else { 0 }
    }

    fn cluster(&self, process: &Process) -> KubeCluster {
        let facts = ContextFacts {
            context: Some(self.ground.base.context.clone()),
            user: Some("sweep".to_owned()),
            namespace: self.ground.base.settings.source_namespace.clone(),
            url: "https://sweep.invalid".to_owned(),
            ca: None,
            files: Vec::new(),
        };
        KubeCluster::with_client(process.client(), facts, TIME_LIMIT).with_clock(self.clock())
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(Skewed {
            inner: SimClock(self.ground.sim.clone()),
            seconds: self.skew.clone(),
        })
    }

    /// What a new process opens.
    pub fn session(&self, process: &Process) -> Session {
        let base = &self.ground.base;
        let cluster = Arc::new(self.cluster(process));
        // A Helm that goes on when its tool dies has a life of its own.
        let helm_process = match &self.leftover {
            Some(_) => process.survived_by(Actor::Helm),
            None => process.as_actor(Actor::Helm),
        };
        let helm_cluster = Arc::new(self.cluster(&helm_process));
        let helm = StandIn {
            recording: base.recording.clone(),
            wire: Wire::new(&helm_process, helm_cluster.clone()),
            cluster: helm_cluster,
            leftover: self.leftover.clone(),
            clock: self.clock(),
        };
        Session {
            settings: base.settings.clone(),
            profile: base.profile.clone(),
            words: base.words.clone(),
            context: base.context.clone(),
            cluster,
            helm: Arc::new(helm),
            forwards: Vec::new(),
            databases: Some(Arc::new(TappedDatabases::new(
                self.ground.databases.clone(),
                process.clone(),
            ))),
            files: Arc::new(TappedFiles::new(self.ground.files.clone(), process.clone())),
            clock: self.clock(),
            stop_after: None,
        }
    }
}

/// The clock of the simulated cluster, wrong by some seconds.
struct Skewed {
    inner: SimClock,
    seconds: Arc<std::sync::atomic::AtomicI64>,
}

#[async_trait::async_trait]
impl Clock for Skewed {
    fn now(&self) -> jiff::Timestamp {
        let seconds = self.seconds.load(std::sync::atomic::Ordering::SeqCst);
        self.inner.now() + jiff::SignedDuration::from_secs(seconds)
    }

    fn elapsed(&self) -> Duration {
        self.inner.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        self.inner.sleep(time).await;
    }

    fn outside(&self) -> Box<dyn Send> {
        self.inner.outside()
    }
}
