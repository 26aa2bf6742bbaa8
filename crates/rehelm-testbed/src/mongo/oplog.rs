//! What was written, in order, as a replica set's oplog tells it to change streams. Kept in memory, within bounds.
//!
//! It begins with the first change stream that is opened, so that a server nobody follows pays nothing for it. Invariant: a
//! write is in the log before its client hears of it, so whoever reads after an event sees at least that state.

use std::collections::VecDeque;

use bson::{Bson, Document, RawDocumentBuf, Timestamp, doc};

use super::face::Face;
use super::refusal::{Refusal, refuse};

/// Events that are kept, and bytes of whole documents.
const EVENTS: usize = 100_000;
const BYTES: usize = 64 << 20;

/// One write.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// `insert`, `update`, … as change streams call it.
    pub kind: &'static str,
    pub database: String,
    pub collection: String,
    /// `_id` of the document that it is about.
    pub key: Option<Bson>,
    pub full: Option<RawDocumentBuf>,
    /// New name, of a rename.
    pub to: Option<String>,
}

impl Event {
    pub fn new(kind: &'static str, database: &str, collection: &str) -> Self {
        Self {
            kind,
            database: database.into(),
            collection: collection.into(),
            key: None,
            full: None,
            to: None,
        }
    }

    pub fn of(mut self, key: Bson) -> Self {
        self.key = Some(key);
        self
    }

    fn size(&self) -> usize {
        self.full.as_ref().map_or(0, |full| full.as_bytes().len())
    }
}

/// The log. Positions count from 1; a position is also "everything up to here".
#[derive(Debug)]
pub(super) struct Oplog {
    entries: VecDeque<(Timestamp, Event)>,
    /// Position of the newest event.
    head: u64,
    bytes: usize,
    most: usize,
    newest: Timestamp,
}

impl Default for Oplog {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            head: 0,
            bytes: 0,
            most: EVENTS,
            newest: Timestamp { time: 1, increment: 0 },
        }
    }
}

impl Oplog {
    pub fn head(&self) -> u64 {
        self.head
    }

    /// The time of the newest event.
    pub fn time(&self) -> Timestamp {
        self.newest
    }

    pub fn push(&mut self, event: Event) {
        let now = u32::try_from(jiff::Timestamp::now().as_second()).unwrap_or(u32::MAX);
        self.newest = match now > self.newest.time {
            true => Timestamp {
                time: now,
                increment: 1,
            },
            false => Timestamp {
                increment: self.newest.increment + 1,
                ..self.newest
            },
        };
        self.head += 1;
        self.bytes += event.size();
        self.entries.push_back((self.newest, event));
        self.shrink(self.most);
    }

    /// Keeps so many events from now on.
    pub fn keep(&mut self, most: usize) {
        self.most = most;
        self.shrink(most);
    }

    /// Forgets all but the newest events.
    pub fn shrink(&mut self, most: usize) {
        while self.entries.len() > most || self.bytes > BYTES {
            let Some((_, event)) = self.entries.pop_front() else {
                return;
            };
            self.bytes -= event.size();
        }
    }

    fn oldest(&self) -> u64 {
        self.head + 1 - self.entries.len() as u64
    }

    /// The events after a position, each with its own.
    pub fn after(&self, position: u64) -> Result<impl Iterator<Item = (u64, Timestamp, &Event)>, Refusal> {
        let oldest = self.oldest();
        if position + 1 < oldest {
            let why = "Resume of change stream was not possible, as the resume point may no longer be in the oplog.";
            return refuse(286, why);
        }
        let skip = usize::try_from(position + 1 - oldest).unwrap_or(usize::MAX);
        let own = self.entries.iter().zip(oldest..).skip(skip);
        Ok(own.map(|((time, event), at)| (at, *time, event)))
    }

    /// The event at a position, if it is still known.
    pub fn at(&self, position: u64) -> Option<&Event> {
        let index = usize::try_from(position.checked_sub(self.oldest())?).ok()?;
        self.entries.get(index).map(|(_, event)| event)
    }

    /// The position before the first event of that time or later.
    pub fn before(&self, time: Timestamp) -> Result<u64, Refusal> {
        let oldest = self.oldest();
        let index = self.entries.partition_point(|(own, _)| *own < time) as u64;
        if index == 0 && oldest > 1 && self.entries.front().is_some_and(|(own, _)| *own > time) {
            return refuse(286, "Resume of change stream was not possible");
        }
        Ok(oldest + index - 1)
    }
}

/// The token of a position; `after` an invalidation, which has the position of what caused it.
pub(super) fn token(face: Face, position: u64, key: Option<&Bson>, invalidated: bool) -> Document {
    let mut token = doc! { "_data": format!("82{position:016X}{:02X}", u8::from(invalidated)) };
    // The types of numbers are told apart beside the sortable form, in the tokens of older servers.
    if face == Face::V4_2 && matches!(key, Some(Bson::Int64(_) | Bson::Double(_))) {
        let (subtype, bytes) = (bson::spec::BinarySubtype::Generic, vec![0x40]);
        token.insert("_typeBits", bson::Binary { subtype, bytes });
    }
    token
}

/// The position that a token names, and whether it is an invalidation's.
pub(super) fn position(token: &Document) -> Result<(u64, bool), Refusal> {
    let data = token.get_str("_data").ok().and_then(|data| data.strip_prefix("82"));
    let read = data.filter(|data| data.len() == 18).and_then(|data| {
        let (at, flag) = data.split_at_checked(16)?;
        Some((u64::from_str_radix(at, 16).ok()?, flag == "01"))
    });
    read.map_or_else(|| refuse(9, "resume token string was not a valid hex string"), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fell_out_of_the_window_is_refused() {
        let mut log = Oplog::default();
        for n in 0..5 {
            log.push(Event::new("insert", "a", "b").of(n.into()));
        }
        let count = |log: &Oplog, at| log.after(at).map(Iterator::count).map_err(|refusal| refusal.code);
        assert_eq!((count(&log, 0), count(&log, 5)), (Ok(5), Ok(0)));
        log.keep(2);
        assert_eq!((count(&log, 2), count(&log, 3)), (Err(286), Ok(2)));
        assert_eq!(log.at(4).and_then(|event| event.key.clone()), Some(3.into()));
        assert!(log.at(3).is_none() && log.at(6).is_none());
        log.shrink(0);
        assert_eq!((count(&log, 4), count(&log, 5)), (Err(286), Ok(0)));
    }

    #[test]
    fn times_grow_and_are_found() {
        let mut log = Oplog::default();
        let times = [1, 2, 3].map(|n| {
            log.push(Event::new("insert", "a", "b").of(n.into()));
            log.time()
        });
        assert!(times[0] < times[1] && times[1] < times[2]);
        assert_eq!(log.before(times[1]).ok(), Some(1));
        assert_eq!(
            log.before(Timestamp {
                time: u32::MAX,
                increment: 0
            })
            .ok(),
            Some(3)
        );
        log.keep(1);
        assert_eq!(log.before(times[0]).map_err(|refusal| refusal.code), Err(286));
    }

    #[test]
    fn tokens_are_read_back() {
        let own = token(Face::V4_2, 77, Some(&Bson::Int64(1)), true);
        assert!(own.contains_key("_typeBits"));
        assert_eq!(position(&own).ok(), Some((77, true)));
        assert_eq!(
            position(&doc! { "_data": "82zz" }).map_err(|refusal| refusal.code),
            Err(9)
        );
    }
}
