//! Waiting by watch: no polling, and a timeout names what was still missing.

use crate::{Error, Result};
use futures::TryStreamExt;
use kube::Resource;
use kube::api::Api;
use kube::runtime::{WatchStreamExt, reflector, watcher};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Watches `api` until `missing`, asked with all objects after every change, returns nothing.
pub async fn until<K>(
    api: Api<K>,
    what: &str,
    limit: Duration,
    missing: impl Fn(&[Arc<K>]) -> Vec<String>,
) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let mut events = std::pin::pin!(
        watcher(api, watcher::Config::default())
            .default_backoff()
            .reflect(writer)
    );
    let deadline = Instant::now() + limit;
    let mut last = vec!["nothing seen yet".to_owned()];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, events.try_next()).await {
            // Before the first full list the store is empty and says nothing.
            Ok(Ok(Some(watcher::Event::Init | watcher::Event::InitApply(_)))) => continue,
            Ok(Ok(Some(_))) => last = missing(&store.state()),
            // The watcher tries again by itself.
            Ok(Err(e)) => last = vec![e.to_string()],
            Ok(Ok(None)) | Err(_) => {
                last.truncate(12);
                return Err(Error::Timeout {
                    what: what.into(),
                    seconds: limit.as_secs(),
                    last: last.join("; "),
                });
            }
        }
        if last.is_empty() {
            return Ok(());
        }
    }
}
