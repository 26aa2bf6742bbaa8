//! A folder with a tiny product in it, and the program run there.

use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

/// A folder that goes away with the test.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// An empty folder.
    pub fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// A folder with a profile, a Kustomize folder and a values file.
    pub fn with_product() -> Self {
        let place = Self::empty();
        place.write(
            "shop/profile.yaml",
            "name: shop\ntitle: The Shop\nrelease: shop\nnamespace: shop-new\nsource-namespace: shop-old\n",
        );
        place.write("kustomize/kustomization.yaml", "resources: []\n");
        place.write("values.yaml", "{}\n");
        place
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.folder.path()).expect("UTF-8").join(name)
    }

    /// Writes a file and its folders.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs_err::write(path, text).expect("written");
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).expect("readable")
    }

    /// Runs the program with arguments split at spaces; gives exit code, stdout and stderr as one text.
    pub fn rehelm(&self, args: &str) -> String {
        self.rehelm_with(args, &[])
    }

    /// The same with environment variables.
    pub fn rehelm_with(&self, args: &str, env: &[(&str, &str)]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehelm"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("REHELM_") {
                command.env_remove(name);
            }
        }
        let output = command
            .args(args.split_whitespace())
            .envs(env.iter().copied())
            .env("COLUMNS", "100")
            .env("KUBECONFIG", self.path("no-kubeconfig"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes)
                .expect("UTF-8")
                .replace(self.path("").as_str(), "FOLDER/")
        };
        format!(
            "exit {}\n--- stdout\n{}--- stderr\n{}",
            output.status.code().expect("an exit code"),
            text(output.stdout),
            text(output.stderr)
        )
    }
}
