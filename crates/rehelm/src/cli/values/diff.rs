//! `rehelm values diff`: field by field, today's state against the chart with a person's values.

use camino::Utf8PathBuf;
use rehelm_clients::post_renderer;
use rehelm_core::values::proof::{Grounds, is_gap, residuals};
use rehelm_core::values::report::report;
use rehelm_core::values::sides::sides;
use rehelm_core::values::solve::{Problem, look};
use rehelm_core::values::warnings::warnings;
use rehelm_report::{Words, values_report};

use super::today::{From, today};
use super::{Sides, learned, open};
use crate::cli::global::{Global, Output};
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;

/// Flags of `rehelm values diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rehelm values diff -f values_prod.yaml --chart ./chart --kustomize ./production")]
pub struct Args {
    /// Exit with 10 when something differs that is not meant to
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Compare behind this post-renderer (default: the one of rehelm.yaml): a folder or a program
    #[arg(long, value_name = "DIR|FILE")]
    pub post_renderer: Option<Utf8PathBuf>,
    /// Where today's state is read from
    #[arg(long, value_enum, value_name = "WHERE", default_value = "kustomize")]
    pub from: From,
    /// Namespace of the Kustomize install
    #[arg(long, value_name = "NAMESPACE", env = "REHELM_SOURCE_NAMESPACE", hide_env = true)]
    pub source_namespace: Option<String>,
    /// What is looked at.
    #[command(flatten)]
    pub sides: Sides,
}

/// Compares and prints.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let mut setup = args.sides.resolve(global)?;
    let configured = setup
        .task
        .flags
        .iter()
        .find_map(|f| f.strip_prefix("--post-renderer=").map(Utf8PathBuf::from));
    setup.task.flags.retain(|flag| !flag.starts_with("--post-renderer"));
    let program = match &args.post_renderer {
        Some(place) if place.is_dir() => Some(place.join(rehelm_core::values::post_renderer::PROGRAM)),
        Some(place) => Some(place.clone()),
        None => configured,
    };
    let program = program
        .map(|p| {
            p.canonicalize_utf8()
                .map_err(|e| Error::usage(format!("there is no post-renderer {p}")).because(e))
        })
        .transpose()?;
    let words = Words::new(global.lang.tag());
    let report = global.block_on(async {
        let today = today(global, &setup, args.from, args.source_namespace.as_deref()).await?;
        let helm = open(setup.task.clone()).await?;
        let map = learned(printer, &helm).await?;
        let problem = Problem {
            map: &map,
            today: &today.source.objects,
            renames: &today.renames,
            hints: &today.hints,
            given: helm.values(),
        };
        let mut seen = look(&problem, &helm)
            .await
            .map_err(|e| Error::failed("the chart does not render").because(e))?;
        if let Some(program) = &program {
            let rendered = post_renderer::run(program.as_std_path(), &seen.rendered).await;
            let rendered = rendered.map_err(|e| Error::failed("the post-renderer fails").because(e))?;
            seen.after = sides(&today.source.objects, &rendered, &today.renames);
        }
        let moves = today.moves.as_ref().map(|(from, to)| (from.as_str(), to.as_str()));
        let grounds = Grounds {
            map: &map,
            given: helm.values(),
            solved: false,
            moves,
        };
        let left = residuals(&grounds, &seen, &seen.after);
        let mut findings = today.source.findings.clone();
        findings.extend(warnings(&map, &seen, &left));
        Ok(report(&map, &seen, &left, findings))
    })?;
    match output {
        Output::Json => printer.json(&report)?,
        Output::Yaml => printer.yaml(&report)?,
        _ => {
            printer.data(&values_report::differences(&words, &report.residuals))?;
            printer.say(values_report::counts(&words, &report).trim_end());
        }
    }
    let open = report.residuals.iter().any(|r| is_gap(r.class));
    Ok(if args.detailed_exitcode && open {
        Exit::Pending
    } else {
        Exit::Done
    })
}
