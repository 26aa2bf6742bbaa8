//! Controllers: steps in virtual time. Each is told of changes, says what it wants to look at and when, and then looks.

mod aggregation;
pub(crate) mod attach;
mod autoscaler;
mod backends;
pub(crate) mod binder;
mod bootstrap;
mod budget;
mod claim;
mod cronjob;
mod daemonset;
pub(crate) mod definitions;
mod deployment;
mod endpoints;
mod endpointslices;
mod ephemeral;
pub(crate) mod events;
mod gc;
mod history;
mod job;
mod kubelet;
#[cfg(test)]
mod lab;
mod loadbalancer;
mod namespace;
mod namespace_content;
mod node;
mod pods;
pub(crate) mod protection;
pub(crate) mod provision;
mod quota;
mod read;
mod replicaset;
pub(crate) mod scheduler;
mod selector;
mod statefulset;
mod template;
mod timing;
pub(crate) mod volumes;

use std::time::Duration;

pub use bootstrap::NodeOptions;
pub(crate) use bootstrap::bootstrap;
pub(crate) use kubelet::Machines;
pub use timing::Timing;

use crate::store::Change;
use crate::timeline::Task;
use crate::world::World;

/// One controller.
pub(crate) trait Controller: Sync {
    /// What a change gives it to look at: keys (`namespace/name` or `name`), and how long after the change.
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)>;

    /// Looks at one thing and does what is missing; safe to repeat. Gives when it wants to look again by itself; what
    /// would be asked for again and again without end goes to [`World::look_later`] instead.
    fn run(&self, world: &mut World, key: &str) -> Option<Duration>;

    /// Keys to look at when the simulation begins with objects that were loaded.
    fn begin(&self, _world: &World) -> Vec<String> {
        Vec::new()
    }

    /// Keys to look at when a fault came or went.
    fn wake(&self, _world: &World) -> Vec<String> {
        Vec::new()
    }
}

/// All controllers; a task names one by its place here.
const ALL: &[&dyn Controller] = &[
    &definitions::Definitions,
    &deployment::Deployments,
    &replicaset::ReplicaSets,
    &statefulset::StatefulSets,
    &daemonset::DaemonSets,
    &job::Jobs,
    &cronjob::CronJobs,
    &autoscaler::Autoscalers,
    &budget::Budgets,
    &kubelet::Kubelet,
    &node::Nodes,
    &gc::GarbageCollector,
    &endpoints::Endpoints,
    &endpointslices::EndpointSlices,
    &namespace::Namespaces,
    &namespace_content::NamespaceContent,
    &loadbalancer::LoadBalancers,
    &aggregation::Aggregation,
    &binder::Binder,
    &provision::Provisioner,
    &attach::Attacher,
    &protection::Protection,
    &scheduler::Scheduler,
    &quota::Quotas,
    &ephemeral::EphemeralClaims,
];

/// Tells every controller of a change.
pub(crate) fn notice(world: &mut World, change: &Change) {
    for (controller, each) in ALL.iter().enumerate() {
        for (later, key) in each.notice(world, change) {
            let at = world.now().after(later);
            world.timeline.plan(at, task(controller, key));
        }
    }
}

fn task(controller: usize, key: String) -> Task {
    Task {
        controller,
        key,
        background: false,
    }
}

/// Runs one task.
pub(crate) fn run(world: &mut World, task: &Task) {
    let Some(controller) = ALL.get(task.controller) else {
        return;
    };
    world.later = None;
    let again = controller.run(world, &task.key);
    for (after, background) in [(again, false), (world.later.take(), true)] {
        if let Some(after) = after {
            let at = world.now().after(after);
            let (controller, key) = (task.controller, task.key.clone());
            world.timeline.plan(
                at,
                Task {
                    controller,
                    key,
                    background,
                },
            );
        }
    }
}

/// Controllers take up a cluster that was loaded.
pub(crate) fn begin(world: &mut World) {
    for (controller, each) in ALL.iter().enumerate() {
        for key in each.begin(world) {
            let now = world.now();
            world.timeline.plan(now, task(controller, key));
        }
    }
}

/// Controllers look at what a fault may have changed.
pub(crate) fn wake(world: &mut World) {
    for (controller, each) in ALL.iter().enumerate() {
        for key in each.wake(world) {
            let now = world.now();
            world.timeline.plan(now, task(controller, key));
        }
    }
}
