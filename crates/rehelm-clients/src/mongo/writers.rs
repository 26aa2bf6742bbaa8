//! Who else may write to a database: connections that are logged in as one of its users, or at work in it.

use bson::{Bson, Document, doc};
use futures::TryStreamExt;
use rehelm_core::ports::PortResult;

use super::Mongo;
use super::error::code;

/// This program's own connections.
pub(super) const APP: &str = "rehelm";

impl Mongo {
    /// None where the server does not tell: too old, or without the right `inprog`.
    pub(super) async fn others_that_write(&self, database: &str) -> PortResult<Option<Vec<String>>> {
        let look = doc! { "$currentOp": { "allUsers": true, "idleConnections": true } };
        let command = doc! { "aggregate": 1, "pipeline": [look], "cursor": {} };
        let read = async {
            let cursor = self.client().database("admin").run_cursor_command(command).await?;
            cursor.try_collect::<Vec<Document>>().await
        };
        match read.await {
            Ok(listed) => {
                let mut found: Vec<String> = listed.iter().filter_map(|entry| writer(entry, database)).collect();
                found.sort();
                found.dedup();
                Ok(Some(found))
            }
            // Whatever it is that does not let it tell, another proof is needed.
            Err(error) if code(&error).is_some() => Ok(None),
            Err(error) => Err(super::error::port("connections", error)),
        }
    }
}

/// `user at client (application)` of a connection that may write to the database.
fn writer(entry: &Document, database: &str) -> Option<String> {
    let text = |name: &str| entry.get_str(name).ok();
    let app = text("appName").unwrap_or_default();
    if app == APP {
        return None;
    }
    let users = entry.get_array("effectiveUsers").map(Vec::as_slice).unwrap_or_default();
    let mut users = users.iter().filter_map(Bson::as_document);
    let own = users.find(|user| user.get_str("db") == Ok(database));
    let writes = ["insert", "update", "remove", "command"].contains(&text("op").unwrap_or_default());
    let inside = writes
        && entry.get_bool("active") == Ok(true)
        && text("ns").is_some_and(|ns| ns.split('.').next() == Some(database));
    if own.is_none() && !inside {
        return None;
    }
    let user = own.and_then(|user| user.get_str("user").ok()).unwrap_or("somebody");
    // The port of the client changes with each connection.
    let client = text("client").or_else(|| text("host")).unwrap_or("an unknown client");
    let client = client.rsplit_once(':').map_or(client, |(host, _)| host);
    let app = if app.is_empty() {
        String::new()
    } else {
        format!(" ({app})")
    };
    Some(format!("{user} at {client}{app}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_the_database_and_work_in_it_count_and_nothing_else_does() {
        let users = |db: &str| vec![doc! { "user": "svc", "db": db }];
        let idle = doc! { "client": "10.0.0.7:4711", "appName": "node", "effectiveUsers": users("a"), "active": false };
        assert_eq!(writer(&idle, "a").as_deref(), Some("svc at 10.0.0.7 (node)"));
        assert_eq!(writer(&idle, "b"), None);
        let ours = doc! { "client": "10.0.0.7:4711", "appName": APP, "effectiveUsers": users("a") };
        assert_eq!(writer(&ours, "a"), None);
        let root =
            doc! { "client": "h:1", "effectiveUsers": users("admin"), "active": true, "op": "insert", "ns": "a.c" };
        assert_eq!(writer(&root, "a").as_deref(), Some("somebody at h"));
        assert_eq!(writer(&root, "ab"), None);
    }
}
