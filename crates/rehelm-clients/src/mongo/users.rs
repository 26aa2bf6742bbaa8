//! Users: made or brought up to date, and proven by logging in as them.

use bson::{Bson, Document, doc};
use mongodb::options::Credential;
use rehelm_core::ports::{DatabaseUser, PortError, PortResult};
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
        } = user;
        let what = format!("user {name} of {database}");
        let info = self
            .run(database, &what, doc! { "usersInfo": { "user": name, "db": database } })
            .await?;
        let found = info
            .get_array("users")
            .ok()
            .and_then(|users| users.first())
            .and_then(Bson::as_document);
        let role = || Bson::from(doc! { "role": "readWrite", "db": database });
        let command = |verb: &str, roles: Vec<Bson>| {
            let mut command = doc! { verb: name, "pwd": password.expose_secret(), "roles": roles };
            command.insert("writeConcern", doc! { "w": "majority" });
            command
        };
        let Some(found) = found else {
            return match self.run(database, &what, command("createUser", vec![role()])).await {
                // Somebody was quicker; now there is one to bring up to date.
                Err(PortError::Exists(_)) => self
                    .run(database, &what, command("updateUser", vec![role()]))
                    .await
                    .map(|_| ()),
                other => other.map(|_| ()),
            };
        };
        // Roles that somebody gave beyond it stay.
        let mut roles: Vec<_> = found.get_array("roles").cloned().unwrap_or_default();
        let is_it = |bson: &Bson| {
            let given = bson.as_document();
            given.is_some_and(|given| given.get_str("role") == Ok("readWrite") && given.get_str("db") == Ok(database))
        };
        if !roles.iter().any(is_it) {
            roles.push(role());
        }
        self.run(database, &what, command("updateUser", roles))
            .await
            .map(|_| ())
    }

    pub(super) async fn log_in_as(&self, user: &DatabaseUser) -> PortResult<()> {
        let DatabaseUser {
            name,
            database,
            password,
        } = user;
        let what = format!("login as {name} in {database}");
        let mut options = self.options.clone();
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
    let given = |action: &str| {
        privileges.iter().any(|privilege| {
            let resource = privilege.get_document("resource").ok();
            let covers = |resource: &Document| {
                let db = resource.get_str("db").unwrap_or("-");
                (db == database || db.is_empty()) && resource.get_str("collection") == Ok("")
            };
            let actions = privilege.get_array("actions").map(Vec::as_slice).unwrap_or_default();
            resource.is_some_and(covers) && actions.iter().any(|given| given.as_str() == Some(action))
        })
    };
    let missing: Vec<_> = ACTIONS.iter().copied().filter(|action| !given(action)).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(refused(format!("it may not {} in this database", missing.join(", ")))),
    }
}
