//! Helm 4 takes the name of a plugin where Helm 3 takes the path of a post-renderer: a program becomes a plugin for one call.
//!
//! Source: "Migrate v3 plugins to Helm 4" in Helm's documentation.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use fs_err as fs;
use rehelm_core::ports::{PortError, PortResult};
use rehelm_core::values::post_renderer::PLUGIN;
use serde_json::json;

use super::private::PrivateDir;

const FLAG: &str = "--post-renderer=";

/// Makes a plugin of the post-renderer that the arguments name, and names the plugin instead. Gives the folder of plugins; None
/// when the arguments name no program.
pub(super) fn for_call(private: &PrivateDir, args: &mut [OsString]) -> PortResult<Option<PathBuf>> {
    let found = args.iter_mut().find_map(|arg| {
        let program = arg.as_bytes().strip_prefix(FLAG.as_bytes())?;
        let program = PathBuf::from(OsString::from(std::ffi::OsStr::from_bytes(program)));
        program.is_absolute().then_some((arg, program))
    });
    let Some((arg, program)) = found else { return Ok(None) };
    let folder = private.folder("plugins")?;
    write(&private.folder(&format!("plugins/{PLUGIN}"))?, &program)?;
    *arg = format!("{FLAG}{PLUGIN}").into();
    Ok(Some(folder))
}

fn write(folder: &Path, program: &Path) -> PortResult<()> {
    let about = json!({"apiVersion": "v1", "type": "postrenderer/v1", "name": PLUGIN, "version": "0.1.0", "runtime": "subprocess",
        "runtimeConfig": {"platformCommand": [{"command": program.to_string_lossy()}]}});
    let written = fs::write(folder.join("plugin.yaml"), about.to_string());
    written.map_err(|e| PortError::Other(format!("plugin for the post-renderer: {e}")))
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;

    #[test]
    fn a_program_becomes_a_plugin() {
        let place = tempfile::tempdir().unwrap();
        let private = PrivateDir::create(Utf8Path::from_path(place.path()).unwrap()).unwrap();
        let mut args: Vec<OsString> = vec!["template".into(), "--post-renderer=/x/post-renderer".into()];
        let folder = for_call(&private, &mut args).unwrap().unwrap();
        assert_eq!(args[1], "--post-renderer=rehelm-post-renderer");
        let about = fs::read_to_string(folder.join(PLUGIN).join("plugin.yaml")).unwrap();
        assert!(about.contains(r#"{"command":"/x/post-renderer"}"#), "{about}");
        // One that is installed already is named as it is.
        let mut args: Vec<OsString> = vec!["--post-renderer=mine".into()];
        assert_eq!(for_call(&private, &mut args).unwrap(), None);
        assert_eq!(args[0], "--post-renderer=mine");
    }
}
