//! `rehelm plan -o rbac`: the Roles that each part of the migration needs, for kubectl to apply.

use rehelm_core::plan::Plan;
use rehelm_core::rights::{self, Beside, Duty, Subject, Subjects};

use crate::errors::Result;
use crate::printer::Printer;

/// Who gets which rights.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "With -o rbac")]
pub struct RbacArgs {
    /// Who gets the rights: serviceaccount:NAMESPACE/NAME, user:NAME or group:NAME; without it, a service account is
    /// made for each part of the migration
    #[arg(long, value_name = "WHO", env = "REHELM_SUBJECT", hide_env = true)]
    pub subject: Option<Subject>,
    /// Only these parts of the migration: read, prepare, migrate, rollback, cleanup
    #[arg(long, value_name = "PART", value_delimiter = ',', value_parser = duty, env = "REHELM_DUTY", hide_env = true)]
    pub duty: Vec<Duty>,
}

fn duty(text: &str) -> std::result::Result<Duty, String> {
    let found = Duty::ALL.into_iter().find(|duty| duty.name() == text);
    found.ok_or_else(|| {
        let names = Duty::ALL.map(Duty::name).join(", ");
        format!("the parts are {names}")
    })
}

/// Prints the Roles and bindings of a plan.
///
/// # Errors
/// When stdout cannot be written.
pub fn print(printer: &Printer, plan: &Plan, beside: &Beside, args: &RbacArgs) -> Result<()> {
    let subjects = args.subject.clone().map_or(Subjects::Made, Subjects::One);
    let duties: &[Duty] = if args.duty.is_empty() { &Duty::ALL } else { &args.duty };
    let manifests = rights::manifests(plan, beside, &subjects, duties);
    let documents = manifests.iter().map(|manifest| &manifest.0);
    printer.data(&rehelm_core::yaml::to_string_documents(documents))
}
