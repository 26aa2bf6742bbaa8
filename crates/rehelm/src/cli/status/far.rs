//! Where a run stands by its copy in the cluster: what a colleague sees who is asked to take over.

use rehelm_core::duplicate::{self, Found};
use rehelm_core::lease;
use serde_json::json;

use super::{report, text};
use crate::cli::global::{Global, Output};
use crate::cli::overrides::Overrides;
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;
use crate::session::{self, Near};

/// Prints what the cluster has.
pub fn run(printer: &Printer, global: &Global, output: Output) -> Result<Exit> {
    let (near, found, lock) = global.block_on(async {
        let near = Near::open(global, &Overrides::default()).await?;
        let (namespace, release) = (&near.settings.source_namespace, &near.settings.release);
        let at = duplicate::reference(namespace, release);
        let found = duplicate::read(&*near.cluster, &at).await;
        let found = found.context(|| format!("cannot use the copy of the run in the cluster ({at})"))?;
        let lock = lease::holder(&*near.cluster, &*near.clock, &lease::reference(namespace, release)).await;
        Ok((near, found, lock.context(|| "cannot read the lock".to_owned())?))
    })?;
    let (namespace, release) = (&near.settings.source_namespace, &near.settings.release);
    let lines = found.as_ref().and_then(|found| found.journal.as_deref());
    let lines = lines.map(|bytes| rehelm_core::journal::read_records(bytes, "journal".into()));
    let state = lines
        .transpose()
        .map_err(crate::run::unusable)?
        .map(|lines| lines.state);
    let plan = found.as_ref().and_then(|found| found.plan.as_ref());
    let whole = plan
        .zip(state.as_ref())
        .map(|(plan, state)| (plan, report(plan, state)));
    if output != Output::Text {
        let report = json!({
            "copy": found.as_ref().map(facts),
            "lock": lock.as_ref().map(|(holder, since)| json!({"holder": holder, "since": since})),
            "status": whole.as_ref().map(|(_, report)| report),
        });
        match output {
            Output::Yaml => printer.yaml(&report)?,
            _ => printer.json(&report)?,
        }
        return Ok(Exit::Done);
    }
    let Some(found) = &found else {
        if lock.is_none()
            && !global
                .folder()
                .join(crate::run_folder::NAME)
                .join(crate::run_folder::PLAN)
                .exists()
        {
            return Err(Error::usage(format!(
                "there is no plan here, and no run of {release} in namespace {namespace}"
            ))
            .hint("make a plan with `rehelm plan`"));
        }
        let held = lock.map_or("Nobody holds the lock.".to_owned(), |(holder, since)| {
            format!("The lock is held by {holder}, since {since}.")
        });
        printer.data(&format!(
            "No run of {release} has a copy in namespace {namespace}. {held}\n"
        ))?;
        return Ok(Exit::Done);
    };
    let mut out = match &whole {
        Some((plan, report)) => text(&session::words_of_plan(global, plan)?, plan, report),
        None => format!("{namespace} → {}: {}\n", near.settings.namespace, found.state),
    };
    out += &words(found);
    out += &match lock {
        Some((holder, since)) => format!("Lock:   held by {holder}, since {since}\n"),
        None => "Lock:   free\n".to_owned(),
    };
    printer.data(&out)?;
    Ok(Exit::Done)
}

fn words(found: &Found) -> String {
    let mut parts = vec![match &found.journal {
        Some(_) => format!("journal ({} records)", found.records),
        None => "no journal (too large)".to_owned(),
    }];
    parts.push(
        if found.plan.is_some() {
            "plan"
        } else {
            "no plan (too large)"
        }
        .to_owned(),
    );
    parts.push(format!("{} before-images", found.images.len()));
    format!(
        "Run:    {} of {}, at {}, rehelm {}\nBackup: {}\nCopy:   {}\n",
        found.run,
        found.by,
        found.at,
        found.version,
        found.backup,
        parts.join(", ")
    )
}

fn facts(found: &Found) -> serde_json::Value {
    json!({
        "run": found.run, "plan": found.plan_digest, "state": found.state, "step": found.step, "failed": found.failed,
        "next": found.next, "by": found.by, "at": found.at, "backup": found.backup, "version": found.version,
        "records": found.records, "hasJournal": found.journal.is_some(), "hasPlan": found.plan.is_some(),
        "beforeImages": found.images.len(),
    })
}
