//! What a database consists of: collections, views, their options and indexes.

use bson::{Bson, Document, doc};
use futures::TryStreamExt;
use rehelm_core::ports::{PortError, PortResult};
use sha2::{Digest, Sha256};

use super::copy::{TRIES, pause};
use super::error::{port, transient};
use super::{Mongo, digest};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Collection,
    Capped,
    View,
    TimeSeries,
}

/// An entry of `listCollections`.
#[derive(Clone, Debug)]
pub(super) struct Collection {
    pub name: String,
    pub kind: Kind,
    /// As `create` takes them.
    pub options: Document,
}

impl Collection {
    fn read(entry: &Document) -> Option<Self> {
        let mut options = entry.get_document("options").cloned().unwrap_or_default();
        // What the server decides itself.
        for own in ["uuid", "autoIndexId", "idIndex"] {
            options.remove(own);
        }
        let kind = match entry.get_str("type") {
            Ok("view") => Kind::View,
            Ok("timeseries") => Kind::TimeSeries,
            _ if options.get_bool("capped") == Ok(true) => Kind::Capped,
            _ => Kind::Collection,
        };
        Some(Self {
            name: entry.get_str("name").ok()?.to_owned(),
            kind,
            options,
        })
    }

    /// Hash over options and index specs, whatever their order.
    pub fn shape(&self, indexes: &[Document]) -> String {
        let mut specs: Vec<_> = indexes.iter().map(canonical).collect();
        specs.sort();
        let mut hash = Sha256::new();
        hash.update(if self.kind == Kind::View {
            "view\n"
        } else {
            "collection\n"
        });
        hash.update(canonical(&self.options));
        for spec in specs {
            hash.update("\n");
            hash.update(spec);
        }
        digest::hex(&hash.finalize())
    }
}

/// Text of a spec: its own fields in the order of their names (servers list them as they like), everything below in its
/// order (an index over a, b is not one over b, a), numbers by value.
pub(super) fn canonical(spec: &Document) -> String {
    fn plain(value: &Bson) -> Bson {
        match value {
            Bson::Int32(n) => Bson::Int64((*n).into()),
            Bson::Double(n) if n.fract() == 0.0 && n.abs() < 9e15 => Bson::Int64(*n as i64),
            Bson::Array(list) => Bson::Array(list.iter().map(plain).collect()),
            Bson::Document(below) => {
                Bson::Document(below.iter().map(|(key, value)| (key.clone(), plain(value))).collect())
            }
            other => other.clone(),
        }
    }
    let mut fields: Vec<_> = spec.iter().collect();
    fields.sort_by_key(|(key, _)| key.as_str());
    let fields: Document = fields
        .into_iter()
        .map(|(key, value)| (key.clone(), plain(value)))
        .collect();
    Bson::Document(fields).into_canonical_extjson().to_string()
}

impl Mongo {
    async fn cursor(&self, database: &str, what: &str, command: Document) -> PortResult<Vec<Document>> {
        let mut tries = 0;
        loop {
            let read = async {
                let cursor = self
                    .client()
                    .database(database)
                    .run_cursor_command(command.clone())
                    .await?;
                cursor.try_collect().await
            };
            match read.await {
                Err(error) if transient(&error) && tries < TRIES => {
                    self.recover(&error).await;
                    pause(&mut tries).await;
                }
                other => return other.map_err(|error| port(what, error)),
            }
        }
    }

    /// Everything that is listed, the server's own collections included, by name and kind.
    pub(super) async fn listed(&self, database: &str) -> PortResult<Vec<(String, Kind)>> {
        let what = format!("collections of {database}");
        let listed = self
            .cursor(database, &what, doc! { "listCollections": 1, "cursor": {} })
            .await?;
        let mut all: Vec<_> = listed
            .iter()
            .filter_map(Collection::read)
            .map(|own| (own.name, own.kind))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }

    /// Collections and views by name, without the server's own (`system.*`). Stored functions would be left behind with
    /// those, so a database that has some is an error.
    pub(super) async fn collections(&self, database: &str) -> PortResult<Vec<Collection>> {
        let what = format!("collections of {database}");
        let listed = self
            .cursor(database, &what, doc! { "listCollections": 1, "cursor": {} })
            .await?;
        let mut all: Vec<_> = listed.iter().filter_map(Collection::read).collect();
        if all.iter().any(|collection| collection.name == "system.js") {
            let why =
                "it holds stored functions (system.js), which are not copied: move them by hand and drop them here";
            return Err(PortError::Invalid(format!("database {database}"), why.into()));
        }
        all.retain(|collection| !collection.name.starts_with("system."));
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// Index specs as `createIndexes` takes them, `_id_` included.
    pub(super) async fn indexes(&self, database: &str, collection: &Collection) -> PortResult<Vec<Document>> {
        if collection.kind == Kind::View {
            return Ok(Vec::new());
        }
        let what = format!("indexes of {database}.{}", collection.name);
        let mut specs = self
            .cursor(database, &what, doc! { "listIndexes": &collection.name, "cursor": {} })
            .await?;
        for spec in &mut specs {
            spec.remove("v");
            spec.remove("ns");
        }
        Ok(specs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_what_servers_say_in_any_order() {
        let read = |entry: Document| Collection::read(&entry).expect("a name");
        let plain =
            read(doc! { "name": "a", "type": "collection", "options": { "uuid": 1, "max": 5, "capped": true } });
        let other = read(doc! { "name": "a", "type": "collection", "options": { "capped": true, "max": 5.0 } });
        let ab = doc! { "key": { "a": 1, "b": 1 }, "name": "x" };
        let same = doc! { "name": "x", "key": { "a": 1.0, "b": 1_i64 } };
        let ba = doc! { "key": { "b": 1, "a": 1 }, "name": "x" };
        let id = doc! { "name": "_id_", "key": { "_id": 1 } };
        assert_eq!(plain.kind, Kind::Capped);
        assert_eq!(plain.shape(&[id.clone(), ab.clone()]), other.shape(&[same, id.clone()]));
        assert_ne!(plain.shape(&[id.clone(), ab.clone()]), plain.shape(&[id.clone(), ba]));
        assert_ne!(plain.shape(&[ab]), plain.shape(&[id]));
    }
}
