//! Users: made or brought up to date, and proven by logging in as them.

use bson::{Bson, Document, doc};
use mongodb::options::Credential;
use rehelm_core::ports::{CustomRole, DatabaseUser, PortError, PortResult, UserFacts};
use secrecy::ExposeSecret;

use super::Mongo;
use super::connect::attempt;
use super::error::port;

/// What `readWrite` gives, as far as a service needs it.
const ACTIONS: [&str; 6] = ["find", "insert", "update", "remove", "createCollection", "createIndex"];

impl Mongo {
    pub(super) async fn make_user(&self, user: &DatabaseUser) -> PortResult<()> {
        let DatabaseUser {
            name,
            database,
            password,
            roles: custom,
        } = user;
        let what = format!("user {name} of {database}");
        for role in custom {
            self.make_role(database, role).await?;
        }
        let wanted: Vec<(String, String)> = std::iter::once("readWrite")
            .chain(custom.iter().map(|role| role.name.as_str()))
            .map(|role| (role.to_owned(), database.clone()))
            .collect();
        let info = self
            .run(database, &what, doc! { "usersInfo": { "user": name, "db": database } })
            .await?;
        let found = info
            .get_array("users")
            .ok()
            .and_then(|users| users.first())
            .and_then(Bson::as_document);
        let all = || -> Vec<Bson> {
            wanted
                .iter()
                .map(|(role, db)| doc! { "role": role, "db": db }.into())
                .collect()
        };
        let command = |verb: &str, roles: Vec<Bson>| {
            let mut command = doc! { verb: name, "pwd": password.expose_secret(), "roles": roles };
            command.insert("writeConcern", doc! { "w": "majority" });
            command
        };
        let Some(found) = found else {
            return match self.run(database, &what, command("createUser", all())).await {
                // Somebody was quicker; now there is one to bring up to date.
                Err(PortError::Exists(_)) => self
                    .run(database, &what, command("updateUser", all()))
                    .await
                    .map(|_| ()),
                other => other.map(|_| ()),
            };
        };
        // Roles that somebody gave beyond those stay.
        let mut roles: Vec<_> = found.get_array("roles").cloned().unwrap_or_default();
        for (role, db) in &wanted {
            let is_it = |bson: &Bson| {
                let given = bson.as_document();
                given.is_some_and(|given| given.get_str("role") == Ok(role) && given.get_str("db") == Ok(db))
            };
            if !roles.iter().any(is_it) {
                roles.push(doc! { "role": role, "db": db }.into());
            }
        }
        self.run(database, &what, command("updateUser", roles))
            .await
            .map(|_| ())
    }

    /// Creates a role or brings it up to date.
    async fn make_role(&self, database: &str, role: &CustomRole) -> PortResult<()> {
        let privileges: Vec<Bson> = role
            .privileges
            .iter()
            .map(|own| {
                let resource = doc! { "db": database, "collection": &own.collection };
                doc! { "resource": resource, "actions": own.actions.clone() }.into()
            })
            .collect();
        let what = format!("role {} of {database}", role.name);
        let command = |verb: &str| {
            doc! { verb: &role.name, "privileges": privileges.clone(), "roles": [], "writeConcern": { "w": "majority" } }
        };
        match self.run(database, &what, command("createRole")).await {
            Err(PortError::Exists(_)) => self.run(database, &what, command("updateRole")).await.map(|_| ()),
            other => other.map(|_| ()),
        }
    }

    pub(super) async fn list_users(&self, database: &str) -> PortResult<Vec<UserFacts>> {
        let what = format!("users of {database}");
        let info = self.run(database, &what, doc! { "usersInfo": 1 }).await?;
        let text = |from: &Document, name: &str| from.get_str(name).unwrap_or_default().to_owned();
        let list = |from: &Document, name: &str| from.get_array(name).cloned().unwrap_or_default();
        let read = |user: &Document| {
            let mut roles: Vec<String> = list(user, "roles")
                .iter()
                .filter_map(Bson::as_document)
                .map(|role| format!("{}@{}", text(role, "role"), text(role, "db")))
                .collect();
            roles.sort();
            let mechanisms = list(user, "mechanisms");
            UserFacts {
                name: text(user, "user"),
                database: text(user, "db"),
                roles,
                mechanisms: mechanisms.iter().filter_map(Bson::as_str).map(Into::into).collect(),
            }
        };
        let mut users: Vec<_> = list(&info, "users")
            .iter()
            .filter_map(Bson::as_document)
            .map(read)
            .collect();
        users.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(users)
    }

    pub(super) async fn log_in_as(&self, user: &DatabaseUser) -> PortResult<()> {
        let DatabaseUser {
            name,
            database,
            password,
            ..
        } = user;
        let what = format!("login as {name} in {database}");
        let mut options = self.link().options;
        let mut credential = Credential::default();
        credential.username = Some(name.clone());
        credential.password = Some(password.expose_secret().to_owned());
        credential.source = Some(database.clone());
        options.credential = Some(credential);
        let command = doc! { "connectionStatus": 1, "showPrivileges": true };
        let (client, status) = attempt(&options, database, command)
            .await
            .map_err(|error| port(&what, error))?;
        client.shutdown().immediate(true).await;
        may_read_and_write(&status, user)
    }
}

/// Judges a `connectionStatus`.
fn may_read_and_write(status: &Document, user: &DatabaseUser) -> PortResult<()> {
    let DatabaseUser { name, database, .. } = user;
    let refused = |why: String| PortError::Forbidden(format!("login as {name} in {database}: {why}"));
    let info = status
        .get_document("authInfo")
        .map_err(|_| refused("the server does not say who it is".into()))?;
    let list = |name: &str| info.get_array(name).map(Vec::as_slice).unwrap_or_default();
    let documents = |name: &str| list(name).iter().filter_map(Bson::as_document).collect::<Vec<_>>();
    let me = |user: &&Document| user.get_str("user") == Ok(name) && user.get_str("db") == Ok(database);
    if documents("authenticatedUsers").iter().find(|user| me(user)).is_none() {
        return Err(refused("the server sees another user".into()));
    }
    let privileges = documents("authenticatedUserPrivileges");
    let given = |collection: &str, action: &str| {
        privileges.iter().any(|privilege| {
            let resource = privilege.get_document("resource").ok();
            let covers = |resource: &Document| {
                let db = resource.get_str("db").unwrap_or("-");
                let own = resource.get_str("collection").unwrap_or("-");
                (db == database || db.is_empty()) && (own.is_empty() || own == collection)
            };
            let actions = privilege.get_array("actions").map(Vec::as_slice).unwrap_or_default();
            resource.is_some_and(covers) && actions.iter().any(|given| given.as_str() == Some(action))
        })
    };
    let missing: Vec<_> = ACTIONS.iter().copied().filter(|action| !given("", action)).collect();
    if !missing.is_empty() {
        return Err(refused(format!("it may not {} in this database", missing.join(", "))));
    }
    for own in user.roles.iter().flat_map(|role| &role.privileges) {
        if let Some(action) = own.actions.iter().find(|action| !given(&own.collection, action)) {
            return Err(refused(format!("it may not {action} in {database}.{}", own.collection)));
        }
    }
    Ok(())
}
