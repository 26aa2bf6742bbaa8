//! Where a chart's content is: a folder, a packed file, or somewhere that Helm pulls it from once.
//!
//! A chart that is pulled is kept for the life of the client, so that what was rendered is what gets installed, even
//! when a tag is moved meanwhile, and so that no download is left for the outage.

use std::io::Read;
use std::path::{Path, PathBuf};

use camino::Utf8PathBuf;
use fs_err as fs;
use rehelm_core::ports::{ChartFacts, PortError, PortResult, ReleaseSpec};
use rehelm_core::yaml;
use sha2::{Digest, Sha256};

/// True when the chart is on this machine already.
pub(crate) fn is_local(spec: &ReleaseSpec) -> bool {
    !spec.chart.contains("://") && Path::new(&spec.chart).exists()
}

/// The packed chart that a pull left in a folder.
pub(crate) fn pulled(folder: &Path) -> PortResult<Utf8PathBuf> {
    let failed = |why: String| PortError::Other(format!("the pulled chart: {why}"));
    let entries = fs::read_dir(folder).map_err(|e| failed(e.to_string()))?;
    let files = entries.flatten().map(|entry| entry.path());
    let file = files
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "tgz"));
    let file = file.ok_or_else(|| failed("Helm has left no .tgz".to_owned()))?;
    Ok(super::private::utf8(&file)?.to_owned())
}

/// Name, version and constraint from what `helm show chart` prints.
pub(crate) fn facts(shown: &str, digest: String) -> PortResult<ChartFacts> {
    let bad = |why: String| PortError::Invalid("Chart.yaml".to_owned(), why);
    let chart = yaml::parse_document(shown, "Chart.yaml").map_err(|e| bad(e.to_string()))?;
    let chart = chart.unwrap_or_default();
    let text = |field: &str| chart[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(ChartFacts {
        name: text("name").ok_or_else(|| bad("it has no name".to_owned()))?,
        // An unquoted version such as 1.2 reads as a number.
        version: text("version")
            .or_else(|| chart["version"].as_number().map(ToString::to_string))
            .ok_or_else(|| bad("it has no version".to_owned()))?,
        kube_version: text("kubeVersion"),
        digest,
    })
}

/// `sha256:…` of a packed chart, or over the names, lengths and contents of a folder's files in order of their names.
pub(crate) fn digest(chart: &Path) -> PortResult<String> {
    let mut hash = Sha256::new();
    let result = if chart.is_dir() {
        hash_folder(chart, &mut hash)
    } else {
        hash_file(chart, &mut hash)
    };
    result.map_err(|e| PortError::Other(format!("chart: {e}")))?;
    let hex: Vec<String> = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("sha256:{}", hex.concat()))
}

fn hash_folder(folder: &Path, hash: &mut Sha256) -> std::io::Result<()> {
    let mut files = Vec::new();
    collect(folder, &mut files, 0)?;
    files.sort();
    for file in files {
        let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy();
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name.as_bytes());
        hash.update(fs::metadata(&file)?.len().to_be_bytes());
        hash_file(&file, hash)?;
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>, depth: u32) -> std::io::Result<()> {
    if depth > 64 {
        return Err(std::io::Error::other(format!(
            "{}: folders within folders without end",
            folder.display()
        )));
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files, depth + 1)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

fn hash_file(file: &Path, hash: &mut Sha256) -> std::io::Result<()> {
    let mut file = fs::File::open(file)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            count => hash.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_known_by_names_and_contents() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("Chart.yaml", "a");
        write("templates/x.yaml", "b");
        let first = digest(folder.path()).unwrap();
        assert_eq!(first, digest(folder.path()).unwrap());
        write("templates/x.yaml", "c");
        let second = digest(folder.path()).unwrap();
        write("templates/y.yaml", "");
        assert!(first != second && second != digest(folder.path()).unwrap());
    }

    #[test]
    fn facts_of_odd_chart_files() {
        let read = |text: &str| facts(text, "d".to_owned());
        let chart = read("name: c\nversion: 1.2\nkubeVersion: '>=1.19'\t\n").unwrap();
        assert_eq!(
            (chart.version.as_str(), chart.kube_version.as_deref()),
            ("1.2", Some(">=1.19"))
        );
        assert!(read("version: 1.0.0").is_err());
        assert!(read("").is_err());
        assert!(read("[").is_err());
    }
}
