//! Who may do what: built-in and own roles as privileges, and what each command needs.
//!
//! A table of the commands that a migration and its tests use; a command that is not listed needs `root`.

use bson::{Bson, Document, doc};

use super::asides::change_stream;

/// Actions on a resource.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Privilege {
    pub on: Resource,
    pub actions: Vec<String>,
}

/// What a privilege is about.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Resource {
    Cluster,
    /// Database and collection; an empty name means any.
    Namespace(String, String),
}

/// One thing that a command needs.
pub(super) struct Need {
    pub action: &'static str,
    pub on: Resource,
}

const READ: &str = "find listCollections listIndexes collStats dbStats dbHash killCursors changeStream";
const WRITE: &str = "insert update remove createCollection createIndex dropCollection dropIndex convertToCapped \
                     renameCollectionSameDB";
const ADMIN: &str = "collMod createCollection createIndex dropCollection dropDatabase dropIndex validate collStats \
                     dbStats listCollections listIndexes renameCollectionSameDB";
const USERS: &str = "createUser dropUser changePassword viewUser createRole dropRole viewRole grantRole revokeRole";
const CLUSTER: &str = "inprog listDatabases serverStatus replSetGetStatus getParameter failPoint any";

/// The privileges of a built-in role; None when there is none of that name in that database.
pub(super) fn builtin(role: &str, database: &str) -> Option<Vec<Privilege>> {
    let any = role.ends_with("AnyDatabase") || role == "root";
    if (any || role.starts_with("cluster")) && database != "admin" {
        return None;
    }
    let actions = match role {
        "read" | "readAnyDatabase" => vec![READ],
        "readWrite" | "readWriteAnyDatabase" => vec![READ, WRITE],
        "dbAdmin" | "dbAdminAnyDatabase" => vec![ADMIN],
        "userAdmin" | "userAdminAnyDatabase" => vec![USERS],
        "dbOwner" | "root" => vec![READ, WRITE, ADMIN, USERS],
        "clusterMonitor" | "clusterAdmin" => vec![],
        _ => return None,
    };
    let mut actions: Vec<String> = actions
        .iter()
        .flat_map(|list| list.split_whitespace())
        .map(Into::into)
        .collect();
    actions.sort();
    actions.dedup();
    let mut privileges = Vec::new();
    if !actions.is_empty() {
        let database = if any { String::new() } else { database.to_owned() };
        privileges.push(Privilege {
            on: Resource::Namespace(database, String::new()),
            actions,
        });
    }
    let cluster = match role {
        "root" | "clusterAdmin" => CLUSTER,
        "clusterMonitor" => "inprog listDatabases serverStatus replSetGetStatus getParameter",
        _ if any => "listDatabases",
        _ => return Some(privileges),
    };
    let actions = cluster.split_whitespace().map(Into::into).collect();
    privileges.push(Privilege {
        on: Resource::Cluster,
        actions,
    });
    Some(privileges)
}

/// Reads `{resource: {db, collection} | {cluster: true}, actions: […]}`.
pub(super) fn privilege(from: &Document) -> Option<Privilege> {
    let resource = from.get_document("resource").ok()?;
    let on = match resource.get_bool("cluster") {
        Ok(true) => Resource::Cluster,
        _ => Resource::Namespace(
            resource.get_str("db").ok()?.into(),
            resource.get_str("collection").ok()?.into(),
        ),
    };
    let actions = from
        .get_array("actions")
        .ok()?
        .iter()
        .filter_map(Bson::as_str)
        .map(Into::into)
        .collect();
    Some(Privilege { on, actions })
}

impl Privilege {
    pub fn to_bson(&self) -> Bson {
        let resource = match &self.on {
            Resource::Cluster => doc! { "cluster": true },
            Resource::Namespace(database, collection) => doc! { "db": database, "collection": collection },
        };
        doc! { "resource": resource, "actions": self.actions.clone() }.into()
    }

    pub fn covers(&self, need: &Need) -> bool {
        let within = match (&self.on, &need.on) {
            (Resource::Cluster, Resource::Cluster) => true,
            (Resource::Namespace(d, c), Resource::Namespace(database, collection)) => {
                (d.is_empty() || d == database) && (c.is_empty() || c == collection)
            }
            _ => false,
        };
        within && self.actions.iter().any(|action| action == need.action)
    }
}

/// What a command needs; empty when everybody may run it, even before a login (`listDatabases` shows what one may see).
pub(super) fn needs(name: &str, database: &str, body: &Document) -> Vec<Need> {
    let collection = body.values().next().and_then(Bson::as_str).unwrap_or_default();
    let here = |action| Need {
        action,
        on: Resource::Namespace(database.into(), collection.into()),
    };
    let whole = |action| Need {
        action,
        on: Resource::Namespace(database.into(), String::new()),
    };
    let cluster = |action| Need {
        action,
        on: Resource::Cluster,
    };
    match name.to_ascii_lowercase().as_str() {
        "hello" | "ismaster" | "buildinfo" | "ping" | "saslstart" | "saslcontinue" | "logout" | "connectionstatus"
        | "endsessions" | "listdatabases" => vec![],
        "find" | "count" | "distinct" => vec![here("find")],
        "getmore" => {
            let on = body.get_str("collection").unwrap_or_default();
            vec![Need {
                action: "find",
                on: Resource::Namespace(database.into(), on.into()),
            }]
        }
        "aggregate" if change_stream(body) => vec![here("find"), here("changeStream")],
        // `$currentOp`, the only other one without a collection.
        "aggregate" if collection.is_empty() => vec![cluster("inprog")],
        "aggregate" => aggregate(database, collection, body),
        "insert" => vec![here("insert")],
        "update" => vec![here("update")],
        "delete" => vec![here("remove")],
        "findandmodify" => vec![here("find"), here("update"), here("remove")],
        "create" => vec![here("createCollection")],
        "createindexes" => vec![here("createIndex")],
        "drop" => vec![here("dropCollection")],
        "dropindexes" => vec![here("dropIndex")],
        "collmod" => vec![here("collMod")],
        "validate" => vec![here("validate")],
        "collstats" => vec![here("collStats")],
        "listindexes" => vec![here("listIndexes")],
        "killcursors" => vec![here("killCursors")],
        "listcollections" => vec![whole("listCollections")],
        "dbstats" => vec![whole("dbStats")],
        "dbhash" => vec![whole("dbHash")],
        "dropdatabase" => vec![whole("dropDatabase")],
        "createuser" => vec![whole("createUser")],
        "updateuser" => vec![whole("changePassword"), whole("grantRole")],
        "dropuser" => vec![whole("dropUser")],
        "usersinfo" => vec![whole("viewUser")],
        "createrole" => vec![whole("createRole")],
        "updaterole" => vec![whole("grantRole"), whole("revokeRole")],
        "serverstatus" => vec![cluster("serverStatus")],
        "configurefailpoint" => vec![cluster("failPoint")],
        _ => vec![cluster("any")],
    }
}

/// An aggregation reads its collection and may write to another one, even of another database.
fn aggregate(database: &str, collection: &str, body: &Document) -> Vec<Need> {
    let read = Resource::Namespace(database.into(), collection.into());
    let mut needs = vec![Need {
        action: "find",
        on: read,
    }];
    let stages = body.get_array("pipeline").map(Vec::as_slice).unwrap_or_default();
    for stage in stages.iter().filter_map(Bson::as_document) {
        for (operator, actions) in [("$out", ["insert", "remove"]), ("$merge", ["insert", "update"])] {
            let target = match stage.get(operator) {
                Some(Bson::Document(merge)) => merge.get("into").cloned().unwrap_or(Bson::Document(merge.clone())),
                Some(name) => name.clone(),
                None => continue,
            };
            let (to, name) = match &target {
                Bson::Document(to) => (
                    to.get_str("db").unwrap_or(database),
                    to.get_str("coll").unwrap_or_default(),
                ),
                other => (database, other.as_str().unwrap_or_default()),
            };
            needs.extend(actions.map(|action| Need {
                action,
                on: Resource::Namespace(to.into(), name.into()),
            }));
        }
    }
    needs
}
