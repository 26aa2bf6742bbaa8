//! `rehelm db job FROM TO`: prints a Job that does the copy inside the cluster, for people who prefer that, or whose rights
//! and network allow nothing else.

use serde_json::json;

use super::place::rate;
use crate::cli::global::{Global, Output};
use crate::config::settings::secret_key;
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;

const HELP: &str = "\
Prints the manifest of a Job that runs `rehelm db copy FROM TO` in a pod beside the database. The URI comes from a
secret, as a variable of the container; the pod has no service account token, no rights and a read-only file system.

  rehelm db job old new --image REGISTRY/rehelm@sha256:… --uri-secret database/root/uri | kubectl apply -f -
  kubectl -n database wait --for=condition=complete job/rehelm-copy-old
  kubectl -n database logs job/rehelm-copy-old         # the verification, as JSON

The Job succeeds only when rehelm ends with 0, that is: copied and proven equal. An interrupted pod is started again
and goes on; a verification that failed (exit code 7) is not tried again.";

/// Arguments of `rehelm db job`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// The original
    pub from: String,
    /// The copy
    pub to: String,
    /// Image with rehelm in it, best by digest
    #[arg(long, env = "REHELM_IMAGE", hide_env = true)]
    pub image: String,
    /// Secret that holds the URI; the Job runs in its namespace
    #[arg(long, value_name = "NAMESPACE/NAME/KEY", env = "REHELM_URI_SECRET", hide_env = true)]
    pub uri_secret: String,
    /// Bytes a second at most, such as 20M
    #[arg(long, value_name = "RATE", value_parser = rate, env = "REHELM_MAX_RATE", hide_env = true)]
    pub max_rate: Option<u64>,
}

/// Prints.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Yaml, Output::Json])?;
    let manifest = manifest(args)?;
    match output {
        Output::Json => printer.json(&manifest)?,
        _ => printer.yaml(&manifest)?,
    }
    Ok(Exit::Done)
}

/// A name that Kubernetes takes, from any.
fn name_of(database: &str) -> String {
    let plain: String = database
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .take(40)
        .collect();
    format!("rehelm-copy-{}", plain.trim_matches('-'))
}

fn manifest(args: &Args) -> Result<serde_json::Value> {
    let secret = secret_key(&args.uri_secret).map_err(|why| Error::usage(format!("--uri-secret: {why}")))?;
    let rate = args.max_rate.map(|rate| format!("--max-rate={rate}"));
    let mut words = vec![
        "rehelm",
        "db",
        "copy",
        "--uri-env=REHELM_SERVER",
        "--output=json",
        "--config=/work/rehelm.yaml",
    ];
    words.extend(rate.as_deref());
    words.extend(["--", &args.from, &args.to]);
    let name = name_of(&args.from);
    let limits = json!({"cpu": "1", "memory": "256Mi", "ephemeral-storage": "256Mi"});
    let container = json!({
        "name": "copy",
        "image": args.image,
        "command": words,
        "env": [{"name": "REHELM_SERVER", "valueFrom": {"secretKeyRef": {"name": secret.name, "key": secret.key}}}],
        "resources": {"limits": limits, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
        },
        "volumeMounts": [{"name": "work", "mountPath": "/work"}],
        "workingDir": "/work",
    });
    // A container that starts again finds its notes in the pod's folder; a new pod compares what is there.
    let failed =
        json!({"action": "FailJob", "onExitCodes": {"containerName": "copy", "operator": "In", "values": [2, 3, 7]}});
    Ok(json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": secret.namespace, "labels": {"app.kubernetes.io/managed-by": "rehelm"}},
        "spec": {
            "backoffLimit": 4,
            "podFailurePolicy": {"rules": [failed]},
            "ttlSecondsAfterFinished": 86400,
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/managed-by": "rehelm"}},
                "spec": {
                    "automountServiceAccountToken": false,
                    "restartPolicy": "Never",
                    "securityContext": {
                        "runAsNonRoot": true, "runAsUser": 65532, "fsGroup": 65532,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [container],
                    "volumes": [{"name": "work", "emptyDir": {"sizeLimit": "256Mi"}}],
                },
            },
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jobs_command_line_is_one_that_this_program_takes() {
        let args = Args {
            from: "Old_db".into(),
            to: "new".into(),
            image: "example/rehelm".into(),
            uri_secret: "data/root/uri".into(),
            max_rate: Some(1000),
        };
        let made = manifest(&args).expect("a manifest");
        assert_eq!(made["metadata"]["name"], "rehelm-copy-old-db");
        let container = &made["spec"]["template"]["spec"]["containers"][0];
        let words = container["command"].as_array().expect("words");
        let words = words.iter().map(|word| word.as_str().unwrap_or_default().into());
        let Ok(cli) = crate::cli::parse(words) else {
            panic!("the command line is not taken")
        };
        let crate::cli::Verb::Db(super::super::Verb::Copy(copy)) = cli.verb else {
            panic!("another verb")
        };
        assert_eq!(
            (copy.from.as_str(), copy.to.as_str(), copy.max_rate),
            ("Old_db", "new", Some(1000))
        );
        assert_eq!(copy.place.uri_env.as_deref(), Some("REHELM_SERVER"));
        assert!(!made.to_string().contains("serviceAccountName"));
    }
}
