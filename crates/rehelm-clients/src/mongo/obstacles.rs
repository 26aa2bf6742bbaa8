//! What cannot be carried to another name: found before anything is copied, and before anybody has to wait.

use bson::doc;
use rehelm_core::finding::Finding;
use rehelm_core::ports::PortResult;

use super::Mongo;
use super::collections::Kind;

/// Bytes of `database.collection` that servers before 4.4, and from 4.4 on, take.
const LONGEST: (usize, usize) = (120, 255);

fn obstacle(subject: String, why: &str) -> Finding {
    Finding::error("database-uncarriable", subject).arg("why", why)
}

impl Mongo {
    pub(super) async fn uncarriable(&self, from: &str, to: &str) -> PortResult<Vec<Finding>> {
        let build = self.run("admin", "buildInfo", doc! { "buildInfo": 1 }).await?;
        let version: Vec<i32> = build.get_array("versionArray").map_or_else(
            |_| Vec::new(),
            |list| list.iter().filter_map(bson::Bson::as_i32).collect(),
        );
        let longest = if version >= vec![4, 4] { LONGEST.1 } else { LONGEST.0 };
        let mut found = Vec::new();
        if to.len() > 63 {
            found.push(obstacle(to.to_owned(), "database-name-too-long"));
        }
        let names = rehelm_core::ports::Databases::list(self).await?;
        // Servers refuse names that differ in case only.
        if let Some(near) = names
            .iter()
            .find(|name| name.as_str() != to && name.eq_ignore_ascii_case(to))
        {
            found.push(obstacle(near.clone(), "database-name-differs-in-case"));
        }
        for (name, kind) in self.listed(from).await? {
            let subject = format!("{from}.{name}");
            if name == "system.js" {
                found.push(obstacle(subject, "stored-functions"));
            } else if name.starts_with("system.") {
                continue;
            } else if kind == Kind::TimeSeries {
                found.push(obstacle(subject, "time-series"));
            } else if to.len() + 1 + name.len() > longest {
                found.push(obstacle(subject, "name-too-long"));
            }
        }
        Ok(found)
    }
}
