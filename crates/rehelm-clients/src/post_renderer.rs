//! A post-renderer as Helm calls it: a program that reads manifests and writes them changed.

use std::path::Path;
use std::time::Duration;

use rehelm_core::object::Object;
use rehelm_core::ports::{PortError, PortResult};
use rehelm_core::values::render::Rendered;
use rehelm_core::yaml;

use crate::process::{self, Run};

const TIME: Duration = Duration::from_secs(120);

/// Runs a program over a render. Hooks are left out of it, as Helm before 3.21 leaves them out.
///
/// # Errors
/// When the program fails (its own words), or writes what is no YAML.
pub async fn run(program: &Path, rendered: &[Rendered]) -> PortResult<Vec<Rendered>> {
    let seen = rendered.iter().filter(|r| r.hooks.is_empty());
    let text = yaml::to_string_documents(seen.map(|r| &r.object.0));
    let ran = process::run(Run {
        program,
        args: Vec::new(),
        env: Vec::new(),
        stdin: Some(text.as_bytes()),
        time_limit: TIME,
        mark: None,
    })
    .await?;
    let name = program.display().to_string();
    if !ran.success {
        return Err(PortError::Invalid(name, ran.stderr.trim().to_owned()));
    }
    let (objects, _) = yaml::parse_objects(&ran.stdout, &name).map_err(|e| PortError::Invalid(name, e.to_string()))?;
    let source = |object: &Object| {
        let reference = object.reference();
        let found = rendered.iter().find(|r| r.object.reference() == reference);
        found.map(|r| r.source.clone()).unwrap_or_default()
    };
    let mut out: Vec<Rendered> = objects
        .into_iter()
        .map(|object| Rendered {
            source: source(&object),
            object,
            hooks: Vec::new(),
        })
        .collect();
    out.extend(rendered.iter().filter(|r| !r.hooks.is_empty()).cloned());
    Ok(out)
}
