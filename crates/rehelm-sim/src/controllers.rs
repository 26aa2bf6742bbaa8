//! Controllers: steps in virtual time. Each is told of changes, says what it wants to look at and when, and then looks.

pub(crate) mod definitions;
pub(crate) mod events;

use std::time::Duration;

use crate::store::Change;
use crate::timeline::Task;
use crate::world::World;

/// One controller.
pub(crate) trait Controller: Sync {
    /// What a change gives it to look at: keys (`namespace/name` or `name`), and how long after the change.
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)>;

    /// Looks at one thing and does what is missing; safe to repeat. Gives when it wants to look again by itself.
    fn run(&self, world: &mut World, key: &str) -> Option<Duration>;

    /// Keys to look at when the simulation begins with objects that were loaded.
    fn begin(&self, _world: &World) -> Vec<String> {
        Vec::new()
    }
}

/// All controllers; a task names one by its place here.
const ALL: &[&dyn Controller] = &[&definitions::Definitions];

/// Tells every controller of a change.
pub(crate) fn notice(world: &mut World, change: &Change) {
    for (controller, each) in ALL.iter().enumerate() {
        for (later, key) in each.notice(world, change) {
            let at = world.now().after(later);
            world.timeline.plan(at, Task { controller, key });
        }
    }
}

/// Runs one task.
pub(crate) fn run(world: &mut World, task: &Task) {
    let Some(controller) = ALL.get(task.controller) else {
        return;
    };
    if let Some(again) = controller.run(world, &task.key) {
        let at = world.now().after(again);
        world.timeline.plan(at, task.clone());
    }
}

/// Controllers take up a cluster that was loaded.
pub(crate) fn begin(world: &mut World) {
    for (controller, each) in ALL.iter().enumerate() {
        for key in each.begin(world) {
            let now = world.now();
            world.timeline.plan(now, Task { controller, key });
        }
    }
}

/// What a new cluster has: namespaces, the API's own Service, system roles and classes.
pub(crate) fn bootstrap(world: &mut World) {
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        let namespace = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        if let Err(refusal) = world.create("namespaces", namespace) {
            tracing::error!(
                name,
                message = refusal.message,
                "a namespace of every cluster was refused"
            );
        }
    }
}
