//! Files that people hand in: configuration, values, profiles, plans, snapshots.
//!
//! Read with a limit and only when they are files: a device or a pipe in their place would never end.

use std::io::{Error, ErrorKind, Read, Result};

use camino::Utf8Path;
use fs_err as fs;

/// Bytes of a text that a person or a tool of theirs wrote.
pub const TEXT: u64 = 16 << 20;

/// Bytes of a saved plan, or a journal.
pub const RECORDS: u64 = 128 << 20;

/// Reads a file that is no larger than a limit.
///
/// # Errors
/// Names the file; NotFound stays what it is.
pub fn bytes(path: &Utf8Path, most: u64) -> Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    if !found.is_file() {
        let kind = if found.is_dir() {
            "is a folder"
        } else {
            "is not a regular file"
        };
        return Err(Error::new(ErrorKind::InvalidInput, format!("{path} {kind}")));
    }
    let mut content = Vec::new();
    fs::File::open(path)?.take(most + 1).read_to_end(&mut content)?;
    if content.len() as u64 > most {
        let why = format!("{path} is too large: more than {} MiB", most >> 20);
        return Err(Error::new(ErrorKind::InvalidData, why));
    }
    Ok(content)
}

/// Reads a text.
///
/// # Errors
/// As [`bytes`], and with the line of the first byte that is no UTF-8.
pub fn text(path: &Utf8Path, most: u64) -> Result<String> {
    String::from_utf8(bytes(path, most)?).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good].iter().filter(|byte| **byte == b'\n').count() + 1;
        let why = format!("{path}:{line}: this is not UTF-8; save the file as UTF-8");
        Error::new(ErrorKind::InvalidData, why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_said_with_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = Utf8Path::from_path(folder.path()).expect("UTF-8").join("a.yaml");
        fs::write(&path, b"a: 1\nb: \xff\n").expect("written");
        let why = text(&path, TEXT).unwrap_err().to_string();
        assert!(why.contains("a.yaml:2: this is not UTF-8"), "{why}");
        let why = text(&path, 4).unwrap_err().to_string();
        assert!(why.contains("too large"), "{why}");
        assert!(text("/dev/zero".into(), TEXT).is_err());
        let folder = Utf8Path::from_path(folder.path()).expect("UTF-8");
        assert!(text(folder, TEXT).unwrap_err().to_string().contains("is a folder"));
        assert_eq!(
            text(&folder.join("none"), TEXT).unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
}
