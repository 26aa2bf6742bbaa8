//! `rehelm db copy --in-pod`: mongodump | mongorestore inside a pod, for people who prefer it, or whose rights allow nothing else.

mod pod;
mod told;

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rehelm_clients::in_pod::{self, Copied, Counts, InPod, PodShell, Server, Trouble};
use rehelm_core::databases::equality::Verification;
use rehelm_report::Words;
use serde::Serialize;

use super::copy::Args;
use super::{shown, verify};
use crate::cli::global::{Global, Output};
use crate::doors;
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::{GOOD, Printer};

/// How often it is said that it still runs.
const EVERY: Duration = Duration::from_secs(10);

/// `NAMESPACE/POD[/CONTAINER]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Namespace.
    pub namespace: String,
    /// Name of the pod.
    pub pod: String,
    /// Name of the container; the pod's default, or its first one, when left out.
    pub container: Option<String>,
}

impl FromStr for Inside {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let (namespace, pod, container) = match parts[..] {
            [namespace, pod] => (namespace, pod, None),
            [namespace, pod, container] => (namespace, pod, Some(container)),
            _ => return Err("expected NAMESPACE/POD or NAMESPACE/POD/CONTAINER".to_owned()),
        };
        if parts.iter().any(|part| part.is_empty()) {
            return Err("expected NAMESPACE/POD or NAMESPACE/POD/CONTAINER".to_owned());
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            container: container.map(str::to_owned),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    from: &'a str,
    to: &'a str,
    in_pod: String,
    seconds: f64,
    /// Documents that mongodump read, by collection.
    dumped: Counts,
    /// Documents that mongorestore wrote.
    restored: u64,
    /// Documents of the copy, by collection, where they were only counted.
    counted: Option<Counts>,
    /// True when both sides were read and are equal.
    proven: bool,
    verification: Option<Verification>,
}

/// What is known of the copy.
enum Known {
    Proven(Box<(Arc<Words>, Verification)>),
    Counted(Counts, String),
    Nothing,
}

/// Copies.
pub fn run(printer: &Printer, global: &Global, args: &Args, inside: &Inside) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let (from, to) = (args.from.as_str(), args.to.as_str());
    for name in [from, to] {
        in_pod::refused(name).map_err(Error::usage)?;
    }
    if from == to {
        return Err(Error::usage("a database cannot be copied to itself"));
    }
    let (copied, seconds, known) = global.block_on(async {
        let login = args.place.login_inside(global).await?;
        let server = Server::of(&login)
            .map_err(|why| Error::usage("the server cannot be reached this way").because(told::Why(why)))?;
        let cluster = Arc::new(doors::cluster(global, args.place.context(global)?.as_deref()).await?);
        let shell = pod::open(&cluster, inside).await?;
        let begin = Instant::now();
        let copied = copy(printer, &shell, &server, (from, to)).await?;
        let seconds = begin.elapsed().as_secs_f64();
        let known = if args.no_verify {
            Known::Nothing
        } else {
            prove(printer, global, args, &shell, &server).await?
        };
        Ok((copied, seconds, known))
    })?;
    finish(printer, output, args, inside, (copied, seconds, known))
}

/// The copy itself, after what can be known before it.
async fn copy(printer: &Printer, shell: &PodShell, server: &Server, (from, to): (&str, &str)) -> Result<Copied> {
    in_pod::look_for_tools(shell)
        .await
        .map_err(|trouble| told::before(trouble, shell))?;
    let latest = Mutex::new(String::new());
    let progress = |name: &str, so: &str| {
        *latest.lock().unwrap_or_else(PoisonError::into_inner) = format!("{name}: {so}");
    };
    let before = |trouble| told::before(trouble, shell);
    let pod = InPod::open(shell, server, from, &progress).await.map_err(before)?;
    let there = pod.collections(to).await.map_err(before)?;
    if let Some(collection) = there.first() {
        return Err(told::occupied(from, to, collection));
    }
    printer.say(&format!(
        "Running mongodump {from} | mongorestore {to} in {}.",
        shell.pod
    ));
    latest.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let copied = with_heartbeat(printer, &latest, pod.copy(from, to)).await;
    copied.map_err(|trouble| told::while_copying(trouble, from, to))
}

async fn with_heartbeat<T>(printer: &Printer, latest: &Mutex<String>, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let begin = Instant::now();
    let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + EVERY, EVERY);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = tick.tick() => {
                let so = latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
                printer.say(&format!("  {} s  {so}", begin.elapsed().as_secs()));
            }
        }
    }
}

/// By reading both sides where the server can be reached from here, else by counting in the pod.
async fn prove(printer: &Printer, global: &Global, args: &Args, shell: &PodShell, server: &Server) -> Result<Known> {
    let why = if server.elsewhere {
        match args.place.open(global).await {
            Ok(place) => {
                let one = verify::prove(&place, &args.from, &args.to, false).await?;
                return Ok(Known::Proven(Box::new((place.words, one))));
            }
            Err(error) => {
                let cause = error
                    .causes()
                    .first()
                    .map(|cause| format!(": {cause}"))
                    .unwrap_or_default();
                format!("the server cannot be reached from here ({}{cause})", error.message())
            }
        }
    } else {
        "the server is known here only as the pod's own localhost".to_owned()
    };
    let latest = Mutex::new(String::new());
    let progress = |name: &str, so: &str| {
        *latest.lock().unwrap_or_else(PoisonError::into_inner) = format!("{name}: {so}");
    };
    let cannot = |trouble: Trouble| Error::failed("copied, and the copy cannot be counted").because(trouble);
    printer.say(&format!("Counting what is in {} now.", args.to));
    let pod = InPod::open(shell, server, &args.to, &progress).await.map_err(cannot)?;
    let counted = with_heartbeat(printer, &latest, pod.count(&args.to))
        .await
        .map_err(cannot)?;
    Ok(Known::Counted(counted, why))
}

fn finish(
    printer: &Printer,
    output: Output,
    args: &Args,
    inside: &Inside,
    (copied, seconds, known): (Copied, f64, Known),
) -> Result<Exit> {
    let (from, to) = (args.from.as_str(), args.to.as_str());
    let (exit, words) = match &known {
        Known::Proven(proven) => (shown::exit(&proven.1), Some(proven.0.clone())),
        Known::Counted(counted, _) if *counted != copied.dumped => (Exit::VerificationFailed, None),
        _ => (Exit::Done, None),
    };
    let (counted, why, verification) = match known {
        Known::Proven(proven) => (None, None, Some(proven.1)),
        Known::Counted(counted, why) => (Some(counted), Some(why), None),
        Known::Nothing => (None, None, None),
    };
    if let (Some(counted), Some(why)) = (&counted, why) {
        printer.warn(&told::unproven(&copied, counted, (from, to), &why));
    }
    let report = Report {
        from,
        to,
        in_pod: format!("{}/{}", inside.namespace, inside.pod),
        seconds,
        restored: copied.restored,
        dumped: copied.dumped,
        counted,
        proven: exit == Exit::Done && verification.is_some(),
        verification,
    };
    match (output, &report.verification, words) {
        (Output::Json, ..) => printer.json(&report)?,
        (Output::Yaml, ..) => printer.yaml(&report)?,
        (_, Some(one), Some(words)) => shown::verification(printer, &words, one)?,
        _ if exit == Exit::Done => printer.say(&format!(
            "{GOOD}Copied{GOOD:#} {} documents, and not proven: rehelm db verify {from} {to}",
            report.restored
        )),
        _ => {}
    }
    Ok(exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_named_with_its_namespace() {
        let inside = |text: &str| text.parse::<Inside>();
        assert_eq!(inside("a/b/c").map(|own| own.container), Ok(Some("c".to_owned())));
        assert_eq!(
            inside("a/b").map(|own| (own.namespace, own.pod)),
            Ok(("a".to_owned(), "b".to_owned()))
        );
        for text in ["b", "/b", "a/", "a/b/", "a/b/c/d"] {
            assert!(inside(text).is_err(), "{text}");
        }
    }
}
