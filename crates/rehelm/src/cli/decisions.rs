//! Flags by which a person decides what a plan may do.

use crate::session::Decisions;

/// Decisions that the plan records.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct DecisionArgs {
    /// Waive one check by its id; the plan and the journal record it; may be given again
    #[arg(
        long,
        value_name = "ID",
        env = "REHELM_ACCEPT",
        hide_env = true,
        value_delimiter = ','
    )]
    pub accept: Vec<String>,
    /// Confirm a precondition that only a person can know, such as snapshots; may be given again
    #[arg(
        long,
        value_name = "ID",
        env = "REHELM_CONFIRM",
        hide_env = true,
        value_delimiter = ','
    )]
    pub confirm: Vec<String>,
    /// Where the chart would overwrite secrets from values, fill the values from the running install
    #[arg(long, env = "REHELM_FILL_VALUES", hide_env = true)]
    pub fill_values: bool,
    /// Switch on an optional group of the product's secrets; may be given again
    #[arg(
        long,
        value_name = "GROUP",
        env = "REHELM_SECRET_GROUP",
        hide_env = true,
        value_delimiter = ','
    )]
    pub secret_group: Vec<String>,
}

impl From<&DecisionArgs> for Decisions {
    fn from(args: &DecisionArgs) -> Self {
        Self {
            accepted: args.accept.clone(),
            confirmed: args.confirm.clone(),
            fill_secrets: args.fill_values,
            groups: args.secret_group.clone(),
        }
    }
}
