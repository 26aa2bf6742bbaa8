//! Copies that are made while the old install still runs, and kept in step until the switch.
//!
//! `start` makes the first copy and goes on following the source: by its record of changes where the server keeps one, else
//! by comparing range after range every so often. What is left for the switch is the difference since. The state is one file
//! in the run's folder; a token in it is older than what was applied, never newer.
//!
//! **Invariants.** A database that this did not make is never touched. The state says so before anything is made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::notebook::FileNotebook;
use super::tail::{self, Whole};
use crate::ports::{Changes, Clock, CopyProgress, Databases, Files, How, Levelled, PortError, PortResult};

mod state;

pub use state::{Follows, Pass, SyncState, Synced, ask_to_stop, forget};
use state::{STOP, beat};

/// Turns of following before the state is written although nothing happened.
const WAIT: Duration = Duration::from_secs(2);
/// Time between two signs of life in the middle of a turn.
const BEAT: Duration = Duration::from_secs(5);

/// What is told about a turn: copy, what was written, how long it took.
pub type Said<'a> = dyn Fn(&str, &Levelled, Duration) + Send + Sync + 'a;

/// How to follow.
#[derive(Clone, Copy)]
pub struct Following<'a> {
    /// Source and copy of each.
    pub pairs: &'a [(String, String)],
    /// Time between two comparisons where there is no record of changes.
    pub every: Duration,
    /// End when everything is up to date once.
    pub once: bool,
    /// How documents are copied.
    pub max_rate: Option<u64>,
    /// Set when a person wants it to end.
    pub stop: &'a AtomicBool,
}

/// One process that follows.
pub struct Follower<'a> {
    /// The server.
    pub server: &'a dyn Databases,
    /// The run's files.
    pub files: &'a dyn Files,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Told how far a turn is.
    pub progress: &'a CopyProgress<'a>,
    /// Told of each turn that wrote something.
    pub said: &'a Said<'a>,
}

impl Follower<'_> {
    /// Makes first copies where they are missing and follows until it is to end.
    ///
    /// # Errors
    /// When the server does not answer, or a database stands where a copy is to be made.
    pub async fn follow(&self, how: &Following<'_>) -> PortResult<SyncState> {
        let mut state = SyncState::load(self.files)?;
        if state.runs(self.clock.now()) {
            return Err(PortError::Exists(
                "another process that keeps the copies in step".into(),
            ));
        }
        self.files.remove(STOP.into())?;
        let names = self.server.list().await?;
        for (from, to) in how.pairs {
            if !names.contains(from) {
                return Err(PortError::NotFound(format!("database {from}")));
            }
            if names.contains(to) && !state.made(from, to) {
                return Err(PortError::Exists(format!("database {to}")));
            }
        }
        let outcome = self.turns(&mut state, how).await;
        // Whoever looks next is to know at once that nobody follows any more.
        state.alive = None;
        state.save(self.files)?;
        outcome.map(|()| state)
    }

    /// Tells how far a turn is, and every few seconds that this process lives.
    fn beating(&self) -> impl Fn(&str, u64, u64) + Send + std::marker::Sync {
        let last = std::sync::Mutex::new(self.clock.elapsed());
        move |name: &str, documents: u64, bytes: u64| {
            if let Ok(mut last) = last.lock()
                && self.clock.elapsed().saturating_sub(*last) > BEAT
            {
                *last = self.clock.elapsed();
                beat(self.files, self.clock.now());
            }
            (self.progress)(name, documents, bytes);
        }
    }

    fn live(&self, state: &mut SyncState) -> PortResult<()> {
        state.alive = Some(self.clock.now());
        state.save(self.files)
    }

    fn ends(&self, how: &Following<'_>) -> PortResult<bool> {
        Ok(how.stop.load(Ordering::SeqCst) || self.files.read(STOP.into())?.is_some())
    }

    async fn turns(&self, state: &mut SyncState, how: &Following<'_>) -> PortResult<()> {
        let mut records: BTreeMap<String, Box<dyn Changes>> = BTreeMap::new();
        for (from, to) in how.pairs {
            self.live(state)?;
            let token = state.pairs.get(to).and_then(|own| own.token.clone());
            let (record, begins) = self.record(from, token.as_deref()).await?;
            let follows = if record.is_some() {
                Follows::Changes
            } else {
                Follows::Ranges
            };
            let own = state.pairs.entry(to.clone()).or_insert_with(|| Synced {
                from: from.clone(),
                follows,
                copied: None,
                token: None,
                passes: 0,
                lost: 0,
                last: None,
            });
            own.follows = follows;
            own.token = own.token.take().or(begins);
            if let Some(record) = record {
                records.insert(to.clone(), record);
            }
            state.save(self.files)?;
            if state.complete(from, to).is_none() {
                self.first(state, from, to, how).await?;
            }
        }
        let mut first = true;
        loop {
            let mut idle = true;
            for (from, to) in how.pairs {
                self.live(state)?;
                idle &= self.turn(state, from, to, how, records.get_mut(to), first).await?;
                if self.ends(how)? {
                    return Ok(());
                }
            }
            if how.once && idle {
                return Ok(());
            }
            first = false;
            if records.len() < how.pairs.len() {
                self.rest(state, how).await?;
                if self.ends(how)? {
                    return Ok(());
                }
            }
        }
    }

    /// The source's record of changes and, for a new one, where it begins. A server that refuses it after all, at once or
    /// when it is first read, can still be compared.
    async fn record(&self, from: &str, token: Option<&str>) -> PortResult<(Option<Box<dyn Changes>>, Option<String>)> {
        let opened = async {
            let Some(mut record) = self.server.changes(from, token).await? else {
                return Ok((None, None));
            };
            // From before the copy: what happens meanwhile must not be missed.
            let begins = match token {
                Some(_) => None,
                None => record.next(Duration::ZERO).await?.and_then(|batch| batch.token),
            };
            Ok((Some(record), begins))
        };
        match opened.await {
            Err(error @ PortError::Unavailable(_)) => Err(error),
            Err(_) => Ok((None, None)),
            opened => opened,
        }
    }

    /// Waits for the next comparison, and says meanwhile that this process lives.
    async fn rest(&self, state: &mut SyncState, how: &Following<'_>) -> PortResult<()> {
        let end = self.clock.elapsed() + how.every;
        while !self.ends(how)? && self.clock.elapsed() < end {
            self.live(state)?;
            let left = end.saturating_sub(self.clock.elapsed());
            self.clock.sleep(left.min(WAIT)).await;
        }
        Ok(())
    }

    async fn first(&self, state: &mut SyncState, from: &str, to: &str, how: &Following<'_>) -> PortResult<()> {
        let begin = self.clock.elapsed();
        let notebook = FileNotebook::new(self.files);
        let copying = How {
            max_rate: how.max_rate,
            notebook: Some(&notebook),
            ..How::default()
        };
        let progress = self.beating();
        let copied = self.server.copy(from, to, &copying, &progress).await;
        let done = match copied {
            Ok(()) => Levelled::default(),
            Err(error @ (PortError::Unavailable(_) | PortError::Forbidden(_) | PortError::NotFound(_))) => {
                return Err(error);
            }
            // The source went on meanwhile, so that counts or unique keys do not fit: that is what comparing mends.
            Err(_) => self.server.level(from, to, &copying, &progress).await?,
        };
        let took = self.clock.elapsed().saturating_sub(begin);
        if let Some(own) = state.pairs.get_mut(to) {
            own.copied = Some(self.clock.now());
        }
        self.note(state, to, done, took);
        (self.said)(to, &done, took);
        state.save(self.files)
    }

    /// One turn; true when there was nothing to do.
    async fn turn(
        &self,
        state: &mut SyncState,
        from: &str,
        to: &str,
        how: &Following<'_>,
        record: Option<&mut Box<dyn Changes>>,
        first: bool,
    ) -> PortResult<bool> {
        let progress = self.beating();
        let begin = self.clock.elapsed();
        let copying = How {
            max_rate: how.max_rate,
            ..How::default()
        };
        let (done, idle) = match record {
            None if !first || how.once => (self.server.level(from, to, &copying, &progress).await?, true),
            // Just copied, or compared by whoever ran before; the first comparison comes when it is time.
            None => (Levelled::default(), true),
            Some(record) => {
                let turn = tail::turn(self.server, &mut **record, (from, to), &copying, WAIT, &progress).await?;
                if turn.whole == Some(Whole::Lost) {
                    if let Some(fresh) = self.server.changes(from, None).await? {
                        *record = fresh;
                    }
                    let token = record.next(Duration::ZERO).await?.and_then(|batch| batch.token);
                    if let Some(own) = state.pairs.get_mut(to) {
                        own.lost += 1;
                        own.token = token;
                    }
                    // What happened between the comparison and the new record is found by comparing once more.
                    let more = self.server.level(from, to, &copying, &progress).await?;
                    let mut all = turn.done;
                    all += more;
                    (all, false)
                } else {
                    if let (Some(own), Some(token)) = (state.pairs.get_mut(to), turn.token) {
                        own.token = Some(token);
                    }
                    (turn.done, turn.idle)
                }
            }
        };
        let took = self.clock.elapsed().saturating_sub(begin);
        if done.documents() > 0 {
            (self.said)(to, &done, took);
        }
        self.note(state, to, done, took);
        state.save(self.files)?;
        Ok(idle)
    }

    fn note(&self, state: &mut SyncState, to: &str, done: Levelled, took: Duration) {
        if let Some(own) = state.pairs.get_mut(to) {
            own.passes += u64::from(done.documents() > 0);
            own.last = Some(Pass {
                at: self.clock.now(),
                seconds: took.as_secs_f64(),
                done,
            });
        }
    }

    /// False when the copy has other collections or indexes than the source: a record of changes tells of neither a new
    /// index nor a collection without documents.
    async fn alike(&self, from: &str, to: &str) -> PortResult<bool> {
        let shape = async |database: &str| {
            let outline = self.server.outline(database).await?;
            let own = outline.collections.into_iter().map(|own| {
                let mut indexes: Vec<String> = own.indexes.iter().map(ToString::to_string).collect();
                indexes.sort();
                (own.name, own.view, indexes)
            });
            PortResult::Ok(own.collect::<BTreeSet<_>>())
        };
        match (shape(from).await, shape(to).await) {
            (Err(error @ PortError::Unavailable(_)), _) | (_, Err(error @ PortError::Unavailable(_))) => Err(error),
            (Ok(source), Ok(copy)) => Ok(source == copy),
            // Where it may not be asked, comparing tells.
            _ => Ok(false),
        }
    }

    /// What is left at the switch, when nobody writes any more: the rest of the record, or one comparison. None when there
    /// is no complete copy to go on from.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn finish(&self, from: &str, to: &str) -> PortResult<Option<Levelled>> {
        let state = SyncState::load(self.files)?;
        let Some(own) = state.complete(from, to) else {
            return Ok(None);
        };
        let how = How::default();
        let record = match &own.token {
            Some(token) => self.record(from, Some(token)).await?.0,
            None => None,
        };
        let Some(mut record) = record else {
            return self.server.level(from, to, &how, self.progress).await.map(Some);
        };
        let mut all = Levelled::default();
        loop {
            let turn = tail::turn(self.server, &mut *record, (from, to), &how, WAIT, self.progress).await?;
            all += turn.done;
            // Nobody writes, so a comparison ends it as well.
            if turn.whole.is_some() {
                return Ok(Some(all));
            }
            if turn.idle {
                if !self.alike(from, to).await? {
                    all += self.server.level(from, to, &how, self.progress).await?;
                }
                return Ok(Some(all));
            }
        }
    }
}

#[cfg(test)]
#[path = "sync_tests.rs"]
mod tests;
