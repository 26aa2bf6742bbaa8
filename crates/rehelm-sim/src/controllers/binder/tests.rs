//! Situations of claims and volumes. What is expected was seen on a real control plane (Kubernetes 1.35.4).

mod bench;
mod binding;
mod migration;
mod provisioning;

use bench::Bench;
