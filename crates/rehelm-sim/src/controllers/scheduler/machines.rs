//! Nodes, and what is left of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::controllers::read::{list, text};
use crate::controllers::volumes::is_over;
use crate::meta;
use crate::quantity::Quantity;
use crate::world::World;

/// Amounts by resource name.
pub(super) type Amounts = BTreeMap<String, Quantity>;

/// A node with the pods that it has.
pub(super) struct Machine {
    pub node: Arc<Value>,
    pub pods: Vec<Arc<Value>>,
    /// Those of the pods that keep others away.
    pub repelling: Vec<Arc<Value>>,
    used: Amounts,
}

/// All nodes, by name.
pub(super) fn all(world: &World) -> Vec<Machine> {
    let nodes = world.list("nodes", None);
    nodes
        .into_iter()
        .map(|node| {
            let pods = world.at("pods", world.store.index().pods_on(meta::name(&node)));
            let mut machine = Machine {
                node,
                pods: Vec::new(),
                repelling: Vec::new(),
                used: Amounts::new(),
            };
            for pod in pods.into_iter().filter(|pod| !is_over(pod)) {
                machine.add(pod);
            }
            machine
        })
        .collect()
}

impl Machine {
    /// A pod is on the node from now on.
    pub fn add(&mut self, pod: Arc<Value>) {
        add(&mut self.used, &requests(&pod));
        if !list(&pod, super::affinity::ANTI).is_empty() {
            self.repelling.push(pod.clone());
        }
        self.pods.push(pod);
    }

    fn allocatable(&self, resource: &str) -> Option<Quantity> {
        let status = self.node.get("status")?;
        let amounts = status.get("allocatable").or_else(|| status.get("capacity"))?;
        amounts.get(resource).and_then(Quantity::of)
    }

    /// What the node has too little of, and whether it would not be enough even if the node were empty. A node that does
    /// not say what it has, has enough.
    pub fn lacks(&self, wanted: &Amounts) -> (Vec<String>, bool) {
        let mut reasons = Vec::new();
        let mut hopeless = false;
        let pods = i64::try_from(self.pods.len()).unwrap_or(i64::MAX);
        if self
            .allocatable("pods")
            .is_some_and(|most| most < Quantity::whole(pods + 1))
        {
            reasons.push("Too many pods".to_owned());
        }
        let knows = self
            .node
            .pointer("/status/allocatable")
            .or_else(|| self.node.pointer("/status/capacity"));
        if knows.is_none() {
            return (reasons, hopeless);
        }
        for (resource, amount) in wanted {
            let has = self.allocatable(resource).unwrap_or(Quantity::ZERO);
            let used = self.used.get(resource).copied().unwrap_or(Quantity::ZERO);
            if !amount.is_zero() && *amount > has.minus(used) {
                reasons.push(format!("Insufficient {resource}"));
                hopeless |= *amount > has;
            }
        }
        (reasons, hopeless)
    }
}

fn add(to: &mut Amounts, more: &Amounts) {
    for (resource, amount) in more {
        let sum = to.get(resource).copied().unwrap_or(Quantity::ZERO).plus(*amount);
        to.insert(resource.clone(), sum);
    }
}

fn of(container: &Value) -> Amounts {
    let requests = container.pointer("/resources/requests").and_then(Value::as_object);
    let each = requests.into_iter().flatten();
    each.filter_map(|(resource, amount)| Some((resource.clone(), Quantity::of(amount)?)))
        .collect()
}

/// What a pod needs: its containers together, or what its start needs when that is more.
pub(super) fn requests(pod: &Value) -> Amounts {
    let mut running = Amounts::new();
    let mut most = Amounts::new();
    for init in list(pod, "/spec/initContainers") {
        let own = of(init);
        let mut then = running.clone();
        add(&mut then, &own);
        for (resource, amount) in &then {
            let larger = most.get(resource).map_or(*amount, |most| most.larger(*amount));
            most.insert(resource.clone(), larger);
        }
        if text(init, "/restartPolicy") == "Always" {
            running = then;
        }
    }
    for container in list(pod, "/spec/containers") {
        add(&mut running, &of(container));
    }
    for (resource, amount) in &running {
        let larger = most.get(resource).map_or(*amount, |most| most.larger(*amount));
        most.insert(resource.clone(), larger);
    }
    let overhead = pod.pointer("/spec/overhead").and_then(Value::as_object);
    let overhead = overhead.into_iter().flatten();
    let overhead: Amounts = overhead
        .filter_map(|(resource, amount)| Some((resource.clone(), Quantity::of(amount)?)))
        .collect();
    add(&mut most, &overhead);
    most
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container(cpu: &str) -> Value {
        json!({"resources": {"requests": {"cpu": cpu}}})
    }

    #[test]
    fn a_pod_needs_what_its_hungriest_moment_needs() {
        let mut sidecar = container("2");
        sidecar["restartPolicy"] = "Always".into();
        let pod = json!({"spec": {
            "initContainers": [sidecar, container("5")],
            "containers": [container("1"), container("1500m")],
            "overhead": {"cpu": "100m"},
        }});
        assert_eq!(requests(&pod)["cpu"].milli(), 7100);
    }

    #[test]
    fn a_node_lacks_what_is_used_up() {
        let node = json!({"status": {"allocatable": {"cpu": "3", "pods": "2"}}});
        let mut machine = Machine {
            node: Arc::new(node),
            pods: Vec::new(),
            repelling: Vec::new(),
            used: Amounts::new(),
        };
        let pod = json!({"spec": {"containers": [container("2")]}});
        let wanted = requests(&pod);
        assert_eq!(machine.lacks(&wanted), (Vec::new(), false));
        machine.add(Arc::new(pod));
        assert_eq!(machine.lacks(&wanted), (vec!["Insufficient cpu".to_owned()], false));
        machine.add(Arc::new(json!({})));
        let (reasons, hopeless) = machine.lacks(&requests(&json!({"spec": {"containers": [container("4")]}})));
        assert_eq!((reasons.len(), hopeless), (2, true));
    }
}
