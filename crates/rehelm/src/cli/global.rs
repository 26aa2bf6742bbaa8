//! Flags that every verb takes, named as kubectl names them.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use clap::ValueEnum;

use crate::doors;
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::rehearsal::stage::Stage;

/// Flags that every verb takes.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Configuration file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "rehelm.yaml",
        env = "REHELM_CONFIG",
        hide_env = true
    )]
    pub config: Utf8PathBuf,
    /// Product: name of a built-in profile, or a folder with one
    #[arg(
        long,
        global = true,
        value_name = "NAME|DIR",
        env = "REHELM_PROFILE",
        hide_env = true
    )]
    pub profile: Option<String>,
    /// Namespace of the release
    #[arg(
        short,
        long,
        global = true,
        value_name = "NAMESPACE",
        env = "REHELM_NAMESPACE",
        hide_env = true
    )]
    pub namespace: Option<String>,
    /// Context of the kubeconfig
    #[arg(long, global = true, value_name = "CONTEXT", env = "REHELM_CONTEXT", hide_env = true)]
    pub context: Option<String>,
    /// kubeconfig file, instead of KUBECONFIG or ~/.kube/config
    #[arg(long, global = true, value_name = "FILE", env = "REHELM_KUBECONFIG", hide_env = true)]
    pub kubeconfig: Option<Utf8PathBuf>,
    /// User to act as
    #[arg(long = "as", global = true, value_name = "USER", env = "REHELM_AS", hide_env = true)]
    pub impersonate: Option<String>,
    /// Group to act as; may be given again
    #[arg(
        long = "as-group",
        global = true,
        value_name = "GROUP",
        env = "REHELM_AS_GROUP",
        hide_env = true,
        value_delimiter = ','
    )]
    pub impersonate_group: Vec<String>,
    /// Time for one request to the API server, such as 30s
    #[arg(long, global = true, value_name = "TIME", value_parser = duration, env = "REHELM_REQUEST_TIMEOUT", hide_env = true)]
    pub request_timeout: Option<std::time::Duration>,
    /// Format of what goes to stdout: text, wide, json, yaml, jsonl (where the verb has it)
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        env = "REHELM_OUTPUT",
        hide_env = true,
        hide_possible_values = true
    )]
    pub output: Option<Output>,
    /// When to use colours: auto, always, never
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        env = "REHELM_COLOR",
        hide_env = true,
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub color: Color,
    /// Language of texts
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "LANG",
        default_value = "en",
        env = "REHELM_LANG",
        hide_env = true,
        hide_possible_values = true
    )]
    pub lang: Lang,
    /// Say only what is wrong
    #[arg(short, long, global = true, env = "REHELM_QUIET", hide_env = true)]
    pub quiet: bool,
    /// Simulated cluster that verbs work on, in place of the one that the kubeconfig names.
    #[arg(skip)]
    pub stage: Option<Staged>,
}

/// A simulated cluster as a flag that nobody types.
#[derive(Clone)]
pub struct Staged(pub Arc<Stage>);

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Staged({})", self.0.folder())
    }
}

impl Global {
    /// The format asked for, when the verb has it.
    ///
    /// # Errors
    /// A usage error that names the verb's formats.
    pub fn output(&self, formats: &[Output]) -> Result<Output> {
        let Some(asked) = self.output else {
            return Ok(formats[0]);
        };
        if formats.contains(&asked) {
            return Ok(asked);
        }
        let names: Vec<String> = formats.iter().map(|f| f.name()).collect();
        Err(
            Error::usage(format!("this verb has no output format `{}`", asked.name()))
                .hint(format!("it has: {}", names.join(", "))),
        )
    }

    /// Runs a verb's asynchronous part to its end, or to that of the process that is played.
    ///
    /// # Errors
    /// What the part says, or that no runtime could be made.
    pub fn block_on<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(Staged(stage)) = &self.stage else {
            return doors::block_on(work);
        };
        doors::block_on_here(async {
            tokio::select! {
                biased;
                () = stage.shut.died() => Err(Error::new(Exit::Interrupted, "the process was killed")),
                outcome = work => outcome,
            }
        })
    }

    /// Folder of the configuration file: relative paths in the file and `.rehelm/` are beside it.
    pub fn folder(&self) -> &Utf8Path {
        match self.config.parent() {
            Some(folder) if !folder.as_str().is_empty() => folder,
            _ => Utf8Path::new("."),
        }
    }
}

/// Format of what goes to stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For people with wide terminals: everything.
    Wide,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
    /// One JSON record a line, as it happens: the journal itself.
    Jsonl,
    /// Roles and bindings, for kubectl to apply.
    Rbac,
}

impl Output {
    fn name(self) -> String {
        self.to_possible_value()
            .map(|v| v.get_name().to_owned())
            .unwrap_or_default()
    }
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On terminals, unless NO_COLOR says otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

/// Language of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// English.
    En,
}

impl Lang {
    /// Its tag, as the words' files are named.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
        }
    }
}

/// A length of time as people write it: `30s`, `5m`, `24h`, `1h30m`; a bare number counts seconds, as kubectl has it.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(std::time::Duration::from_secs(seconds));
    }
    let parsed: jiff::SignedDuration = text
        .parse()
        .map_err(|_| format!("`{text}` is no length of time; write it like 30s, 5m or 24h"))?;
    parsed
        .try_into()
        .map_err(|_| format!("`{text}` is negative; a length of time is not"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_as_people_write_them() {
        assert_eq!(duration("24h"), Ok(std::time::Duration::from_secs(86_400)));
        assert_eq!(duration("90"), Ok(std::time::Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(std::time::Duration::from_secs(5_400)));
        assert!(duration("soon").is_err());
        assert!(duration("-5m").is_err());
    }
}
