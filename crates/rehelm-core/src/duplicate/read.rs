//! Reading the copy on another machine. It was written by somebody else: sizes are bounded, and everything is checked.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;

use super::FORMAT;
use crate::journal::{self, Lines};
use crate::object::{ObjRef, Object};
use crate::plan::Plan;
use crate::ports::{Cluster, PortError, PortResult};

/// Bytes that a part may have when it is unpacked.
const LIMIT: u64 = 64 * 1024 * 1024;

/// A copy that was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Name of the run.
    pub run: String,
    /// `sha256:…` of its plan.
    pub plan_digest: String,
    /// Where it stands: `migrating`, …
    pub state: String,
    /// What comes next, as a command.
    pub next: String,
    /// The newest step, with how far it came.
    pub step: String,
    /// Why it stopped, if it did.
    pub failed: Option<String>,
    /// Who ran the newest command, and on which machine.
    pub by: String,
    /// When the copy was written.
    pub at: String,
    /// Where the backup is.
    pub backup: String,
    /// Version of rehelm that wrote it.
    pub version: String,
    /// How many records the journal had.
    pub records: u64,
    /// Hash of its last line.
    pub tip: String,
    /// The journal's bytes, when they had room; sound.
    pub journal: Option<Vec<u8>>,
    /// The plan, when it had room and is the one that the journal names.
    pub plan: Option<Plan>,
    /// Before-images of some kinds.
    pub images: Vec<Object>,
}

/// Reads the copy; None when there is none.
///
/// # Errors
/// Invalid for a copy of a newer format, or one that is damaged.
pub async fn read(cluster: &dyn Cluster, at: &ObjRef) -> PortResult<Option<Found>> {
    let Some(live) = cluster.get(at).await? else {
        return Ok(None);
    };
    let invalid = |why: String| PortError::Invalid(at.to_string(), why);
    let text = |key: &str| live.str(&format!("/data/{key}")).unwrap_or_default().to_owned();
    let format: u32 = text("format")
        .parse()
        .map_err(|_| invalid("it is no copy of a run".to_owned()))?;
    if format > FORMAT {
        return Err(invalid("it was written by a newer rehelm".to_owned()));
    }
    let part = |name: &str| unpack(&live, name).map_err(|why| invalid(format!("{name}: {why}")));
    let mut found = Found {
        run: text("run"),
        plan_digest: text("planDigest"),
        state: text("state"),
        next: text("next"),
        step: text("step"),
        failed: Some(text("failed")).filter(|why| !why.is_empty()),
        by: text("by"),
        at: text("at"),
        backup: text("backup"),
        version: text("version"),
        records: text("records").parse().unwrap_or_default(),
        tip: text("tip"),
        ..Found::default()
    };
    if let Some(bytes) = part("journal")? {
        let lines = lines(&bytes).map_err(|e| invalid(format!("journal: {e}")))?;
        if lines.is_torn() || lines.tip != found.tip || lines.state.run != found.run {
            return Err(invalid("its journal is not the one that it names".to_owned()));
        }
        found.plan_digest = lines.state.plan;
        found.journal = Some(bytes);
    }
    if let Some(bytes) = part("plan")? {
        let plan = Plan::from_json(&String::from_utf8_lossy(&bytes)).map_err(|e| invalid(e.to_string()))?;
        if plan.digest() != found.plan_digest {
            return Err(invalid("its plan is not the one that the journal names".to_owned()));
        }
        found.plan = Some(plan);
    }
    if let Some(bytes) = part("before")? {
        let images: Vec<serde_json::Value> =
            serde_json::from_slice(&bytes).map_err(|e| invalid(format!("before: {e}")))?;
        found.images = images.into_iter().map(Object).collect();
    }
    Ok(Some(found))
}

fn lines(bytes: &[u8]) -> Result<Lines, journal::JournalError> {
    journal::read_records(bytes, "journal".into())
}

fn unpack(live: &Object, name: &str) -> Result<Option<Vec<u8>>, String> {
    let Some(text) = live.str(&format!("/binaryData/{name}")) else {
        return Ok(None);
    };
    let packed = STANDARD.decode(text).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    let read = GzDecoder::new(packed.as_slice())
        .take(LIMIT + 1)
        .read_to_end(&mut bytes);
    read.map_err(|e| e.to_string())?;
    if bytes.len() as u64 > LIMIT {
        return Err("it is too large".to_owned());
    }
    Ok(Some(bytes))
}

/// How a journal on this machine and the copy go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The copy is of another run, or there is no journal here.
    Other,
    /// The journal here has everything that the copy has.
    Older,
    /// The run went on elsewhere: the copy begins with the journal here and has more.
    Newer,
    /// Both went on, each for itself.
    Parted,
}

/// Compares a journal with the copy.
pub fn relation(here: &[u8], found: &Found) -> Relation {
    let Ok(own) = lines(here) else {
        return Relation::Other;
    };
    if own.state.run != found.run {
        return Relation::Other;
    }
    let sound = &here[..usize::try_from(own.sound).unwrap_or(here.len())];
    let count = own.records.len() as u64;
    match &found.journal {
        Some(there) if sound.starts_with(there) => Relation::Older,
        Some(there) if there.starts_with(sound) => Relation::Newer,
        Some(_) => Relation::Parted,
        // Without the journal itself only the number of records and the last hash can be compared.
        None if found.records > count => Relation::Newer,
        None if found.records == count && found.tip != own.tip => Relation::Parted,
        None => Relation::Older,
    }
}
