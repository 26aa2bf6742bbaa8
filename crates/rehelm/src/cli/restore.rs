//! `rehelm restore`: brings the originals back from a backup alone, without plan, journal or `rehelm.yaml`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use camino::Utf8PathBuf;
use rehelm_clients::files::{backup, bundle as folder};
use rehelm_core::bundle::Bundle;
use rehelm_core::object::Object;
use rehelm_core::ports::PortError;
use rehelm_core::recovery::{Deed, Difference};
use serde_json::json;

use super::global::{Global, Output};
use super::plan_arg::agree;
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;
use crate::recovery::Recovery;

/// Arguments of `rehelm restore`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The backup: .rehelm/backup of the run, or a copy of it
    #[arg(long, value_name = "DIR", env = "REHELM_FROM", hide_env = true)]
    pub from: Utf8PathBuf,
    /// age identities that can read the backup's secrets
    #[arg(long, value_name = "FILE", env = "REHELM_IDENTITY", hide_env = true)]
    pub identity: Option<Utf8PathBuf>,
    /// Leave the install's secrets as they are
    #[arg(long, env = "REHELM_WITHOUT_SECRETS", hide_env = true)]
    pub without_secrets: bool,
    /// Only say what differs and what would be done
    #[arg(long, env = "REHELM_DRY_RUN", hide_env = true)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long, env = "REHELM_YES", hide_env = true)]
    pub yes: bool,
}

/// Says what differs, asks, and brings it back.
pub fn run(printer: &Arc<Printer>, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json])?;
    let files = folder::read(&args.from).map_err(|error| match error {
        PortError::NotFound(_) => Error::usage(format!("there is no folder {}", args.from))
            .hint("the backup of a run is .rehelm/backup; of runs that are over, .rehelm/runs/RUN/backup"),
        other => Error::failed(format!("cannot use the backup {}", args.from)).because(other),
    })?;
    let bundle = Bundle::check(&files).map_err(|error| {
        Error::failed(format!("cannot use the backup {}", args.from))
            .because(error)
            .hint("nothing was changed; use another copy of the backup")
    })?;
    let secrets = secrets(&bundle, args)?;
    let plan = &bundle.list.plan;
    global.block_on(async {
        let recovery = Recovery::open(printer, global, &bundle, files.clone()).await?;
        recovery.same_cluster().await?;
        let stop = Arc::new(AtomicBool::new(false));
        if args.dry_run {
            let found = recovery.look(&stop, &secrets).await?;
            show(printer, output, &found, "would be")?;
            return Ok(Exit::Done);
        }
        recovery.allowed(&secrets).await?;
        recovery
            .hold(&stop, &secrets, |found| {
                if output == Output::Text {
                    show(printer, output, found, "will be")?;
                }
                let question = format!(
                    "Bring the originals of run {} back to {}: {} objects?",
                    bundle.list.run,
                    plan.source.namespace,
                    found.len()
                );
                agree(printer, args.yes || found.is_empty(), &question)
            })
            .await
            .and_then(|found| {
                if output == Output::Json {
                    printer.json(&json!({"run": bundle.list.run, "restored": true, "differences": rows(&found)}))?;
                } else if !found.is_empty() {
                    printer.say("The originals are back.");
                }
                Ok(Exit::Done)
            })
    })
}

/// The secrets, opened; none when they are to be left alone.
fn secrets(bundle: &Bundle, args: &Args) -> Result<Vec<Object>> {
    if args.without_secrets || bundle.secrets.is_empty() {
        return Ok(Vec::new());
    }
    let identity = match (&args.identity, bundle.sealed) {
        (None, true) => {
            return Err(Error::usage("the secrets of this backup are sealed")
                .hint("name the file with your age identity: --identity FILE")
                .hint("or leave the secrets as they are: --without-secrets"));
        }
        (identity, _) => identity.clone().unwrap_or_default(),
    };
    let open = |content: &[u8]| match bundle.sealed {
        true => backup::decrypt(&identity, content),
        false => Ok(content.to_vec()),
    };
    bundle
        .opened(&open)
        .context(|| "cannot open the secrets of the backup".to_owned())
}

fn rows(found: &[Difference]) -> Vec<serde_json::Value> {
    let each = found.iter().map(|difference| {
        let (deed, more) = match &difference.deed {
            Deed::Create => ("create", json!(null)),
            Deed::Change(fields) => ("change", json!(fields)),
            Deed::HandOver(from) => ("hand over", json!(from)),
            Deed::Delete => ("delete", json!(null)),
        };
        json!({"object": difference.object, "action": deed, "detail": more})
    });
    each.collect()
}

fn show(printer: &Printer, output: Output, found: &[Difference], will_be: &str) -> Result<()> {
    if output == Output::Json {
        return printer.json(&json!({"restored": false, "differences": rows(found)}));
    }
    if found.is_empty() {
        printer.say("Everything is as in the backup.");
        return Ok(());
    }
    let mut text = String::new();
    for Difference { object, deed } in found {
        text += &match deed {
            Deed::Create => format!("  + {object}  is gone and {will_be} created\n"),
            Deed::Change(fields) => format!("  ~ {object}  {}\n", fields.join(" ")),
            Deed::HandOver(from) => format!("  » {object}  its volume is held by {from} and {will_be} handed over\n"),
            Deed::Delete => format!("  x {object}  was made by the release and {will_be} deleted\n"),
        };
    }
    printer.data(&text)
}
