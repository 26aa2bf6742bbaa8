//! Services: cluster IPs, IP families and node ports; what was given stays over updates.
//!
//! The cluster has one family, IPv4, as most have. Its range is the /16 around the address of `default/kubernetes`.

mod ledger;
mod types;

use serde_json::{Map, Value, json};

use crate::meta;
use crate::refusal::{Cause, Refusal};
use crate::world::World;

pub(crate) use ledger::Ledger;
use ledger::{FIRST_PORT, LAST_PORT};
use types::{drop_what_the_type_has_not, has_cluster_ip, has_health_port, has_node_ports, keep_allocated};

fn text<'a>(spec: &'a Map<String, Value>, key: &str) -> &'a str {
    spec.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn invalid(name: &str, cause: Cause) -> Refusal {
    Refusal::invalid("Service", name, &[cause])
}

/// Brings both forms of the address in line, keeps what an update left out, and allocates what is missing.
pub(super) fn mutate(world: &mut World, object: &mut Value, old: Option<&Value>, dry_run: bool) -> Result<(), Refusal> {
    let name = meta::name(object).to_owned();
    let before = old.and_then(|old| old.get("spec")?.as_object());
    let mut spec = object
        .get("spec")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    align_addresses(&mut spec, before);
    if let Some(before) = before {
        keep_allocated(&mut spec, before);
        drop_what_the_type_has_not(&mut spec, before);
    }
    world.ledger.catch_up(&world.store);
    if text(&spec, "type") != "ExternalName" {
        set_families(&mut spec, before);
        allocate_address(world, &name, &mut spec, before, dry_run)?;
    }
    allocate_ports(world, &name, &mut spec, before, dry_run)?;
    if let Some(map) = object.as_object_mut() {
        map.insert("spec".to_owned(), Value::Object(spec));
    }
    Ok(())
}

/// `clusterIP` is the first of `clusterIPs`; who writes only one of them means both.
fn align_addresses(spec: &mut Map<String, Value>, before: Option<&Map<String, Value>>) {
    let address = text(spec, "clusterIP").to_owned();
    let list = spec
        .get("clusterIPs")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let first = list.first().and_then(Value::as_str).unwrap_or_default();
    let changed = before.is_some_and(|before| text(before, "clusterIP") != address);
    let same_list = before.is_some_and(|before| before.get("clusterIPs") == spec.get("clusterIPs"));
    if address.is_empty() {
        if changed && same_list {
            spec.shift_remove("clusterIPs");
        }
        if !first.is_empty() && before.is_none() {
            spec.insert("clusterIP".to_owned(), first.into());
        }
    } else if list.is_empty() || (changed && same_list) {
        spec.insert("clusterIPs".to_owned(), json!([address]));
    }
}

fn set_families(spec: &mut Map<String, Value>, before: Option<&Map<String, Value>>) {
    let headless = text(spec, "clusterIP") == "None";
    let selects = spec
        .get("selector")
        .and_then(Value::as_object)
        .is_some_and(|map| !map.is_empty());
    if text(spec, "ipFamilyPolicy").is_empty() {
        let kept = before
            .map(|before| text(before, "ipFamilyPolicy"))
            .filter(|kept| !kept.is_empty());
        let policy = kept.unwrap_or(if headless && !selects {
            "RequireDualStack"
        } else {
            "SingleStack"
        });
        spec.insert("ipFamilyPolicy".to_owned(), policy.into());
    }
    let none = spec
        .get("ipFamilies")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty);
    if none {
        let families = if headless && !selects && text(spec, "ipFamilyPolicy") != "SingleStack" {
            json!(["IPv4", "IPv6"])
        } else {
            json!(["IPv4"])
        };
        spec.insert("ipFamilies".to_owned(), families);
    }
}

fn allocate_address(
    world: &mut World,
    name: &str,
    spec: &mut Map<String, Value>,
    before: Option<&Map<String, Value>>,
    dry_run: bool,
) -> Result<(), Refusal> {
    let address = text(spec, "clusterIP").to_owned();
    if address == "None" || before.is_some_and(|before| text(before, "clusterIP") == address && !address.is_empty()) {
        return Ok(());
    }
    if before.is_some_and(has_cluster_ip) && !address.is_empty() {
        // An address never changes; validation says so.
        return Ok(());
    }
    if !address.is_empty() {
        let all = spec.get("clusterIPs").and_then(Value::as_array).map_or(0, Vec::len);
        let parsed = address.parse::<std::net::Ipv4Addr>().ok();
        if all > 1 || parsed.is_none() || spec.get("clusterIPs") != Some(&json!([address])) {
            // Validation says what is wrong.
            return Ok(());
        }
        // What range a cluster has that was loaded is not known.
        let outside = world.options.bootstrap && parsed.is_some_and(|own| own.octets()[..2] != [10, 96]);
        if outside {
            let why = if dry_run {
                format!("the provided IP ({address}) is not in the valid range. The range of valid IPs is 10.96.0.0/16")
            } else {
                "the provided network does not match the current range".to_owned()
            };
            let why = format!("failed to allocate IP {address}: {why}");
            return Err(invalid(
                name,
                Cause::invalid("spec.clusterIPs", &json!([address]), &why),
            ));
        }
        if !dry_run && world.ledger.has_address(&address) {
            let why = format!("failed to allocate IP {address}: provided IP is already allocated");
            return Err(invalid(
                name,
                Cause::invalid("spec.clusterIPs", &json!([address]), &why),
            ));
        }
        return Ok(());
    }
    let draw = if dry_run { 0 } else { world.draw() };
    let free = world.ledger.free_address(&world.store, draw);
    spec.insert("clusterIPs".to_owned(), json!([free]));
    spec.insert("clusterIP".to_owned(), free.into());
    Ok(())
}

fn numbers(spec: &Map<String, Value>) -> Vec<i64> {
    let ports = spec.get("ports").and_then(Value::as_array).into_iter().flatten();
    let mut numbers: Vec<i64> = ports
        .filter_map(|port| port.get("nodePort")?.as_i64())
        .filter(|port| *port != 0)
        .collect();
    numbers.extend(
        spec.get("healthCheckNodePort")
            .and_then(Value::as_i64)
            .filter(|port| *port != 0),
    );
    numbers
}

fn allocate_ports(
    world: &mut World,
    name: &str,
    spec: &mut Map<String, Value>,
    before: Option<&Map<String, Value>>,
    dry_run: bool,
) -> Result<(), Refusal> {
    let owned = before.map(numbers).unwrap_or_default();
    let wants = has_node_ports(spec);
    let count = spec.get("ports").and_then(Value::as_array).map_or(0, Vec::len);
    for at in 0..count {
        let given = numbers(spec);
        let port = spec
            .get("ports")
            .and_then(|ports| ports.get(at)?.get("nodePort")?.as_i64());
        match port.filter(|port| *port != 0) {
            Some(port) if !owned.contains(&port) => {
                let field = format!("spec.ports[{at}].nodePort");
                refuse_port(world, name, &field, port, dry_run)?;
            }
            None if wants => {
                let draw = if dry_run { 0 } else { world.draw() };
                let free = world.ledger.free_port(draw, &given);
                if let Some(port) = spec
                    .get_mut("ports")
                    .and_then(|ports| ports.get_mut(at)?.as_object_mut())
                {
                    port.insert("nodePort".to_owned(), free.into());
                }
            }
            _ => {}
        }
    }
    if has_health_port(spec) {
        let given = spec
            .get("healthCheckNodePort")
            .and_then(Value::as_i64)
            .filter(|port| *port != 0);
        match given {
            Some(port) if !owned.contains(&port) => {
                refuse_port(world, name, "spec.healthCheckNodePort", port, dry_run)?
            }
            Some(_) => {}
            None => {
                let draw = if dry_run { 0 } else { world.draw() };
                let free = world.ledger.free_port(draw, &numbers(spec));
                spec.insert("healthCheckNodePort".to_owned(), free.into());
            }
        }
    }
    Ok(())
}

fn refuse_port(world: &World, name: &str, field: &str, port: i64, dry_run: bool) -> Result<(), Refusal> {
    let why = if !(FIRST_PORT..=LAST_PORT).contains(&port) {
        // A dry run does not look at the range.
        if dry_run {
            return Ok(());
        }
        format!("provided port is not in the valid range. The range of valid ports is {FIRST_PORT}-{LAST_PORT}")
    } else if world.ledger.has_port(port) {
        "provided port is already allocated".to_owned()
    } else {
        return Ok(());
    };
    Err(invalid(name, Cause::invalid(field, &port.into(), &why)))
}
