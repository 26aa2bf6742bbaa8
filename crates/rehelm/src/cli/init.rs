//! `rehelm init`: writes `rehelm.yaml`, and beside it the schema that editors use.

use camino::{Utf8Path, Utf8PathBuf};

use super::global::Global;
use super::overrides::Overrides;
use crate::config::file::{Backup, File, Mongodb, Registry, Scenario, Source, Target};
use crate::config::settings::secret_key;
use crate::config::template;
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;
use crate::profiles::{self, ProfileFiles};
use crate::run_folder;

/// Arguments of `rehelm init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What goes into the file.
    #[command(flatten)]
    pub what: Overrides,
    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}

/// Writes the file and says what comes next.
pub fn run(printer: &Printer, global: &Global, args: Args) -> Result<Exit> {
    let path = &global.config;
    if path.exists() && !args.force {
        return Err(Error::usage(format!("{path} exists already")).hint("replace it with --force, or edit it"));
    }
    let file = describe(global, &args.what)?;
    let folder = global.folder();
    let schema = run_folder::write_schema(folder)?;
    let text = template::write(&file, &schema);
    // What was written must be readable: a value that could not be is found here and not in the next command.
    File::parse(path, &text)?;
    fs_err::write(path, text).context(|| format!("cannot write {path}"))?;
    printer.say(&format!("Wrote {path}. Read it through, it explains itself."));
    let named = if path == "rehelm.yaml" {
        String::new()
    } else {
        format!(" --config {path}")
    };
    printer.say(&format!("Next: rehelm check{named}"));
    Ok(Exit::Done)
}

fn describe(global: &Global, what: &Overrides) -> Result<File> {
    let name = global.profile.clone().ok_or_else(|| {
        Error::usage("which product? give --profile NAME").hint(format!("built in: {}", profiles::names().join(", ")))
    })?;
    let head = ProfileFiles::find(&name, Utf8Path::new("."))?.head()?;
    if what.kustomize.is_empty() {
        return Err(Error::usage(
            "which install? give --kustomize DIR for every folder that was applied",
        ));
    }
    let chart = what
        .chart
        .clone()
        .ok_or_else(|| Error::usage("which chart? give --chart oci://HOST/PATH, a folder or a packed chart"))?;
    if chart.starts_with("oci://") && what.version.is_none() {
        return Err(Error::usage("which version of the chart? give --version VERSION"));
    }
    let place = Place {
        folder: global.folder(),
    };
    for path in what.kustomize.iter().filter(|p| *p != "-") {
        must_exist(path, "--kustomize")?;
    }
    for path in &what.values {
        must_exist(path, "--values")?;
    }
    let is_folder = name.contains('/') || name.starts_with('.');
    let chart_is_path = !chart.contains("://") && Utf8Path::new(&chart).exists();
    if !chart.contains("://") && !chart_is_path {
        return Err(Error::usage(format!(
            "--chart {chart}: neither oci://… nor a file or folder"
        )));
    }
    Ok(File {
        profile: if is_folder {
            with_slash(place.beside(Utf8Path::new(&name))?)
        } else {
            name
        },
        scenario: Scenario::InCluster,
        source: Source {
            context: global.context.clone(),
            namespace: what.source_namespace.clone().or(head.source_namespace),
            kustomize: place.all(&what.kustomize)?,
        },
        target: Target {
            context: None,
            namespace: global.namespace.clone().or(head.namespace),
            release: what.release.clone().or(head.release),
            chart: if chart_is_path {
                with_slash(place.beside(Utf8Path::new(&chart))?)
            } else {
                chart
            },
            version: what.version.clone(),
            values: place.all(&what.values)?,
            helm_flags: what.helm_flag.clone(),
            post_renderer: None,
            registry: registry(&place, what)?,
        },
        mongodb: mongodb(&place, what)?,
        backup: Backup {
            recipients: what.backup_recipient.clone(),
        },
        soak: what.soak.map(in_words),
    })
}

fn registry(place: &Place<'_>, what: &Overrides) -> Result<Option<Registry>> {
    let Some(username) = what.registry_username.clone() else {
        return Ok(None);
    };
    if what.registry_password_file.is_none() && what.registry_password_env.is_none() {
        return Err(Error::usage(
            "--registry-username needs --registry-password-file or --registry-password-env",
        ));
    }
    Ok(Some(Registry {
        username,
        password_file: what
            .registry_password_file
            .as_deref()
            .map(|p| place.beside(p))
            .transpose()?,
        password_env: what.registry_password_env.clone(),
    }))
}

fn mongodb(place: &Place<'_>, what: &Overrides) -> Result<Option<Mongodb>> {
    let key = |flag: &str, text: &Option<String>| {
        text.as_deref()
            .map(secret_key)
            .transpose()
            .map_err(|e| Error::usage(format!("{flag}: {e}")))
    };
    let said = Mongodb {
        uri_secret: key("--mongodb-uri-secret", &what.mongodb_uri_secret)?,
        uri_file: what.mongodb_uri_file.as_deref().map(|p| place.beside(p)).transpose()?,
        uri_env: what.mongodb_uri_env.clone(),
        host: what.mongodb_host.clone(),
        users: what.mongodb_user.clone(),
        password_secret: key("--mongodb-password-secret", &what.mongodb_password_secret)?,
        ..Mongodb::default()
    };
    if said.host.is_some() && said.password_secret.is_none() {
        return Err(Error::usage("--mongodb-host needs --mongodb-password-secret"));
    }
    Ok((said != Mongodb::default()).then_some(said))
}

fn in_words(time: std::time::Duration) -> String {
    match time.as_secs() {
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

fn must_exist(path: &Utf8Path, flag: &str) -> Result<()> {
    if path.exists() {
        Ok(())
    } else {
        Err(Error::usage(format!("{flag} {path}: there is no such file or folder")))
    }
}

/// A path that the profile finder and Helm take for one.
fn with_slash(path: String) -> String {
    if path.starts_with(['.', '/']) {
        path
    } else {
        format!("./{path}")
    }
}

/// Paths of the command line start at the working folder, paths in the file at the file's folder.
struct Place<'a> {
    folder: &'a Utf8Path,
}

impl Place<'_> {
    fn beside(&self, path: &Utf8Path) -> Result<String> {
        if path.is_absolute() || path == "-" || self.folder == "." {
            return Ok(path.to_string());
        }
        let absolute = camino::absolute_utf8(path).context(|| format!("cannot find {path}"))?;
        Ok(absolute.into_string())
    }

    fn all(&self, paths: &[Utf8PathBuf]) -> Result<Vec<String>> {
        paths.iter().map(|path| self.beside(path)).collect()
    }
}
