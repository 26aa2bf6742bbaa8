//! What the nodes remember of their pods and images.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::look::Look;
use crate::timeline::Time;

#[derive(Default)]
struct Memory {
    uid: String,
    look: Option<Look>,
    since: BTreeMap<String, Time>,
    pulls: Option<u32>,
    restarts: u32,
}

/// The memory of all nodes. A pod is known by its key; one of the same name with another uid is a new one.
#[derive(Default)]
pub(crate) struct Machines {
    pods: HashMap<String, Memory>,
    images: HashSet<(String, String)>,
}

impl Machines {
    pub(super) fn remember(&mut self, key: &str, uid: &str) {
        let memory = self.pods.entry(key.to_owned()).or_default();
        if memory.uid != uid {
            *memory = Memory {
                uid: uid.to_owned(),
                ..Memory::default()
            };
        }
    }

    pub(super) fn forget(&mut self, key: &str) {
        self.pods.remove(key);
    }

    /// How the pod was shown last.
    pub(super) fn look(&self, key: &str) -> Option<&Look> {
        self.pods.get(key)?.look.as_ref()
    }

    pub(super) fn set_look(&mut self, key: &str, look: Look) {
        if let Some(memory) = self.pods.get_mut(key) {
            memory.look = Some(look);
        }
    }

    /// How much of `span` is left since this was first asked about the pod; None when it is over.
    pub(super) fn left(&mut self, key: &str, what: &str, span: Duration, now: Time) -> Option<Duration> {
        let memory = self.pods.get_mut(key)?;
        let since = *memory.since.entry(what.to_owned()).or_insert(now);
        let left = since.after(span).since(now);
        (!left.is_zero()).then_some(left)
    }

    /// How many of the images the node has to pull for this pod; it has them afterwards.
    pub(super) fn missing_images(&mut self, key: &str, node: &str, images: &[String]) -> u32 {
        let Some(memory) = self.pods.get_mut(key) else { return 0 };
        if let Some(pulls) = memory.pulls {
            return pulls;
        }
        let new = images
            .iter()
            .filter(|image| self.images.insert((node.to_owned(), (*image).clone())));
        let pulls = u32::try_from(new.count()).unwrap_or(0);
        memory.pulls = Some(pulls);
        pulls
    }

    pub(super) fn restarts(&self, key: &str) -> u32 {
        self.pods.get(key).map_or(0, |memory| memory.restarts)
    }

    /// One more restart; gives how many there were.
    pub(super) fn restart(&mut self, key: &str) -> u32 {
        let Some(memory) = self.pods.get_mut(key) else { return 0 };
        memory.restarts += 1;
        memory.restarts
    }
}
