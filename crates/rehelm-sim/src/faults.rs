//! What can be told to go wrong.

pub(crate) mod requests;

use std::time::Duration;

use crate::controllers;

/// How the pods of a workload fare.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readiness {
    /// Ready after this time.
    After(Duration),
    /// The image cannot be pulled: `ErrImagePull`, then `ImagePullBackOff`.
    ImagePull,
    /// The container ends with an error again and again: `CrashLoopBackOff`.
    CrashLoop,
    /// Runs and is never ready.
    Never,
    /// Does not end when it is deleted, for this long.
    SlowToEnd(Duration),
    /// Does not end when it is deleted, until the fault is taken away.
    NeverEnds,
    /// A container that ends by itself ends with an error.
    Fails,
    /// A Secret or ConfigMap has lost a key, as far as the pod can see.
    MissingKey {
        /// Name of the Secret or ConfigMap.
        name: String,
        /// The key.
        key: String,
    },
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Pods whose name starts so, in a namespace (empty: all).
    Pods {
        /// Namespace; empty for all.
        namespace: String,
        /// Start of the pod's name; empty for all.
        prefix: String,
        /// How they fare.
        readiness: Readiness,
    },
    /// Pods with an image that contains this text cannot pull it.
    Image(String),
    /// Volumes stay attached to their nodes for ever.
    NoDetach,
    /// A node does not answer any more: its pods are not ready, do not start, and do not end.
    NodeLost(String),
    /// No provisioner makes a volume.
    NoProvision,
}

/// What is wrong at the moment.
#[derive(Default)]
pub(crate) struct Faults {
    pub all: Vec<Fault>,
    pub requests: requests::Requests,
}

impl crate::Sim {
    /// Lets something go wrong from now on.
    pub fn fault(&self, fault: Fault) {
        self.shared.with(|world| {
            world.faults.all.push(fault);
            controllers::wake(world);
        });
    }

    /// Nothing goes wrong any more.
    pub fn mend(&self) {
        self.shared.with(|world| {
            world.faults.all.clear();
            controllers::wake(world);
        });
    }
}
