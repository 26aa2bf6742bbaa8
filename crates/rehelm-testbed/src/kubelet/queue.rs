//! A work queue: each key is handled by one worker at a time, and a key that comes again meanwhile is handled again.

use futures::StreamExt;
use futures::future::{BoxFuture, Either, select};
use futures::stream::FuturesUnordered;
use std::collections::{HashSet, VecDeque};
use std::time::Duration;
use tokio::sync::mpsc;

/// Enough for a hundred pods in a few seconds without starving the API server on two cores.
const WORKERS: usize = 16;

/// An object to look at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Pod(String, String),
    Node(String),
    Service(String, String),
    Claim(String, String),
    Volume(String),
    Attachment(String),
}

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// When something changes.
    Change,
    /// After this time, or when something changes.
    After(Duration),
}

impl Next {
    /// After an error: soon.
    pub(crate) fn retry() -> Self {
        Self::After(Duration::from_millis(200))
    }
}

/// Sends keys to the queue.
pub(crate) type Queue = mpsc::UnboundedSender<Key>;

/// A queue and its receiving end.
pub(crate) fn channel() -> (Queue, mpsc::UnboundedReceiver<Key>) {
    mpsc::unbounded_channel()
}

/// Handles keys until the queue is closed.
pub(crate) async fn work<F>(queue: Queue, mut keys: mpsc::UnboundedReceiver<Key>, handle: impl Fn(Key) -> F)
where
    F: Future<Output = Next> + Send + 'static,
{
    let (mut waiting, mut queued) = (VecDeque::new(), HashSet::new());
    let mut busy: HashSet<Key> = HashSet::new();
    let mut running: FuturesUnordered<BoxFuture<'static, (Key, Next)>> = FuturesUnordered::new();
    loop {
        // Keys in work stay in the line: they are looked at again with what has changed meanwhile.
        let mut later = VecDeque::new();
        while running.len() < WORKERS {
            let Some(key) = waiting.pop_front() else { break };
            if busy.contains(&key) {
                later.push_back(key);
                continue;
            }
            queued.remove(&key);
            busy.insert(key.clone());
            let work = handle(key.clone());
            running.push(Box::pin(async move { (key, work.await) }));
        }
        waiting.extend(later);
        let done = async {
            match running.next().await {
                Some(done) => done,
                None => std::future::pending().await,
            }
        };
        let arrived = match select(std::pin::pin!(keys.recv()), std::pin::pin!(done)).await {
            Either::Left((Some(key), _)) => Some(key),
            Either::Left((None, _)) => return,
            Either::Right(((key, next), _)) => {
                busy.remove(&key);
                if let Next::After(delay) = next {
                    let queue = queue.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(delay).await;
                        let _ = queue.send(key);
                    });
                }
                None
            }
        };
        for key in arrived.into_iter().chain(std::iter::from_fn(|| keys.try_recv().ok())) {
            if queued.insert(key.clone()) {
                waiting.push_back(key);
            }
        }
    }
}
