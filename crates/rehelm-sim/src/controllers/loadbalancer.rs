//! Addresses for Services of type LoadBalancer, as a cloud would give them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Controller, read};
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::{CONTROLLERS, World, Writer};

/// The controller.
pub(crate) struct LoadBalancers;

impl Controller for LoadBalancers {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        if &*change.resource != "services" || change.kind == ChangeKind::Deleted {
            return Vec::new();
        }
        vec![(world.options.timing.load_balancer, meta::key(&change.object))]
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let service = world.get("services", namespace, name)?;
        let balanced = read::text(&service, "/spec/type") == "LoadBalancer";
        let class = read::text(&service, "/spec/loadBalancerClass");
        let has = !read::list(&service, "/status/loadBalancer/ingress").is_empty();
        let wanted = balanced && class.is_empty();
        if meta::is_terminating(&service) || has == wanted || !class.is_empty() {
            return None;
        }
        let balancer = if wanted {
            json!({"ingress": [address(world, &service)]})
        } else {
            json!({})
        };
        let writer = Writer::new(CONTROLLERS, "status");
        let written = world.modify_as("services", namespace, name, &writer, |service| {
            meta::child_map(service, "status").insert("loadBalancer".to_owned(), balancer);
        });
        if let Err(refusal) = written {
            tracing::debug!(
                name,
                message = refusal.message,
                "a load balancer's address could not be written"
            );
        }
        None
    }
}

/// The address that the Service asks for; else a host name like those that the cluster's other balancers have; else one
/// of 198.18.0.0/15, which is kept for benchmarks and so never real.
fn address(world: &World, service: &Value) -> Value {
    let asked = read::text(service, "/spec/loadBalancerIP");
    if !asked.is_empty() {
        return json!({"ip": asked, "ipMode": "VIP"});
    }
    let all = world.list("services", None);
    let taken = |field: &'static str| {
        let ingress = all
            .iter()
            .flat_map(|other: &Arc<Value>| read::list(other, "/status/loadBalancer/ingress"));
        ingress.filter_map(move |ingress| ingress.get(field).and_then(Value::as_str))
    };
    let uid = meta::uid(service);
    if let Some((_, domain)) = taken("hostname").find_map(|name| name.split_once('.')) {
        let label = uid.replace('-', "");
        return json!({"hostname": format!("a{}.{domain}", label.get(1..).unwrap_or_default())});
    }
    let taken: HashSet<&str> = taken("ip").collect();
    let start = uid
        .bytes()
        .fold(0_u16, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    let free = (0..u16::MAX).map(|step| {
        let [a, b] = start.wrapping_add(step).to_be_bytes();
        format!("198.18.{a}.{b}")
    });
    let ip = { free }.find(|ip| !taken.contains(ip.as_str())).unwrap_or_default();
    json!({"ip": ip, "ipMode": "VIP"})
}
