//! `rehelm snapshot`: everything that a rehearsal needs of a cluster, in one file; reads only.

use std::sync::{Arc, Mutex};

use camino::Utf8PathBuf;
use indicatif::{ProgressBar, ProgressStyle};
use rehelm_clients::snapshot_file::{self, Sealing};
use rehelm_core::finding::Finding;
use rehelm_core::ports::{Cluster, Databases};
use rehelm_core::snapshot::{self, About, Meta, Snapshot, redact};
use rehelm_report::{Words, human};
use serde::Serialize;

use super::global::{Global, Output};
use super::overrides::Overrides;
use crate::config::Settings;
use crate::doors;
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;
use crate::session;

const HELP: &str = "\
Reads every object of every kind that may be listed, the Helm releases among them, and from the databases their names,
sizes, counts and indexes. No document of a database is read. Needs no right but `get` and `list`; kinds that may not
be listed are named.

Secrets are encrypted with age, for backup.recipients of rehelm.yaml, for --recipient, or with the passphrase in
--passphrase-file. With --redact each value becomes a stand-in instead: equal values stay equal, connection strings
keep hosts, users and databases, logins keep their registries, and no secret is in the file. Such a file can be given
to somebody else; it still says what runs in the cluster, and under which names.

  rehelm snapshot --redact                            # snapshot.tar.zst, without secrets
  rehelm snapshot --out prod.tar.zst                  # encrypted for backup.recipients
  rehelm rehearse --snapshot prod.tar.zst --identity key.txt

The file is a tar under zstd: meta.json, databases.json, objects/KIND.jsonl.";

/// Arguments of `rehelm snapshot`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// Where to write it
    #[arg(
        long,
        value_name = "FILE",
        default_value = "snapshot.tar.zst",
        env = "REHELM_SNAPSHOT_OUT",
        hide_env = true
    )]
    pub out: Utf8PathBuf,
    /// Put stand-ins in place of all secrets
    #[arg(long, env = "REHELM_REDACT", hide_env = true, conflicts_with_all = ["recipient", "passphrase_file"])]
    pub redact: bool,
    /// age public key that the secrets are encrypted for; may be given again
    #[arg(
        long,
        value_name = "age1…",
        env = "REHELM_RECIPIENT",
        hide_env = true,
        value_delimiter = ','
    )]
    pub recipient: Vec<String>,
    /// File with the passphrase that the secrets are encrypted with
    #[arg(
        long,
        value_name = "FILE",
        env = "REHELM_PASSPHRASE_FILE",
        hide_env = true,
        conflicts_with = "recipient"
    )]
    pub passphrase_file: Option<Utf8PathBuf>,
    /// Take events along
    #[arg(long, env = "REHELM_EVENTS", hide_env = true)]
    pub events: bool,
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// What a program gets.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    file: &'a str,
    bytes: u64,
    objects: usize,
    databases: usize,
    meta: &'a Meta,
    findings: Vec<rehelm_report::findings::FindingOutput<'a>>,
}

/// Takes the snapshot and writes it.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let settings = settings(global, &args.overrides)?;
    let sealing = sealing(args, settings.as_ref())?;
    let (mut snapshot, mut findings) = doors::block_on(take(printer, global, settings.as_ref(), args.events))?;
    if args.redact {
        findings.extend(redact::redact(&mut snapshot, snapshot_file::random_key()));
    } else {
        findings.extend(redact::literals(&snapshot));
    }
    let bytes =
        snapshot_file::write(&args.out, &snapshot, &sealing).context(|| format!("cannot write {}", args.out))?;
    let words = match &settings {
        Some(settings) => session::words(global, &session::load_profile(settings)?)?,
        None => Words::new(global.lang.tag()),
    };
    let databases = snapshot.databases.as_ref().map_or(0, |d| d.databases.len());
    let report = Report {
        file: args.out.as_str(),
        bytes,
        objects: snapshot.count(),
        databases,
        meta: &snapshot.meta,
        findings: words.outputs(&findings, &[]),
    };
    match output {
        Output::Json => printer.json(&report)?,
        Output::Yaml => printer.yaml(&report)?,
        _ => {
            if !findings.is_empty() {
                printer.data(&words.findings(&findings, &[], false))?;
            }
            let secrets = if args.redact {
                "secrets redacted"
            } else {
                "secrets encrypted"
            };
            printer.say(&format!(
                "{}: {} objects of {} kinds, {databases} databases, Kubernetes {}, {secrets}, {}.",
                args.out,
                report.objects,
                snapshot.meta.resources.len(),
                snapshot.meta.version,
                human::size(bytes),
            ));
            printer.say(&format!("Next: rehelm rehearse --snapshot {}", args.out));
        }
    }
    Ok(Exit::Done)
}

/// What rehelm.yaml says, if there is one: a snapshot can be taken without.
fn settings(global: &Global, flags: &Overrides) -> Result<Option<Settings>> {
    if global.config.exists() || global.config != "rehelm.yaml" {
        return Settings::load(global, flags).map(Some);
    }
    Ok(None)
}

fn sealing(args: &Args, settings: Option<&Settings>) -> Result<Sealing> {
    if args.redact {
        return Ok(Sealing::Redacted);
    }
    if let Some(path) = &args.passphrase_file {
        return Ok(Sealing::Passphrase(doors::passphrase(path)?));
    }
    let configured = settings.map(|settings| settings.recipients.clone()).unwrap_or_default();
    let recipients = if args.recipient.is_empty() {
        configured
    } else {
        args.recipient.clone()
    };
    if recipients.is_empty() {
        return Err(
            Error::usage("nobody is named who may read the secrets, so they would be readable by everybody")
                .hint("leave them out: --redact")
                .hint(
                    "or encrypt them: backup.recipients in rehelm.yaml, --recipient age1…, or --passphrase-file FILE",
                ),
        );
    }
    // A key that is none is found before the cluster is read.
    doors::seal(&recipients)?;
    Ok(Sealing::Recipients(recipients))
}

async fn take(
    printer: &Printer,
    global: &Global,
    settings: Option<&Settings>,
    events: bool,
) -> Result<(Snapshot, Vec<Finding>)> {
    let cluster = Arc::new(doors::cluster(global, settings.and_then(|s| s.context.as_deref())).await?);
    let databases = match settings {
        Some(settings) => doors::databases(settings, &session::load_profile(settings)?, &cluster).await?,
        None => None,
    };
    let context = cluster.context().context.clone();
    let context = context.unwrap_or_else(|| "in-cluster".to_owned());
    let databases = databases.as_ref().map(|reached| &reached.server as &dyn Databases);
    of(printer, &*cluster, databases, &context, events).await
}

/// Takes a snapshot in memory; says how far it is.
///
/// # Errors
/// When the cluster does not answer.
pub async fn of(
    printer: &Printer,
    cluster: &dyn Cluster,
    databases: Option<&dyn Databases>,
    context: &str,
    events: bool,
) -> Result<(Snapshot, Vec<Finding>)> {
    printer.say(&format!(
        "Reading the cluster of context {context}. This changes nothing."
    ));
    let about = About {
        now: jiff::Timestamp::now(),
        by: doors::who(),
        context: context.to_owned(),
        events,
    };
    let bar = (printer.is_live() && !printer.is_quiet()).then(|| {
        let bar = printer.draw_bars().add(ProgressBar::new(1));
        let style = ProgressStyle::with_template("  {bar:20} {pos} of {len} kinds  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    });
    let shown = Mutex::new(bar);
    let progress = |kind: &str, read: usize, of: usize| {
        if let Ok(Some(bar)) = shown.lock().as_deref() {
            bar.set_length(of as u64);
            bar.set_position(read as u64);
            bar.set_message(kind.to_owned());
        }
    };
    let taken = snapshot::take(cluster, databases, &about, &progress).await;
    if let Ok(mut bar) = shown.lock()
        && let Some(bar) = bar.take()
    {
        bar.finish_and_clear();
        printer.end_bars();
    }
    taken.map_err(|error| Error::failed("cannot read the cluster").because(error))
}
