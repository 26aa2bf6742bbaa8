//! Everything that a verb needs, opened once: settings, profile, words, and what is behind the ports.

mod reading;

use std::collections::BTreeSet;
use std::sync::Arc;

use rehelm_clients::input;
use rehelm_core::checks::{self, CheckInput, DatabaseLook};
use rehelm_core::databases::init_job;
use rehelm_core::databases::sync::SyncState;
use rehelm_core::digest;
use rehelm_core::finding::{Finding, Severity};
use rehelm_core::gather::{self, Gathered, Request};
use rehelm_core::inventory::{self, Places};
use rehelm_core::journal::Event;
use rehelm_core::object::Object;
use rehelm_core::plan::{Plan, ValuesFile};
use rehelm_core::planner::{self, DatabaseView};
use rehelm_core::ports::{Clock, Cluster, Databases, Files, Helm, ReleaseSpec};
use rehelm_core::profile::Profile;
use rehelm_report::Words;
use serde_json::Value;

use crate::cli::global::Global;
use crate::cli::overrides::Overrides;
use crate::config::Settings;
use crate::doors::{self, WallClock};
use crate::errors::{Context, Error, Result};
use crate::post_renderer;
use crate::profiles::ProfileFiles;

/// What a verb works with.
pub struct Session {
    /// What the person said.
    pub settings: Settings,
    /// The product.
    pub profile: Profile,
    /// Sentences, the profile's own included.
    pub words: Arc<Words>,
    /// Name of the kubeconfig's context.
    pub context: String,
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// Helm.
    pub helm: Arc<dyn Helm>,
    /// The database server, when the settings name one.
    pub databases: Option<Arc<dyn Databases>>,
    /// Namespaces whose pods' ports lead to that server.
    pub forwards: Vec<String>,
    /// `.rehelm/`.
    pub files: Arc<dyn Files>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Stop when this is in the journal, as if a person had asked for it then.
    pub stop_after: Option<Event>,
}

/// The cluster alone, for verbs that need neither Helm nor databases.
pub struct Near {
    /// What the person said.
    pub settings: Settings,
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

impl Near {
    /// Opens the cluster that the settings name.
    ///
    /// # Errors
    /// Usage errors of the settings; a cluster that is not found.
    pub async fn open(global: &Global, flags: &Overrides) -> Result<Self> {
        let settings = Settings::load(global, flags)?;
        if let Some(stage) = &global.stage {
            let (cluster, clock) = (Arc::new(stage.0.client()), stage.0.clock());
            return Ok(Self {
                settings,
                cluster,
                clock,
            });
        }
        let cluster = Arc::new(doors::cluster(global, settings.context.as_deref()).await?);
        let clock = Arc::new(WallClock);
        Ok(Self {
            settings,
            cluster,
            clock,
        })
    }
}

/// What a person decided for one plan.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    /// Codes that are waived.
    pub accepted: Vec<String>,
    /// Preconditions that are confirmed.
    pub confirmed: Vec<String>,
    /// Fill values from secrets where the chart would overwrite them.
    pub fill_secrets: bool,
    /// Groups of secrets that are in use.
    pub groups: Vec<String>,
}

/// What a plan is asked for, and what was odd about it.
pub struct Asked {
    /// What is asked.
    pub request: Request,
    /// What the Kustomize side had to say.
    pub findings: Vec<Finding>,
}

impl Session {
    /// Opens everything that the settings name.
    ///
    /// # Errors
    /// Usage errors of the settings; a cluster, a registry or a database server that does not answer.
    pub async fn open(global: &Global, flags: &Overrides) -> Result<Self> {
        let settings = Settings::load(global, flags)?;
        if let Some(stage) = &global.stage {
            return stage.0.session_with(settings).await;
        }
        let profile = load_profile(&settings)?;
        let words = Arc::new(words(global, &profile)?);
        let cluster = Arc::new(doors::cluster(global, settings.context.as_deref()).await?);
        let helm = doors::helm(global, &settings, cluster.clone()).await?;
        let databases = doors::databases(&settings, &profile, &cluster).await?;
        let context = cluster.context().context.clone();
        Ok(Self {
            settings,
            profile,
            words,
            context: context.unwrap_or_else(|| "in-cluster".to_owned()),
            cluster,
            helm: Arc::new(helm),
            forwards: databases.iter().flat_map(|reached| reached.through.clone()).collect(),
            databases: databases.map(|reached| Arc::new(reached.server) as _),
            files: Arc::new(doors::files(global)?),
            clock: Arc::new(WallClock),
            stop_after: None,
        })
    }

    /// Builds the Kustomize side and reads the values: everything that a plan is asked for.
    ///
    /// # Errors
    /// When a folder does not build or a file cannot be read.
    pub async fn request(&self, decisions: &Decisions) -> Result<Asked> {
        let settings = &self.settings;
        let (values, user_values) = read_values(&settings.values)?;
        let (declared, build_findings) = self.declared().await?;
        let request = Request {
            places: Places {
                source: settings.source_namespace.clone(),
                target: settings.namespace.clone(),
                release: settings.release.clone(),
            },
            context: self.context.clone(),
            kustomize: settings.kustomize.iter().map(ToString::to_string).collect(),
            declared,
            release: ReleaseSpec {
                release: settings.release.clone(),
                namespace: settings.namespace.clone(),
                chart: settings.chart.clone(),
                version: settings.version.clone(),
                values: settings.values.iter().map(ToString::to_string).collect(),
                private_values: None,
                flags: settings.helm_flags.clone(),
            },
            values,
            user_values,
            secret_groups: decisions.groups.clone(),
            fill_secrets: decisions.fill_secrets,
            accepted: decisions.accepted.clone(),
            confirmed: decisions.confirmed.clone(),
            recipients: settings.recipients.clone(),
        };
        Ok(Asked {
            request,
            findings: build_findings,
        })
    }

    /// Every object of the Kustomize folders, in order, and what was odd about them.
    ///
    /// # Errors
    /// When one does not build.
    pub async fn declared(&self) -> Result<(Vec<Object>, Vec<Finding>)> {
        let (mut objects, mut findings) = (Vec::new(), Vec::new());
        let _outside = self.clock.outside();
        for path in &self.settings.kustomize {
            let (more, odd) = doors::build(path.as_str()).await?;
            objects.extend(more);
            findings.extend(odd);
        }
        Ok((objects, findings))
    }

    /// Reads the world, checks everything and makes the plan; gives all that the checks said, passed ones included.
    ///
    /// # Errors
    /// When the cluster or Helm does not answer.
    pub async fn plan(&self, asked: &Asked) -> Result<(Plan, Vec<Finding>)> {
        let Asked { request, findings: odd } = asked;
        let gathered: Gathered = gather::gather(request, &*self.cluster, &*self.helm, &self.profile)
            .await
            .map_err(reading::unreadable)?;
        let databases = self.database_view().await?;
        let (entries, mut findings) = inventory::join(&gathered.observed, &self.profile);
        findings.extend(odd.iter().chain(&gathered.observed.findings).cloned());
        let input = self.check_input(request).await?;
        findings.extend(checks::run(&gathered, &entries, &self.profile, &input));
        findings.extend(self.inside().await?);
        findings.extend(init_job::compare(&gathered.observed.rendered, &self.profile));
        let mut plan = planner::plan(request, &gathered, &self.profile, &databases, entries, Vec::new());
        plan.target.post_renderer = post_renderer::among(&self.settings.helm_flags)?;
        let rights = checks::rights(&*self.cluster, &plan, &self.beside()).await;
        findings.extend(rights.context(|| "cannot ask the cluster for rights".to_owned())?);
        let mut seen = BTreeSet::new();
        findings.retain(|f| seen.insert((f.code.clone(), f.subject.clone(), f.args.clone())));
        plan.findings = findings
            .iter()
            .filter(|f| f.severity != Severity::Ok)
            .cloned()
            .collect();
        Ok((plan, findings))
    }

    /// What the checks know beside the observation.
    async fn check_input(&self, request: &Request) -> Result<CheckInput> {
        let around = checks::look(&*self.cluster, &request.places, &self.profile).await;
        let databases = match &self.databases {
            None => None,
            Some(server) => Some(match (server.facts().await, server.list().await) {
                (Ok(facts), Ok(mut names)) => {
                    // Copies that are kept in step are this tool's own; the migration goes on from them.
                    let synced =
                        SyncState::load(&*self.files).context(|| "cannot read what is kept in step".to_owned())?;
                    let renames = &self.profile.databases.renames;
                    names.retain(|name| {
                        !renames
                            .iter()
                            .any(|own| own.to == *name && synced.made(&own.from, &own.to))
                    });
                    Ok(DatabaseLook { facts, names })
                }
                (Err(why), _) | (_, Err(why)) => Err(why.to_string()),
            }),
        };
        let kubectl_version = {
            let _outside = self.clock.outside();
            doors::kubectl_version().await
        };
        Ok(CheckInput {
            client_os: std::env::consts::OS.to_owned(),
            kubectl_version,
            confirmed: request.confirmed.clone(),
            databases,
            around: around.context(|| "cannot look around in the cluster".to_owned())?,
        })
    }

    async fn database_view(&self) -> Result<DatabaseView> {
        let Some(server) = &self.databases else {
            return Ok(DatabaseView::default());
        };
        let mut view = DatabaseView {
            reachable: true,
            ..DatabaseView::default()
        };
        let names = server
            .list()
            .await
            .context(|| "cannot read the list of databases".to_owned())?;
        for name in names {
            let copied = self.profile.databases.renames.iter().any(|rename| rename.from == name);
            // The size is for the estimate only; a server that cannot say it must not stop a plan.
            let size = if copied {
                server.size(&name).await.unwrap_or_default()
            } else {
                0
            };
            view.sizes.insert(name, size);
        }
        Ok(view)
    }
}

/// The profile that the settings name.
///
/// # Errors
/// When one of its files is not what it should be.
pub fn load_profile(settings: &Settings) -> Result<Profile> {
    profile_of(&settings.profile)
}

/// The profile of these files.
///
/// # Errors
/// When one of them is not what it should be.
pub fn profile_of(files: &ProfileFiles) -> Result<Profile> {
    Profile::from_files(&files.files)
        .map_err(|error| Error::usage(format!("the profile {} cannot be used", files.origin)).because(error))
}

/// Sentences in the person's language, the profile's own included.
///
/// # Errors
/// When the profile's words cannot be read.
pub fn words(global: &Global, profile: &Profile) -> Result<Words> {
    let language = global.lang.tag();
    let mut words = Words::new(language);
    if let Some(text) = profile.words.get(language) {
        words
            .add(&format!("profile {}", profile.about.name), text)
            .map_err(|error| {
                Error::usage(format!("the profile's words.{language}.ftl cannot be used")).because(error)
            })?;
    }
    Ok(words)
}

/// Sentences for a saved plan, with those of the built-in profile that it was made with.
///
/// # Errors
/// When the profile's words cannot be read.
pub fn words_of_plan(global: &Global, plan: &Plan) -> Result<Words> {
    let name = global.profile.as_deref().unwrap_or(&plan.profile.name);
    match ProfileFiles::find(name, camino::Utf8Path::new(".")) {
        Ok(files) => words(global, &profile_of(&files)?),
        // A plan can be read without its profile.
        Err(_) => Ok(Words::new(global.lang.tag())),
    }
}

/// Values files with their hashes, and all of them merged as Helm merges them: later ones win, mappings are joined.
///
/// # Errors
/// When one cannot be read.
pub fn read_values(paths: &[camino::Utf8PathBuf]) -> Result<(Vec<ValuesFile>, Value)> {
    let mut files = Vec::new();
    let mut merged = Value::Object(serde_json::Map::new());
    for path in paths {
        let unusable = || Error::usage(format!("cannot use the values file {path}"));
        let text = input::text(path, input::TEXT).map_err(|error| unusable().because(error))?;
        let value =
            rehelm_core::yaml::parse_document(&text, path.as_str()).map_err(|error| unusable().because(error))?;
        if value.as_ref().is_some_and(|value| !value.is_object()) {
            return Err(unusable().hint("values are a mapping: `key: value` lines"));
        }
        files.push(ValuesFile {
            path: path.to_string(),
            digest: digest::of_bytes(text.as_bytes()),
        });
        merge(&mut merged, value.unwrap_or(Value::Null));
    }
    Ok((files, merged))
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, Value::Null) if into.is_object() => {}
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn later_values_win_and_mappings_are_joined() {
        let mut values = json!({"a": {"b": 1, "c": [1]}, "d": 1});
        merge(&mut values, json!({"a": {"c": [2], "e": null}, "d": {"f": 1}}));
        assert_eq!(values, json!({"a": {"b": 1, "c": [2], "e": null}, "d": {"f": 1}}));
    }

    #[test]
    fn values_files_are_named_with_their_hash() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = camino::Utf8Path::from_path(folder.path())
            .expect("UTF-8")
            .join("v.yaml");
        fs_err::write(&path, "a: 1\n").expect("written");
        let (files, merged) = read_values(std::slice::from_ref(&path)).expect("readable");
        assert!(files[0].digest.starts_with("sha256:"));
        assert_eq!(merged, json!({"a": 1}));
    }
}
