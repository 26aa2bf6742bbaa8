//! What a database is like, from the server's own counts: no document is read.

use bson::{Document, doc};
use rehelm_core::ports::{CollectionOutline, DatabaseOutline, Databases, PortError, PortResult};
use serde_json::{Value, json};

use super::collections::Kind;
use super::{Mongo, number};

impl Mongo {
    pub(super) async fn outline_database(&self, database: &str) -> PortResult<DatabaseOutline> {
        let mut outline = DatabaseOutline {
            bytes: self.size(database).await?,
            collections: Vec::new(),
        };
        for collection in self.collections(database).await? {
            let view = collection.kind == Kind::View;
            let stats = if view {
                Document::new()
            } else {
                let what = format!("size of {database}.{}", collection.name);
                match self.run(database, &what, doc! { "collStats": &collection.name }).await {
                    // A server that cannot say how large a collection is still has it.
                    Err(PortError::Invalid(..) | PortError::Other(_) | PortError::NotFound(_)) => Document::new(),
                    stats => stats?,
                }
            };
            let indexes = self.indexes(database, &collection).await?;
            outline.collections.push(CollectionOutline {
                name: collection.name,
                view,
                documents: number(stats.get("count")).unwrap_or(0),
                bytes: number(stats.get("size")).unwrap_or(0),
                indexes: indexes.iter().map(index).collect(),
            });
        }
        Ok(outline)
    }
}

/// Name and keys only: a filter expression may hold values of documents.
fn index(spec: &Document) -> Value {
    let keys = spec.get_document("key").cloned().unwrap_or_default();
    let keys: Vec<Value> = keys
        .into_iter()
        .map(|(field, order)| json!([field, order.into_relaxed_extjson()]))
        .collect();
    json!({"name": spec.get_str("name").unwrap_or_default(), "keys": keys})
}
