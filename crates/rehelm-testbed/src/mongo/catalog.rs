//! Collection options and views, which the store does not keep: they are remembered here and shown by
//! `listCollections`. Validators, collations and caps are listed and not enforced; views are listed and not readable.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};

use super::refusal::{Refusal, refuse};

/// Options by (database, collection); views are those with `viewOn`.
#[derive(Default)]
pub(super) struct Catalog {
    options: BTreeMap<(String, String), Document>,
}

/// Fields of `create` that are about the command and not the collection.
const COMMAND: [&str; 9] = [
    "create",
    "$db",
    "lsid",
    "txnNumber",
    "writeConcern",
    "comment",
    "$clusterTime",
    "$readPreference",
    "apiVersion",
];

impl Catalog {
    /// Notes a `create`. Answers the command for the store, None for a view.
    pub fn create(&mut self, body: &Document, database: &str) -> Result<Option<Document>, Refusal> {
        let name = body.get_str("create").unwrap_or_default().to_owned();
        let mut options: Document = body
            .iter()
            .filter(|(key, _)| !COMMAND.contains(&key.as_str()))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        if let Some(size) = options
            .get("size")
            .and_then(|size| size.as_i64().or(size.as_i32().map(i64::from)))
        {
            // Servers round the size of a capped collection up to 256.
            options.insert("size", Bson::Int64((size + 255) / 256 * 256));
        }
        let key = (database.to_owned(), name.clone());
        if self.options.contains_key(&key) {
            return refuse(48, format!("Collection {database}.{name} already exists"));
        }
        let view = options.contains_key("viewOn");
        self.options.insert(key, options);
        Ok((!view).then(|| doc! { "create": name, "$db": database }))
    }

    /// True for a view.
    pub fn view(&self, database: &str, name: &str) -> bool {
        let options = self.options.get(&(database.to_owned(), name.to_owned()));
        options.is_some_and(|options| options.contains_key("viewOn"))
    }

    pub fn drop(&mut self, database: &str, name: &str) {
        self.options.remove(&(database.to_owned(), name.to_owned()));
    }

    pub fn drop_database(&mut self, database: &str) {
        self.options.retain(|(db, _), _| db != database);
    }

    /// Completes the store's reply to `listCollections`.
    pub fn complete(&self, mut reply: Document, body: &Document, database: &str) -> Document {
        let only = body
            .get_document("filter")
            .ok()
            .and_then(|filter| filter.get_str("name").ok());
        let of = |name: &str| self.options.get(&(database.to_owned(), name.to_owned()));
        let Ok(cursor) = reply.get_document_mut("cursor") else {
            return reply;
        };
        let Ok(batch) = cursor.get_array_mut("firstBatch") else {
            return reply;
        };
        for entry in batch.iter_mut().filter_map(Bson::as_document_mut) {
            let options = entry.get_str("name").ok().and_then(of).cloned().unwrap_or_default();
            entry.insert(
                "type",
                if options.contains_key("timeseries") {
                    "timeseries"
                } else {
                    "collection"
                },
            );
            entry.insert("options", options);
        }
        for ((_, name), options) in self.options.iter().filter(|((db, _), _)| db == database) {
            if options.contains_key("viewOn") && only.is_none_or(|only| only == name) {
                let info = doc! { "readOnly": true };
                batch.push(doc! { "name": name, "type": "view", "options": options.clone(), "info": info }.into());
            }
        }
        reply
    }
}
