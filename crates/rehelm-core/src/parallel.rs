//! Requests side by side, but not all at once.

use std::future::Future;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

/// Requests under way at once: enough to hide the server's latency, few enough not to be throttled.
pub const AT_ONCE: usize = 16;

/// Runs all futures, [`AT_ONCE`] at a time, and stops at the first error. Results come in the order of completion.
///
/// # Errors
/// The first error; futures that have not begun by then never do.
pub async fn side_by_side<T, E, F>(futures: impl IntoIterator<Item = F>) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let futures: Vec<F> = futures.into_iter().collect();
    stream::iter(futures).buffer_unordered(AT_ONCE).try_collect().await
}
