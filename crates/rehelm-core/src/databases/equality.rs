//! Proof that a copy equals its original, as an object that is kept: whoever wants to drop the original has to show it.
//!
//! **Invariants.** An empty source proves nothing. What was proven is bound to both sides' counts and digests, and to a
//! moment; it ages.

use std::time::Duration;

use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{differences, totals};
use crate::digest;
use crate::finding::Finding;
use crate::ports::{
    Clock, CollectionComparison, DatabaseProof, Databases, Difference, Files, Notebook, PortError, PortResult,
};

/// Version of the object's form.
const FORMAT: u32 = 1;
/// Documents that are named when two databases differ.
pub const MOST: usize = 20;

/// Two databases, proven equal or not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    format: u32,
    /// The original.
    pub from: String,
    /// The copy.
    pub to: String,
    /// When the reading had ended.
    pub at: Timestamp,
    /// Version of the server.
    pub server: String,
    /// True when counts, contents, indexes and options of all collections are equal, and there are documents.
    pub equal: bool,
    /// Who else was connected and may write to the original; None where the server does not tell.
    pub writers: Option<Vec<String>>,
    /// True when the original was the same before and after the copy had been read.
    pub still: bool,
    /// The original.
    pub source: DatabaseProof,
    /// The copy.
    pub copy: DatabaseProof,
    /// Collections that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differ: Vec<String>,
    /// How many documents of those differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<(String, CollectionComparison)>,
    /// The first documents that differ, without what they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// How long it took.
    pub seconds: f64,
}

impl Verification {
    /// Documents and bytes of the original.
    pub fn totals(&self) -> (u64, u64) {
        totals(&self.source)
    }

    /// One hash over everything that was proven.
    pub fn digest(&self) -> String {
        digest::of_value(&serde_json::json!([self.from, self.to, self.source, self.copy]))
    }

    /// What it says to a person.
    pub fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let (documents, bytes) = self.totals();
        if documents == 0 {
            found.push(Finding::error("database-empty", self.from.clone()));
        } else if self.equal {
            let said = Finding::ok("database-equal", self.to.clone()).arg("from", &self.from);
            found.push(said.arg("documents", documents).arg("bytes", bytes));
        } else {
            let said = Finding::error("database-copy-differs", self.to.clone());
            found.push(said.arg("collections", self.differ.join(", ")));
        }
        match &self.writers {
            Some(writers) if !writers.is_empty() => {
                let said = Finding::warning("database-writers", self.from.clone());
                found.push(said.arg("clients", writers.join(", ")));
            }
            None => found.push(Finding::info("database-writers-unknown", self.from.clone())),
            Some(_) => {}
        }
        if !self.still {
            found.push(Finding::error("database-not-still", self.from.clone()));
        }
        found
    }
}

/// Reads both sides and holds them against each other; finds the documents that differ.
///
/// # Errors
/// When a side is missing, or the server does not answer.
pub async fn verify(
    server: &dyn Databases,
    clock: &dyn Clock,
    (from, to): (&str, &str),
    notebook: Option<&dyn Notebook>,
) -> PortResult<Verification> {
    let begin = clock.elapsed();
    let before = server.outline(from).await?;
    let writers = server.writers(from).await?;
    let (source, copy) = futures::try_join!(server.prove(from, notebook), server.prove(to, notebook))?;
    let after = server.outline(from).await?;
    let differ = differences(&source, &copy);
    let mut out = Verification {
        format: FORMAT,
        from: from.to_owned(),
        to: to.to_owned(),
        at: clock.now(),
        server: server.facts().await?.version,
        equal: differ.is_empty() && totals(&source).0 > 0,
        writers,
        still: before == after,
        source,
        copy,
        differ,
        counts: Vec::new(),
        differences: Vec::new(),
        seconds: 0.0,
    };
    if !out.differ.is_empty() {
        let found = server.compare(from, to, MOST).await?;
        let odd = |c: &CollectionComparison| c.shape || c.missing + c.extra + c.different > 0;
        out.counts = found
            .collections
            .into_iter()
            .filter(|(_, counts)| odd(counts))
            .collect();
        out.differences = found.differences;
    }
    out.seconds = (clock.elapsed().saturating_sub(begin)).as_secs_f64();
    Ok(out)
}

/// Where the object of a pair is kept.
pub fn path(from: &str, to: &str) -> Utf8PathBuf {
    let name = digest::of_bytes(format!("{from}\n{to}").as_bytes());
    format!("databases/verified/{}.json", &name["sha256:".len()..][..32]).into()
}

/// Keeps the object; the one of an earlier time is replaced.
///
/// # Errors
/// When it cannot be written.
pub fn keep(files: &dyn Files, verification: &Verification) -> PortResult<()> {
    let text = serde_json::to_vec_pretty(verification).map_err(|error| PortError::Other(error.to_string()))?;
    files.write(&path(&verification.from, &verification.to), &text)
}

/// Every object that is kept, the newest first.
///
/// # Errors
/// When the folder cannot be read.
pub fn kept(files: &dyn Files) -> PortResult<Vec<Verification>> {
    let folder = camino::Utf8Path::new("databases/verified");
    let mut all: Vec<Verification> = Vec::new();
    for name in files.list(folder)? {
        let bytes = files.read(&folder.join(name))?;
        all.extend(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()));
    }
    all.sort_by_key(|one| std::cmp::Reverse(one.at));
    Ok(all)
}

/// The object that allows a database to be dropped: it and another one were proven equal not long ago, with nobody writing;
/// it still holds exactly what it held then, and the other one is there. (That one may be in use by now.)
///
/// # Errors
/// [`Refusal::Finding`] says why not.
pub async fn allows_drop(
    server: &dyn Databases,
    files: &dyn Files,
    clock: &dyn Clock,
    database: &str,
    age: Duration,
) -> Result<Verification, Refusal> {
    let no = |finding: Finding| Refusal::Finding(Box::new(finding));
    let own = kept(files)?
        .into_iter()
        .find(|one| one.from == database || one.to == database);
    let Some(own) = own else {
        return Err(no(Finding::error("drop-unverified", database)));
    };
    let (other, then) = if own.from == database {
        (&own.to, &own.source)
    } else {
        (&own.from, &own.copy)
    };
    if !own.equal || !own.still || own.writers.as_ref().is_some_and(|writers| !writers.is_empty()) {
        return Err(no(Finding::error("drop-not-equal", database).arg("other", other)));
    }
    let since = clock.now().duration_since(own.at);
    if since.is_negative() || since.unsigned_abs() > age {
        let said = Finding::error("drop-too-old", database).arg("at", own.at.to_string());
        return Err(no(said.arg("minutes", age.as_secs() / 60)));
    }
    // Read again: a count alone would not see a changed document.
    if server.prove(database, None).await? != *then {
        return Err(no(Finding::error("drop-changed-since", database)));
    }
    // Asked for by name only when it is there: some servers make what they are asked about.
    let there = server.list().await?.contains(other) && !server.outline(other).await?.collections.is_empty();
    if !there {
        return Err(no(Finding::error("drop-other-gone", database).arg("other", other)));
    }
    Ok(own)
}

/// Why a database may not be dropped.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is not proven to have a copy.
    #[error("{} {}", .0.code, .0.subject)]
    Finding(Box<Finding>),
    /// Nothing is known.
    #[error(transparent)]
    Port(#[from] PortError),
}
