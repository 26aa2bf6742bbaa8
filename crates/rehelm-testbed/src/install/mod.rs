//! Installing a product from its Kustomize folders, as an operator did it years ago.
//!
//! What is installed is data ([`Scenario`]); the product's files are not part of the project and are found through
//! `REHELM_REFERENCE`.

mod built;
mod chart;
mod databases;
mod scenario;
mod settled;
mod source;

pub use chart::{Pushed, relax_kube_version};
pub use databases::{Databases, RootPassword};
pub use scenario::{Scenario, reference};
pub use source::Manifests;
