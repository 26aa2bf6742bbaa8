//! Serves a cluster that lives in memory, and prints the path of a kubeconfig for it.
//!
//! `cargo run -p rehelm-sim --example serve -- [--minor 35] [--pace leap|real|held] [--speed 1] [--kubeconfig FILE] [--load FILE]`
//!
//! `--load` takes a JSON file: a List, as `kubectl get -o json` prints it, or an array of objects.

use std::io::Write as _;
use std::path::PathBuf;

use rehelm_sim::{Identity, Options, Pace, ServeOptions, Sim};
use serde_json::Value;

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut options = Options::default();
    let (mut pace, mut speed, mut port) = ("leap".to_owned(), 1.0, 0);
    let mut kubeconfig = std::env::temp_dir().join(format!("kubeconfig-{}", std::process::id()));
    let mut objects = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--minor" => options.minor = value.parse()?,
            "--pace" => pace = value,
            "--speed" => speed = value.parse()?,
            "--port" => port = value.parse()?,
            "--kubeconfig" => kubeconfig = PathBuf::from(value),
            "--load" => objects = Some(serde_json::from_slice::<Value>(&std::fs::read(value)?)?),
            _ => return Err(format!("unknown flag {flag}").into()),
        }
    }
    let pace = match pace.as_str() {
        "leap" => Pace::Leap,
        "real" => Pace::Real { speed },
        "held" => Pace::Held,
        other => return Err(format!("unknown pace {other}").into()),
    };
    options.bootstrap = objects.is_none();
    let sim = Sim::new(options);
    if let Some(mut objects) = objects {
        let items = objects.get_mut("items").map(Value::take);
        sim.load(
            items
                .unwrap_or(objects)
                .as_array()
                .cloned()
                .ok_or("neither a List nor an array")?,
        )?;
    }
    let served = sim
        .serve(ServeOptions {
            pace,
            port,
            ..ServeOptions::default()
        })
        .await?;
    served.write_kubeconfig(&kubeconfig, &Identity::admin())?;
    writeln!(std::io::stdout(), "export KUBECONFIG={}", kubeconfig.display())?;
    tokio::signal::ctrl_c().await?;
    served.stop().await;
    std::fs::remove_file(kubeconfig)?;
    Ok(())
}
