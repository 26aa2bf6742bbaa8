//! Today's state for `rehelm values`: what the Kustomize folders build, or what lives of it; and what else both verbs need.

use std::collections::BTreeMap;

use clap::ValueEnum;
use rehelm_core::finding::Finding;
use rehelm_core::object::Object;
use rehelm_core::ports::Cluster as _;
use rehelm_core::profile::Profile;
use rehelm_core::values::solve::hints::Hint;
use rehelm_core::values::source::{Move, Source, source, usual_namespace};

use super::Setup;
use crate::cli::global::Global;
use crate::doors;
use crate::errors::{Context, Error, Result};
use crate::profiles::ProfileFiles;
use crate::session::load_profile;

/// Where today's state is read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum From {
    /// What the Kustomize folders build.
    #[default]
    Kustomize,
    /// The objects that the folders build, as they live in the cluster now.
    Live,
}

/// Today's state with what is known of the product.
pub struct Today {
    /// Objects in normal form.
    pub source: Source,
    /// Today's `Kind/name` and the chart's name.
    pub renames: BTreeMap<String, String>,
    /// What the profile says of values that rendering does not find.
    pub hints: Vec<Hint>,
    /// Old and new namespace.
    pub moves: Option<(String, String)>,
}

/// Reads today's state.
///
/// # Errors
/// A usage error without any folder; a folder that does not build; a cluster that does not answer.
pub async fn today(global: &Global, setup: &Setup, from: From, namespace: Option<&str>) -> Result<Today> {
    if setup.kustomize.is_empty() {
        return Err(Error::usage("what runs today?")
            .hint("name the Kustomize folder, or its built manifests, with --kustomize DIR|FILE|-")
            .hint("or write rehelm.yaml with `rehelm init`"));
    }
    let (mut declared, mut findings) = (Vec::new(), Vec::new());
    for place in &setup.kustomize {
        let (objects, odd) = doors::build(place.as_str()).await?;
        declared.extend(objects);
        findings.extend(odd);
    }
    let profile = profile(global, setup)?;
    let told = namespace
        .map(str::to_owned)
        .or_else(|| setup.settings.as_ref().map(|s| s.source_namespace.clone()));
    let old = told.or_else(|| usual_namespace(&declared));
    if from == From::Live {
        let home = old.clone().unwrap_or_else(|| "default".to_owned());
        declared = live(global, setup, declared, &home, &mut findings).await?;
    }
    let to = setup.task.namespace.clone();
    let mut read = source(
        &declared,
        from == From::Live,
        &Move {
            from: old.clone(),
            to: to.clone(),
        },
    );
    read.findings.splice(0..0, findings);
    Ok(Today {
        source: read,
        renames: profile.as_ref().map(renames).unwrap_or_default(),
        hints: profile.as_ref().map(hints).unwrap_or_default(),
        moves: old.map(|old| (old, to)),
    })
}

/// The product, when somebody names one.
fn profile(global: &Global, setup: &Setup) -> Result<Option<Profile>> {
    if let Some(settings) = &setup.settings {
        return load_profile(settings).map(Some);
    }
    let Some(name) = &global.profile else { return Ok(None) };
    let files = ProfileFiles::find(name, camino::Utf8Path::new("."))?;
    let profile = Profile::from_files(&files.files);
    profile
        .map(Some)
        .map_err(|e| Error::usage(format!("the profile {name} cannot be used")).because(e))
}

fn renames(profile: &Profile) -> BTreeMap<String, String> {
    let secrets = profile.secrets.classes.iter().flat_map(|class| &class.secrets);
    secrets
        .filter_map(|(name, entry)| Some((format!("Secret/{name}"), entry.rename.as_ref()?.to.clone())))
        .collect()
}

/// The profile's hints; what cannot be meant was refused when it was read.
fn hints(profile: &Profile) -> Vec<Hint> {
    profile
        .values
        .hints
        .iter()
        .filter_map(|line| Hint::read(line).ok())
        .collect()
}

/// The live objects of the declared ones. One that does not live is taken as declared, with a finding.
async fn live(
    global: &Global,
    setup: &Setup,
    declared: Vec<Object>,
    home: &str,
    findings: &mut Vec<Finding>,
) -> Result<Vec<Object>> {
    let context = setup.settings.as_ref().and_then(|s| s.context.clone());
    let cluster = doors::cluster(global, context.as_deref()).await?;
    let mut out = Vec::with_capacity(declared.len());
    for mut object in declared {
        let failed = |object: &Object| format!("cannot read {}", object.reference());
        let namespaced = match cluster.kind(object.api_version(), object.kind()).await {
            Ok(kind) => kind.namespaced,
            Err(error) if error.is_not_found() => {
                findings.push(
                    Finding::warning("kind-unknown", object.reference().to_string()).arg("api", object.api_version()),
                );
                out.push(object);
                continue;
            }
            Err(error) => return Err(error).context(|| failed(&object)),
        };
        if namespaced && object.namespace().is_none() {
            object.set_namespace(home);
        }
        match cluster.get(&object.reference()).await.context(|| failed(&object))? {
            Some(live) => out.push(live),
            None => {
                findings.push(Finding::warning("declared-missing", object.reference().to_string()));
                out.push(object);
            }
        }
    }
    Ok(out)
}
