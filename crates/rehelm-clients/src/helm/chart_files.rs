//! The texts of a chart that values have to do with, from a folder or a packed file, packed subcharts included.

use std::io::Read;
use std::path::Path;

use fs_err as fs;
use rehelm_core::ports::{PortError, PortResult};
use rehelm_core::values::chart::ChartFiles;

/// More than this in one text is not read.
const LONGEST: u64 = 4 << 20;
/// Packed charts within packed charts.
const DEEPEST: usize = 8;

/// Reads a chart's texts.
pub(crate) fn read(chart: &Path) -> PortResult<ChartFiles> {
    let mut files = ChartFiles::default();
    let read = if chart.is_dir() {
        folder(chart, "", 0, &mut files)
    } else {
        fs::File::open(chart).and_then(|file| packed(file, "", 0, &mut files))
    };
    read.map_err(|e| PortError::Invalid(chart.display().to_string(), e.to_string()))?;
    if !files.0.contains_key("Chart.yaml") {
        let why = "it has no Chart.yaml, so it is no chart".to_owned();
        return Err(PortError::Invalid(chart.display().to_string(), why));
    }
    Ok(files)
}

fn wanted(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let known = ["Chart.yaml", "requirements.yaml", "values.yaml", "values.schema.json"];
    known.contains(&name) || path.starts_with("templates/") || path.contains("/templates/")
}

fn folder(place: &Path, below: &str, depth: usize, files: &mut ChartFiles) -> std::io::Result<()> {
    if depth > 32 {
        return Err(std::io::Error::other("folders within folders without end"));
    }
    for entry in fs::read_dir(place)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let inside = format!("{below}{name}");
        if path.is_dir() {
            folder(&path, &format!("{inside}/"), depth + 1, files)?;
        } else if is_packed_subchart(&inside) {
            packed(fs::File::open(&path)?, &unpacked(&inside), 0, files)?;
        } else if wanted(&inside) {
            take(fs::File::open(&path)?, inside, files)?;
        }
    }
    Ok(())
}

fn packed(file: impl Read, below: &str, depth: usize, files: &mut ChartFiles) -> std::io::Result<()> {
    if depth > DEEPEST {
        return Err(std::io::Error::other("packed charts within packed charts without end"));
    }
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in archive.entries()? {
        let entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        // The first part is the chart's name.
        let Some((_, inside)) = path.trim_start_matches("./").split_once('/') else {
            continue;
        };
        let inside = format!("{below}{inside}");
        if is_packed_subchart(&inside) {
            let mut bytes = Vec::new();
            entry.take(LONGEST * 4).read_to_end(&mut bytes)?;
            packed(&bytes[..], &unpacked(&inside), depth + 1, files)?;
        } else if entry.header().entry_type().is_file() && wanted(&inside) {
            take(entry, inside, files)?;
        }
    }
    Ok(())
}

fn is_packed_subchart(path: &str) -> bool {
    path.ends_with(".tgz") && path.rsplit('/').nth(1) == Some("charts")
}

/// Folder that a packed subchart stands for.
fn unpacked(path: &str) -> String {
    format!("{}/", path.trim_end_matches(".tgz"))
}

/// Takes what is text; nothing else can speak of values.
fn take(file: impl Read, path: String, files: &mut ChartFiles) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes)?;
    if let Ok(text) = String::from_utf8(bytes) {
        files.0.insert(path, text);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, *content).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn packed_subcharts_are_read_wherever_they_are() {
        let inner = pack(&[
            ("db/Chart.yaml", b"name: db"),
            ("db/templates/x.yaml", b"x"),
            ("db/README.md", b"no"),
        ]);
        let outer = pack(&[("app/Chart.yaml", b"name: app"), ("app/charts/db-1.tgz", &inner)]);
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("app.tgz");
        fs::write(&file, &outer).unwrap();
        let names = |files: ChartFiles| files.0.into_keys().collect::<Vec<_>>();
        let expected = ["Chart.yaml", "charts/db-1/Chart.yaml", "charts/db-1/templates/x.yaml"];
        assert_eq!(names(read(&file).unwrap()), expected);
        let folder = place.path().join("app");
        fs::create_dir_all(folder.join("charts")).unwrap();
        fs::write(folder.join("Chart.yaml"), "name: app").unwrap();
        fs::write(folder.join("charts/db-1.tgz"), &inner).unwrap();
        assert_eq!(names(read(&folder).unwrap()), expected);
        assert!(read(place.path()).unwrap_err().to_string().contains("no Chart.yaml"));
    }
}
