//! What the server says it is: version, wire version, replica set.

use bson::{Document, doc};
use serde::{Deserialize, Serialize};

/// The version of MongoDB that a server shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Face {
    /// 4.2.21, as the oldest installs run it.
    #[default]
    V4_2,
    /// 7.0.14, the newest that the MongoDB charts of these installs run.
    V7_0,
}

impl Face {
    fn version(self) -> [i32; 4] {
        match self {
            Self::V4_2 => [4, 2, 21, 0],
            Self::V7_0 => [7, 0, 14, 0],
        }
    }

    fn wire(self) -> i32 {
        match self {
            Self::V4_2 => 8,
            Self::V7_0 => 21,
        }
    }

    pub(super) fn build_info(self) -> Document {
        let [major, minor, patch, _] = self.version();
        doc! {
            "version": format!("{major}.{minor}.{patch}"), "versionArray": self.version().to_vec(),
            "gitVersion": "stand-in", "modules": [], "bits": 64, "maxBsonObjectSize": 16 << 20, "ok": 1.0,
        }
    }

    /// The reply to `hello`, or to `isMaster` when `old`.
    pub(super) fn hello(
        self,
        replica_set: Option<&str>,
        members: &[String],
        (me, primary): (usize, usize),
        elections: u8,
        old: bool,
    ) -> Document {
        let mut hello = doc! {
            "helloOk": true, "maxBsonObjectSize": 16 << 20, "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000, "localTime": bson::DateTime::now(), "logicalSessionTimeoutMinutes": 30,
            "minWireVersion": 0, "maxWireVersion": self.wire(), "readOnly": false, "ok": 1.0,
        };
        hello.insert(if old { "ismaster" } else { "isWritablePrimary" }, me == primary);
        if let Some(name) = replica_set {
            hello.extend(doc! {
                "setName": name, "setVersion": 1, "hosts": members.to_vec(), "me": &members[me],
                "primary": &members[primary], "secondary": me != primary,
            });
            if me == primary {
                let mut term = [0; 12];
                term[11] = elections + 1;
                hello.insert("electionId", bson::oid::ObjectId::from_bytes(term));
            }
        }
        hello
    }
}
