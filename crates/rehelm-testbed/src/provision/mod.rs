//! The stand-in for the clouds' volume provisioners.
//!
//! - **Which name makes which volume is data** ([`Cloud`]), this code is generic.
//! - **Delete really deletes**: the record of disks ([`disks`]) says what became of each, so that a test can prove that
//!   data survived.

mod claim;
mod cloud;
pub mod disks;
mod template;
mod volume;

pub use cloud::{Cloud, Driver, Provisioner};

pub(crate) use claim::reconcile as reconcile_claim;
pub(crate) use template::fill;
pub(crate) use volume::reconcile as reconcile_volume;

/// The annotation that says who made a volume.
pub(crate) const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

/// Keeps a volume object until its disk is dealt with.
pub(crate) const FINALIZER: &str = "external-provisioner.volume.kubernetes.io/finalizer";
