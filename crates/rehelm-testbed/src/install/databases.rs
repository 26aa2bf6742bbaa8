//! The product's databases: one for each connection string among its secrets, with its user and some data.
//!
//! The connection strings name hosts inside the cluster; here all of them are the testbed's one server.

use super::Scenario;
use crate::{Error, Result, mongo};
use base64::Engine;
use bson::{Document, doc};
use fs_err as fs;
use futures::{StreamExt, TryStreamExt, stream};
use mongodb::{Client, IndexModel};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the scenario says of its databases.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Databases {
    /// The version that the server shows.
    pub face: mongo::Face,
    /// The first user.
    pub root_user: String,
    /// That user's password.
    pub root_password: RootPassword,
    /// Key of the secrets that hold connection strings.
    pub uri_key: String,
    /// Documents in each of a database's two collections.
    pub documents: u32,
}

/// Where the first user's password comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RootPassword {
    /// The scenario itself.
    Given {
        /// The password.
        given: String,
    },
    /// One of the product's secrets.
    Secret {
        /// Name of the Secret, which is its file's name as well.
        secret: String,
        /// Key in it.
        key: String,
    },
}

/// A database with its user, from a connection string `mongodb://USER:PASSWORD@HOSTS/DATABASE`.
#[derive(Debug, PartialEq, Eq)]
struct Account {
    user: String,
    password: String,
    database: String,
}

impl Scenario {
    /// How the database server has to be, if the scenario has databases.
    pub fn mongo_options(&self) -> Result<Option<mongo::Options>> {
        let Some(databases) = &self.databases else {
            return Ok(None);
        };
        let root_password = match &databases.root_password {
            RootPassword::Given { given } => given.clone(),
            RootPassword::Secret { secret, key } => {
                let all = self.secret_values(key)?;
                let found = all.into_iter().find(|(name, _)| name == secret).map(|(_, value)| value);
                found.ok_or_else(|| Error::data(secret, format!("no key {key}")))?
            }
        };
        let root_user = databases.root_user.clone();
        Ok(Some(mongo::Options {
            face: databases.face,
            root_user,
            root_password,
            ..mongo::Options::default()
        }))
    }

    /// The value of `key` in each Secret of the product that has it, with the Secret's name.
    fn secret_values(&self, key: &str) -> Result<Vec<(String, String)>> {
        let root = self.root()?;
        let mut values = Vec::new();
        for folder in &self.secrets {
            for entry in root.join(folder).read_dir_utf8()? {
                let path = entry?.into_path();
                let secret: Value =
                    serde_saphyr::from_str(&fs::read_to_string(&path)?).map_err(|e| Error::data(&path, e))?;
                let Some(encoded) = secret["data"][key].as_str() else {
                    continue;
                };
                let bytes = base64::engine::general_purpose::STANDARD.decode(encoded.trim());
                let text = bytes.ok().and_then(|b| String::from_utf8(b).ok());
                let name = secret["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                values.push((
                    name,
                    text.ok_or_else(|| Error::data(&path, format!("{key} is no text")))?,
                ));
            }
        }
        values.sort();
        Ok(values)
    }
}

impl Databases {
    /// Creates users and data on the server.
    pub(super) async fn fill(&self, uri: &str, scenario: &Scenario) -> Result<()> {
        let client = Client::with_uri_str(uri).await.map_err(bad)?;
        let accounts = scenario.secret_values(&self.uri_key)?;
        let accounts = accounts
            .iter()
            .filter_map(|(_, uri)| Account::parse(uri))
            .filter(|a| a.database != "admin");
        stream::iter(accounts)
            .map(Ok)
            .try_for_each_concurrent(4, |account| self.fill_one(&client, account))
            .await
    }

    async fn fill_one(&self, client: &Client, account: Account) -> Result<()> {
        let database = client.database(&account.database);
        let roles = vec![doc! {"role": "readWrite", "db": &account.database}];
        let create = doc! {"createUser": &account.user, "pwd": &account.password, "roles": roles};
        database.run_command(create).await.map_err(bad)?;
        for name in ["records", "settings"] {
            let collection = database.collection::<Document>(name);
            let documents = (0..self.documents).map(|n| self.document(&account.database, name, n));
            collection.insert_many(documents).await.map_err(bad)?;
            let index = IndexModel::builder().keys(doc! {"group": 1, "number": -1}).build();
            collection.create_index(index).await.map_err(bad)?;
        }
        Ok(())
    }

    /// The same on every run, so that copies can be compared.
    fn document(&self, database: &str, collection: &str, n: u32) -> Document {
        doc! {
            "_id": format!("{collection}-{n:05}"), "owner": database, "number": i64::from(n), "group": n % 7,
            "text": format!("ä {n} of {database}"), "nested": {"on": n.is_multiple_of(2), "list": [n, n + 1]},
        }
    }
}

impl Account {
    /// Nothing when it is not of that form.
    fn parse(uri: &str) -> Option<Self> {
        let (login, rest) = uri.strip_prefix("mongodb://")?.split_once('@')?;
        let (user, password) = login.split_once(':')?;
        let database = rest.split_once('/')?.1.split('?').next()?;
        let plain = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8_lossy()
                .into_owned()
        };
        Some(Self {
            user: plain(user),
            password: plain(password),
            database: plain(database),
        })
    }
}

fn bad(e: mongodb::error::Error) -> Error {
    Error::data("database server", e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_accounts() {
        let account = Account::parse("mongodb://a:p%40ss@h1:1,h2:2/db?x=y").expect("an account");
        let (user, password, database) = ("a".into(), "p@ss".into(), "db".into());
        assert_eq!(
            account,
            Account {
                user,
                password,
                database
            }
        );
        assert_eq!(Account::parse("redis://x"), None);
    }
}
