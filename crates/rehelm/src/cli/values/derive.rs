//! `rehelm values derive`: finds the values that keep today's state, proves it, and writes them.

use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use rehelm_clients::helm::offline::OfflineHelm;
use rehelm_clients::post_renderer;
use rehelm_core::values::ValueMap;
use rehelm_core::values::outcome;
use rehelm_core::values::post_renderer::beside;
use rehelm_core::values::post_renderer::{PROGRAM, carries, files};
use rehelm_core::values::proof::{Grounds, Residual, residuals};
use rehelm_core::values::report::{Report, report};
use rehelm_core::values::sides::sides;
use rehelm_core::values::solve::{Problem, Solution, solve};
use rehelm_core::values::warnings::warnings;
use rehelm_report::{Words, values_report};

use super::today::{From, Today, today};
use super::{Sides, learned, open};
use crate::cli::global::{Global, Output};
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;

/// Flags of `rehelm values derive`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  rehelm values derive --chart ./chart --kustomize ./production -f start.yaml\n  \
    rehelm values derive --out values_prod.yaml --report report.md --post-renderer post-renderer\n\n\
    Helm reads the outcome as: helm upgrade --install … -f values_prod.yaml [-f values_prod.secrets.yaml]\n\
    Nothing is changed anywhere but in the files that are written; no cluster is needed unless --from live."
)]
pub struct Args {
    /// File to write the values to
    #[arg(long, value_name = "FILE", default_value = "values_prod.yaml")]
    pub out: Utf8PathBuf,
    /// File to write a report to, as Markdown
    #[arg(long, value_name = "FILE")]
    pub report: Option<Utf8PathBuf>,
    /// Folder to write a Kustomize post-renderer to, which carries what the chart cannot express
    #[arg(long, value_name = "DIR")]
    pub post_renderer: Option<Utf8PathBuf>,
    /// Where today's state is read from
    #[arg(long, value_enum, value_name = "WHERE", default_value = "kustomize")]
    pub from: From,
    /// Namespace of the Kustomize install
    #[arg(long, value_name = "NAMESPACE", env = "REHELM_SOURCE_NAMESPACE", hide_env = true)]
    pub source_namespace: Option<String>,
    /// Replace files that are there already
    #[arg(long)]
    pub force: bool,
    /// What is looked at.
    #[command(flatten)]
    pub sides: Sides,
}

/// Derives, proves, writes.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let secrets = beside(&args.out);
    let places = [
        Some(&args.out),
        args.report.as_ref(),
        args.post_renderer.as_ref(),
        Some(&secrets),
    ];
    for place in places.into_iter().flatten().filter(|_| !args.force) {
        free(place)?;
    }
    let mut setup = args.sides.resolve(global)?;
    // What is learned is the chart itself.
    setup.task.flags.retain(|flag| !flag.starts_with("--post-renderer"));
    let words = Words::new(global.lang.tag());
    let (report, written) = global.block_on(async {
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
        let solution = solve(&problem, &helm).await.map_err(|error| {
            Error::failed("the chart does not render with these values")
                .because(error)
                .hint("give what it requires: -f start.yaml")
        })?;
        finish(printer, args, &today, &helm, &map, &solution).await
    })?;
    if let Some(path) = &args.report {
        write(path, &values_report::markdown(&words, &report), 0o644)?;
    }
    match output {
        Output::Json => printer.json(&report)?,
        Output::Yaml => printer.yaml(&report)?,
        _ => printer.data(&values_report::summary(&words, &report))?,
    }
    let important = words.findings_from(rehelm_core::finding::Severity::Warning, &report.findings, &[]);
    if output == Output::Text && !important.is_empty() {
        printer.say(important.trim_end());
    }
    printer.say(&format!("Written: {}", written.join(", ")));
    Ok(Exit::Done)
}

/// Classes what is left, writes the files, and compares again through the post-renderer.
async fn finish(
    printer: &Printer,
    args: &Args,
    today: &Today,
    helm: &OfflineHelm,
    map: &ValueMap,
    solution: &Solution,
) -> Result<(Report, Vec<String>)> {
    let moves = today.moves.as_ref().map(|(from, to)| (from.as_str(), to.as_str()));
    let grounds = Grounds {
        map,
        given: helm.values(),
        solved: true,
        moves,
    };
    let left = residuals(&grounds, solution, &solution.after);
    let mut findings = today.source.findings.clone();
    findings.extend(warnings(map, solution, &left));
    let mut report = report(map, solution, &left, findings);
    let mut written = Vec::new();
    let head = [
        format!(
            "Values for {}, written by `rehelm values derive`: they keep what runs today.",
            report.chart
        ),
        "Behind each line: where it comes from, and what the chart has by itself.".to_owned(),
    ];
    let made = outcome::files(map, helm.values(), solution, &head);
    write(&args.out, &made.values, 0o644)?;
    written.push(args.out.to_string());
    if let Some(text) = &made.secrets {
        let place = beside(&args.out);
        write(&place, text, 0o600)?;
        written.push(format!("{place} (secret)"));
    }
    if let Some(folder) = &args.post_renderer {
        if let Some(file) = beside::beside(&solution.after) {
            let place = folder.join(&file.path);
            write(&place, &file.content, 0o600)?;
            written.push(format!("{place} (apply it beside the release, if it is needed)"));
        }
        let patches = files(&solution.after, &left);
        if patches.is_empty() {
            printer.say("The chart expresses everything: no post-renderer is needed.");
            return Ok((report, written));
        }
        for file in &patches {
            write(
                &folder.join(&file.path),
                &file.content,
                if file.executable { 0o755 } else { 0o600 },
            )?;
        }
        written.push(format!("{folder}/"));
        report.carried = carried(today, &left, solution, folder, &mut report).await?;
    }
    Ok((report, written))
}

/// Which differences are gone behind the post-renderer.
async fn carried(
    today: &Today,
    left: &[Residual],
    solution: &Solution,
    folder: &Utf8Path,
    report: &mut Report,
) -> Result<Vec<usize>> {
    let program = folder
        .join(PROGRAM)
        .canonicalize_utf8()
        .context(|| format!("cannot find {folder}/{PROGRAM}"))?;
    let rendered = post_renderer::run(program.as_std_path(), &solution.rendered)
        .await
        .map_err(|error| {
            Error::failed("the post-renderer fails")
                .because(error)
                .hint("it needs kubectl on PATH (or KUBECTL_BIN), or kustomize")
        })?;
    let after = sides(&today.source.objects, &rendered, &today.renames);
    report.with_post_renderer = Some(after.totals());
    let still: std::collections::BTreeSet<_> = after
        .pairs()
        .flat_map(|(_, made, compared)| {
            let object = made.object.reference();
            compared
                .differences
                .iter()
                .map(move |d| (object.clone(), d.field.clone()))
        })
        .collect();
    let gone = |r: &Residual| carries(r) && !still.contains(&(r.object.clone(), r.field.clone()));
    Ok(left
        .iter()
        .enumerate()
        .filter(|(_, r)| gone(r))
        .map(|(at, _)| at)
        .collect())
}

/// `values_prod.secrets.yaml` for `values_prod.yaml`.
fn beside(out: &Utf8Path) -> Utf8PathBuf {
    let stem = out.file_stem().unwrap_or("values");
    out.with_file_name(format!("{stem}.secrets.yaml"))
}

fn free(place: &Utf8Path) -> Result<()> {
    let empty = place.is_dir() && place.read_dir_utf8().is_ok_and(|mut entries| entries.next().is_none());
    if place.exists() && !empty {
        return Err(
            Error::usage(format!("{place} is there already")).hint("choose another name, or replace it with --force")
        );
    }
    Ok(())
}

/// Writes a file whole or not at all.
fn write(path: &Utf8Path, text: &str, mode: u32) -> Result<()> {
    let failed = || format!("cannot write {path}");
    let folder = match path.parent() {
        Some(folder) if !folder.as_str().is_empty() => folder,
        _ => Utf8Path::new("."),
    };
    fs_err::create_dir_all(folder).context(failed)?;
    let mut file = tempfile::Builder::new()
        .permissions(PermissionsExt::from_mode(mode))
        .tempfile_in(folder)
        .context(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).context(failed)?;
    fs_err::set_permissions(file.path(), PermissionsExt::from_mode(mode)).context(failed)?;
    file.persist(path).context(failed)?;
    Ok(())
}
