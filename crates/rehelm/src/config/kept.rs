//! Where passwords of rehelm's own are kept.

use super::Settings;
use super::file::SecretKey;
use super::settings::{MongoAccess, Password};

impl Settings {
    /// Keys of secrets of the cluster in which passwords of rehelm's own are kept.
    pub fn secrets(&self) -> Vec<&SecretKey> {
        let registry = self.registry.as_ref().map(|login| &login.password);
        let database = self.mongodb.as_ref().map(|access| match access {
            MongoAccess::Uri(place) => place,
            MongoAccess::Host { password, .. } => password,
        });
        let places = registry.into_iter().chain(database);
        places
            .filter_map(|place| match place {
                Password::Secret(key) => Some(key),
                Password::File(_) | Password::Env(_) => None,
            })
            .collect()
    }
}
