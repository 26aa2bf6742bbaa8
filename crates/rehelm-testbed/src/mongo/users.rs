//! Users and roles: who is known, with what password and rights, and the commands that manage them.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};

use super::access::{Need, Privilege, Resource, builtin, privilege};
use super::refusal::{Answer, Refusal, refuse};
use super::scram::{Credential, Mechanism};

/// A role or user: its name and its database.
pub(super) type Named = (String, String);

struct User {
    credential: Credential,
    roles: Vec<Named>,
}

struct Role {
    privileges: Vec<Privilege>,
    roles: Vec<Named>,
}

/// All users and own roles; keys are (name, database).
#[derive(Default)]
pub(super) struct Users {
    users: BTreeMap<Named, User>,
    roles: BTreeMap<Named, Role>,
}

fn known_as((name, database): &Named) -> String {
    format!("{name}@{database}")
}

fn name_of(body: &Document) -> Result<String, Refusal> {
    match body.values().next() {
        Some(Bson::String(name)) if !name.is_empty() => Ok(name.clone()),
        _ => refuse(2, "the first field of this command is a name"),
    }
}

/// The one that a command names, if it names one alone.
fn mechanism(body: &Document) -> Mechanism {
    let named = body.get_array("mechanisms").map(Vec::as_slice).unwrap_or_default();
    let is = |own: &Mechanism| matches!(named, [Bson::String(only)] if only == own.name());
    Mechanism::ALL.into_iter().find(is).unwrap_or(Mechanism::Sha256)
}

fn missing<T>(user: &Named) -> Result<T, Refusal> {
    refuse(11, format!("User '{}' not found", known_as(user)))
}

impl Users {
    /// Adds the first user.
    pub fn root(name: &str, password: &str) -> Self {
        let user = User {
            credential: Credential::new(Mechanism::Sha256, name, password),
            roles: vec![("root".into(), "admin".into())],
        };
        Self {
            users: BTreeMap::from([((name.into(), "admin".into()), user)]),
            ..Self::default()
        }
    }

    pub fn credential(&self, user: &Named) -> Option<Credential> {
        self.users.get(user).map(|user| user.credential.clone())
    }

    fn privileges_of(&self, role: &Named, depth: u8) -> Vec<Privilege> {
        match self.roles.get(role) {
            // Roles may name each other in a circle.
            Some(own) if depth < 8 => {
                let inherited = own.roles.iter().flat_map(|role| self.privileges_of(role, depth + 1));
                own.privileges.iter().cloned().chain(inherited).collect()
            }
            _ => builtin(&role.0, &role.1).unwrap_or_default(),
        }
    }

    /// What the user may do now; a dropped user may do nothing.
    fn privileges(&self, user: &Named) -> Vec<Privilege> {
        let roles = self
            .users
            .get(user)
            .map(|user| user.roles.as_slice())
            .unwrap_or_default();
        roles.iter().flat_map(|role| self.privileges_of(role, 0)).collect()
    }

    /// Refuses a command whose needs the user does not cover.
    pub fn allow(&self, user: Option<&Named>, needs: &[Need], database: &str, command: &str) -> Result<(), Refusal> {
        if needs.is_empty() {
            return Ok(());
        }
        let Some(user) = user else {
            return refuse(13, format!("command {command} requires authentication"));
        };
        let privileges = self.privileges(user);
        match needs
            .iter()
            .all(|need| privileges.iter().any(|privilege| privilege.covers(need)))
        {
            true => Ok(()),
            false => refuse(
                13,
                format!("not authorized on {database} to execute command {{ {command} }}"),
            ),
        }
    }

    fn read_roles(&self, from: &Document, database: &str) -> Result<Option<Vec<Named>>, Refusal> {
        let Ok(list) = from.get_array("roles") else {
            return Ok(None);
        };
        let read = |role: &Bson| {
            let role = match role {
                Bson::String(role) => (role.clone(), database.to_owned()),
                Bson::Document(role) => (
                    role.get_str("role").unwrap_or_default().to_owned(),
                    role.get_str("db").unwrap_or(database).to_owned(),
                ),
                _ => return refuse(2, "a role is a name or {role, db}"),
            };
            match self.roles.contains_key(&role) || builtin(&role.0, &role.1).is_some() {
                true => Ok(role),
                false => refuse(31, format!("No role named {}", known_as(&role))),
            }
        };
        list.iter().map(read).collect::<Result<_, _>>().map(Some)
    }

    pub fn create(&mut self, body: &Document, database: &str) -> Answer {
        let user = (name_of(body)?, database.to_owned());
        if self.users.contains_key(&user) {
            return refuse(51003, format!("User \"{}\" already exists", known_as(&user)));
        }
        let Ok(password) = body.get_str("pwd") else {
            return refuse(2, "a user needs a pwd");
        };
        let Some(roles) = self.read_roles(body, database)? else {
            return refuse(2, "a user needs roles");
        };
        let credential = Credential::new(mechanism(body), &user.0, password);
        self.users.insert(user, User { credential, roles });
        Ok(doc! { "ok": 1.0 })
    }

    pub fn update(&mut self, body: &Document, database: &str) -> Answer {
        let user = (name_of(body)?, database.to_owned());
        let roles = self.read_roles(body, database)?;
        let Some(found) = self.users.get_mut(&user) else {
            return missing(&user);
        };
        if let Ok(password) = body.get_str("pwd") {
            found.credential = Credential::new(mechanism(body), &user.0, password);
        }
        if let Some(roles) = roles {
            found.roles = roles;
        }
        Ok(doc! { "ok": 1.0 })
    }

    pub fn remove(&mut self, body: &Document, database: &str) -> Answer {
        let user = (name_of(body)?, database.to_owned());
        if self.users.remove(&user).is_none() {
            return missing(&user);
        }
        Ok(doc! { "ok": 1.0 })
    }

    pub fn create_role(&mut self, body: &Document, database: &str) -> Answer {
        let role = (name_of(body)?, database.to_owned());
        if self.roles.contains_key(&role) || builtin(&role.0, &role.1).is_some() {
            return refuse(51002, format!("Role \"{}\" already exists", known_as(&role)));
        }
        let privileges = body.get_array("privileges").map(Vec::as_slice).unwrap_or_default();
        let read = |value: &Bson| value.as_document().and_then(privilege);
        let Some(privileges) = privileges.iter().map(read).collect() else {
            return refuse(2, "malformed privilege");
        };
        let roles = self.read_roles(body, database)?.unwrap_or_default();
        self.roles.insert(role, Role { privileges, roles });
        Ok(doc! { "ok": 1.0 })
    }

    pub fn update_role(&mut self, body: &Document, database: &str) -> Answer {
        let role = (name_of(body)?, database.to_owned());
        let Some(own) = self.roles.remove(&role) else {
            return refuse(31, format!("No role named {}", known_as(&role)));
        };
        let made = self.create_role(body, database);
        if made.is_err() {
            self.roles.insert(role, own);
        }
        made
    }

    /// `usersInfo`: all of this database (1), one, some, or everybody (`forAllDBs`).
    pub fn info(&self, body: &Document, database: &str) -> Answer {
        let one = |value: &Bson| match value {
            Bson::String(name) => Some((name.clone(), database.to_owned())),
            Bson::Document(user) => Some((user.get_str("user").ok()?.into(), user.get_str("db").ok()?.into())),
            _ => None,
        };
        let asked: Option<Vec<Named>> = match body.values().next() {
            Some(Bson::Array(list)) => Some(list.iter().filter_map(one).collect()),
            Some(Bson::Document(all)) if all.contains_key("forAllDBs") => None,
            Some(value @ (Bson::String(_) | Bson::Document(_))) => Some(one(value).into_iter().collect()),
            _ => Some(self.users.keys().filter(|user| user.1 == database).cloned().collect()),
        };
        let wanted = |user: &Named| asked.as_ref().is_none_or(|list| list.contains(user));
        let found = self
            .users
            .iter()
            .filter(|(user, _)| wanted(user))
            .map(|((name, db), user)| {
                doc! {
                    "_id": format!("{db}.{name}"), "user": name, "db": db, "roles": roles(&user.roles),
                    "mechanisms": [user.credential.mechanism.name()],
                }
            });
        Ok(doc! { "users": found.collect::<Vec<_>>(), "ok": 1.0 })
    }

    /// `connectionStatus`.
    pub fn status(&self, user: Option<&Named>, body: &Document) -> Answer {
        let users: Vec<_> = user.iter().map(|(name, db)| doc! { "user": name, "db": db }).collect();
        let own = user
            .and_then(|user| self.users.get(user))
            .map(|user| roles(&user.roles))
            .unwrap_or_default();
        let mut info = doc! { "authenticatedUsers": users, "authenticatedUserRoles": own };
        if body.get_bool("showPrivileges") == Ok(true) {
            let privileges = user.map(|user| self.privileges(user)).unwrap_or_default();
            let listed: Vec<_> = privileges.iter().map(Privilege::to_bson).collect();
            info.insert("authenticatedUserPrivileges", listed);
        }
        Ok(doc! { "authInfo": info, "ok": 1.0 })
    }

    /// True when the user may list all databases; others see those that they may list the collections of.
    pub fn sees(&self, user: Option<&Named>, database: &str) -> bool {
        let need = Need {
            action: "listCollections",
            on: Resource::Namespace(database.into(), String::new()),
        };
        user.is_some_and(|user| self.privileges(user).iter().any(|privilege| privilege.covers(&need)))
    }
}

fn roles(roles: &[Named]) -> Vec<Bson> {
    roles
        .iter()
        .map(|(role, db)| doc! { "role": role, "db": db }.into())
        .collect()
}
