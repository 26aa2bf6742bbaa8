//! Rights, asked for before anything is changed.

use std::collections::BTreeSet;

use rehelm_core::ports::{Access, Cluster};
use rehelm_core::{checks, rights};
use rehelm_report::Words;

use super::Run;
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;

impl Run<'_> {
    /// Asks for every right that the command needs. Nobody can waive this: what is missing would be missed half-way.
    ///
    /// # Errors
    /// Exit code 3, with everything that is missing and the smallest role that has it.
    pub(super) async fn preflight(&self) -> Result<()> {
        let beside = self.session.beside();
        let wanted = self
            .duties
            .iter()
            .flat_map(|duty| rights::of(self.plan, *duty, &beside));
        allowed(
            self.printer,
            &self.session.words,
            &*self.session.cluster,
            &wanted.collect(),
        )
        .await
    }
}

/// Asks for rights; what is missing is printed.
///
/// # Errors
/// Exit code 3 when one is missing.
pub async fn allowed(printer: &Printer, words: &Words, cluster: &dyn Cluster, wanted: &BTreeSet<Access>) -> Result<()> {
    let missing = rights::missing(cluster, wanted).await;
    let missing = missing.context(|| "cannot ask the cluster for rights".to_owned())?;
    if missing.is_empty() {
        return Ok(());
    }
    let findings = checks::missing_findings(missing);
    printer.insist(words.findings(&findings, &[], false).trim_end());
    Err(Error::new(Exit::Blocked, "rights are missing; nothing was changed")
        .hint("roles for each part of the migration: rehelm plan -o rbac"))
}
