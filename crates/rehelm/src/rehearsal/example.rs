//! The example product, built into the program: written to a folder and installed into a simulated cluster as a person
//! would, with kubectl.

use std::process::Stdio;
use std::time::Duration;

use camino::Utf8Path;
use include_dir::{Dir, include_dir};
use rehelm_clients::program;
use rehelm_sim::Sim;
use tokio::process::Command;

use crate::errors::{Context, Error, Result};
use crate::printer::Printer;

static EXAMPLE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../examples/notes");

/// What is applied, in this order: what is there before the product, its secrets, and the product.
const APPLIED: [(&str, &str); 3] = [("-f", "surroundings.yaml"), ("-f", "secrets"), ("-k", "kustomize/prod")];

/// Virtual time that the install may take to come up.
const LIMIT: Duration = Duration::from_secs(600);

/// Writes the example's files into a folder, `rehelm.yaml` among them.
///
/// # Errors
/// When they cannot be written.
pub fn write(folder: &Utf8Path) -> Result<()> {
    fs_err::create_dir_all(folder).context(|| format!("cannot make {folder}"))?;
    EXAMPLE
        .extract(folder)
        .context(|| format!("cannot write the example to {folder}"))
}

/// Applies the example's Kustomize install and lets it come up.
///
/// # Errors
/// When there is no kubectl, or it fails.
pub async fn install(
    printer: &Printer,
    sim: &Sim,
    example: &Utf8Path,
    kubeconfig: &Utf8Path,
    namespace: &str,
) -> Result<()> {
    let kubectl = program("kubectl", "KUBECTL_BIN").map_err(|error| {
        Error::failed("cannot use kubectl").because(error).hint(
            "install kubectl 1.21 or newer (https://kubernetes.io/docs/tasks/tools/), or name it with KUBECTL_BIN",
        )
    })?;
    for (flag, path) in APPLIED {
        let words = ["apply", "--namespace", namespace, flag, path];
        printer.say(&format!("$ kubectl {}", words.join(" ")));
        // kubectl waits for nothing here, so time need not pass: the same cluster comes of it each time.
        let ended = Command::new(&kubectl)
            .args(words)
            .current_dir(example)
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context(|| format!("{} cannot be started", kubectl.display()))?;
        if !ended.status.success() {
            let said = String::from_utf8_lossy(&ended.stderr);
            return Err(Error::failed(format!("kubectl {}: {}", words.join(" "), said.trim())));
        }
    }
    sim.quiesce(LIMIT);
    Ok(())
}
