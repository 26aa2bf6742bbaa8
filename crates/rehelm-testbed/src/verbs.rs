//! The verbs of the command line.

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand};
use rehelm_testbed::printer::{data, talk};
use rehelm_testbed::provision::Cloud;
use rehelm_testbed::{Cache, HelmMajor, Options, Pace, Result, Scenario, State, Testbed, build, cache, kubelet, mongo};
use std::time::{Duration, Instant};

/// A real Kubernetes control plane on loopback, without containers.
#[derive(Debug, Parser)]
#[command(name = "rehelm-testbed", version)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start a testbed and print the path of its kubeconfig
    Up(Up),
    /// End testbeds and remove what belongs to them
    Down(Down),
    /// Show the testbeds
    Status,
    /// Build and fetch everything that testbeds need
    Build,
    /// Find, fetch or build Helm and kubectl; prints their paths, one a line
    Tools,
    /// Play the machines of a testbed (started by `up`)
    #[command(hide = true)]
    Kubelet(Kubelet),
    /// Serve a database: options as JSON on standard input, its port on standard output
    #[command(hide = true)]
    Mongo,
}

#[derive(Debug, Args)]
struct Up {
    /// Name of the testbed
    #[arg(long, default_value = "default")]
    name: String,
    /// Install the product of a scenario, as it was before its migration, and push its chart
    #[arg(long, value_name = "SCENARIO")]
    install: Option<String>,
    /// Leave out the database server that the scenario asks for
    #[arg(long)]
    no_mongo: bool,
    /// Helm's major version
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(3..=4))]
    helm: u8,
    /// Time from a pod's placement to ready
    #[arg(long, default_value_t = 0)]
    pod_start_ms: u64,
    /// Time from a pod's deletion to gone
    #[arg(long, default_value_t = 0)]
    pod_stop_ms: u64,
}

#[derive(Debug, Args)]
struct Down {
    /// Name of the testbed
    #[arg(long, default_value = "default", conflicts_with = "all")]
    name: String,
    /// All testbeds of this user
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
struct Kubelet {
    #[arg(long)]
    dir: Utf8PathBuf,
    #[arg(long)]
    cloud: Option<Utf8PathBuf>,
    #[arg(long)]
    load_balancer: Option<String>,
    #[arg(long, default_value_t = 0)]
    pod_start_ms: u64,
    #[arg(long, default_value_t = 0)]
    pod_stop_ms: u64,
    #[arg(long, default_value_t = 0)]
    detach_ms: u64,
    #[arg(long)]
    owner: Option<u32>,
}

/// Does what the command line says.
pub fn run(cli: Cli) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    match cli.verb {
        Verb::Up(args) => runtime.block_on(up(args)),
        Verb::Down(args) => down(args),
        Verb::Status => status(),
        Verb::Build => build_all(),
        Verb::Tools => tools(),
        Verb::Kubelet(args) => runtime.block_on(kubelet(args)),
        Verb::Mongo => mongo::serve(std::io::stdin(), std::io::stdout()),
    }
}

async fn up(args: Up) -> Result<()> {
    let start = Instant::now();
    let scenario = args.install.as_deref().map(Scenario::load).transpose()?;
    let options = Options {
        name: Some(args.name.clone()),
        helm: if args.helm == 4 {
            HelmMajor::Helm4
        } else {
            HelmMajor::Helm3
        },
        pace: pace(args.pod_start_ms, args.pod_stop_ms, 0),
        ..Options::default()
    };
    let mut options = scenario
        .iter()
        .fold(options, |options, scenario| scenario.options(options));
    if let (Some(scenario), false) = (&scenario, args.no_mongo) {
        options.mongo = scenario.mongo_options()?;
    }
    let mut testbed = Testbed::up_with(options, &|line| talk(line)).await?;
    talk(format!(
        "{} is up after {:.1} s",
        args.name,
        start.elapsed().as_secs_f64()
    ));
    if let Some(scenario) = scenario {
        testbed.install_source(&scenario).await?;
        talk(format!(
            "{} is installed after {:.1} s",
            scenario.name,
            start.elapsed().as_secs_f64()
        ));
        let chart = testbed.push_chart(&scenario.chart_dir()?, true).await?;
        talk(format!("chart {} {}", chart.reference, chart.version));
    }
    let state = testbed.keep();
    talk(format!(
        "registry {} user {} password {}",
        state.registry.host, state.registry.user, state.registry.password
    ));
    talk(format!("export KUBECONFIG={}", state.kubeconfig));
    if let Some(uri) = &state.mongo_uri {
        talk(format!("mongo {uri}"));
    }
    data(&state.kubeconfig);
    Ok(())
}

fn down(args: Down) -> Result<()> {
    let states = State::all(&Cache::open()?)?;
    let chosen: Vec<_> = states.iter().filter(|s| args.all || s.name == args.name).collect();
    for state in &chosen {
        state.end()?;
        talk(format!("{} is down", state.name));
    }
    if chosen.is_empty() {
        talk(if args.all {
            "no testbed".to_owned()
        } else {
            format!("no testbed {}", args.name)
        });
    }
    Ok(())
}

fn status() -> Result<()> {
    for state in State::all(&Cache::open()?)? {
        let word = if state.alive() { "up" } else { "broken" };
        data(format!(
            "{}\t{word}\t{}\t{}",
            state.name,
            state.installed.as_deref().unwrap_or("-"),
            state.kubeconfig
        ));
        for process in &state.processes {
            let word = if process.alive() { "runs" } else { "gone" };
            data(format!("  {}\t{}\t{word}", process.name, process.pid));
        }
    }
    Ok(())
}

fn build_all() -> Result<()> {
    let cache = Cache::open()?;
    let talk = |line: String| talk(line);
    build::binaries(&cache, &talk)?;
    for major in [HelmMajor::Helm3, HelmMajor::Helm4] {
        build::tools(&cache, major, &talk)?;
    }
    build::containers(&cache, &[], &talk)?;
    // Starting the database server once fetches and compiles what it needs.
    drop(mongo::Server::start(mongo::Options::default())?);
    talk("everything is there".into());
    Ok(())
}

fn tools() -> Result<()> {
    let tools = build::clients(&Cache::open()?, &|line| talk(line))?;
    data(&tools.helm);
    data(&tools.kubectl);
    Ok(())
}

async fn kubelet(args: Kubelet) -> Result<()> {
    let mut cloud = Cloud::read(&args.cloud.unwrap_or_else(|| cache::data_dir().join("cloud.yaml")))?;
    cloud.load_balancer = args.load_balancer.or(cloud.load_balancer);
    let pace = pace(args.pod_start_ms, args.pod_stop_ms, args.detach_ms);
    kubelet::run(kubelet::Settings {
        dir: args.dir,
        cloud,
        pace,
        owner: args.owner,
    })
    .await
}

fn pace(start: u64, stop: u64, detach: u64) -> Pace {
    let ms = Duration::from_millis;
    Pace {
        pod_start: ms(start),
        pod_stop: ms(stop),
        detach: ms(detach),
    }
}
