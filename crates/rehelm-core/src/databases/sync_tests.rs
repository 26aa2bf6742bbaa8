//! Synchronisation on a server in memory whose record of changes can be cut off.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use camino::Utf8Path;

use super::*;
use crate::finding::Finding;
use crate::ports::{
    Change, ChangeBatch, Comparison, DatabaseFacts, DatabaseOutline, DatabaseProof, DatabaseUser, DocumentId, Notebook,
    UserFacts,
};

type Documents = BTreeMap<u8, String>;

#[derive(Default)]
struct State {
    databases: BTreeMap<String, Documents>,
    /// What was written to `a`, in its order; None is something that is about no document.
    record: Vec<Option<u8>>,
    /// The record begins here.
    begins: usize,
    levels: u32,
    refreshed: u32,
}

#[derive(Clone)]
struct Fake {
    state: Arc<Mutex<State>>,
    records: bool,
    /// What happens during the first copy.
    meanwhile: Arc<Mutex<Vec<u8>>>,
}

impl Fake {
    fn new(records: bool) -> Self {
        let fake = Self {
            state: Arc::default(),
            records,
            meanwhile: Arc::default(),
        };
        for key in 0..10 {
            fake.write(key, "first");
        }
        fake
    }

    fn write(&self, key: u8, text: &str) {
        let mut state = self.state.lock().unwrap();
        state.databases.entry("a".into()).or_default().insert(key, text.into());
        state.record.push(Some(key));
    }

    fn remove(&self, key: u8) {
        let mut state = self.state.lock().unwrap();
        state.databases.get_mut("a").unwrap().remove(&key);
        state.record.push(Some(key));
    }

    fn equal(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.databases.get("a") == state.databases.get("b")
    }
}

struct FakeChanges(Fake, usize);

#[async_trait]
impl Changes for FakeChanges {
    async fn next(&mut self, _: Duration) -> PortResult<Option<ChangeBatch>> {
        let state = self.0.state.lock().unwrap();
        if self.1 < state.begins {
            return Ok(None);
        }
        let changes = state.record[self.1..].iter().map(|key| match key {
            Some(key) => Change::Document {
                collection: "c".into(),
                id: DocumentId(vec![*key]),
            },
            None => Change::Other(None),
        });
        let changes = changes.collect();
        self.1 = state.record.len();
        let token = Some(self.1.to_string());
        Ok(Some(ChangeBatch { changes, token }))
    }
}

#[async_trait]
impl Databases for Fake {
    async fn facts(&self) -> PortResult<DatabaseFacts> {
        Err(PortError::Other("not asked here".into()))
    }
    async fn list(&self) -> PortResult<Vec<String>> {
        Ok(self.state.lock().unwrap().databases.keys().cloned().collect())
    }
    async fn size(&self, _: &str) -> PortResult<u64> {
        Ok(0)
    }
    async fn outline(&self, _: &str) -> PortResult<DatabaseOutline> {
        Ok(DatabaseOutline::default())
    }
    async fn copy(&self, from: &str, to: &str, _: &How<'_>, _: &CopyProgress<'_>) -> PortResult<()> {
        let all = self.state.lock().unwrap().databases[from].clone();
        let meanwhile: Vec<u8> = std::mem::take(&mut *self.meanwhile.lock().unwrap());
        for key in &meanwhile {
            self.write(*key, "meanwhile");
        }
        self.state.lock().unwrap().databases.insert(to.into(), all);
        match meanwhile.is_empty() {
            true => Ok(()),
            false => Err(PortError::Other("only some of the documents arrived".into())),
        }
    }
    async fn level(&self, from: &str, to: &str, _: &How<'_>, _: &CopyProgress<'_>) -> PortResult<Levelled> {
        let mut state = self.state.lock().unwrap();
        state.levels += 1;
        let own = state.databases[from].clone();
        let old = state.databases.insert(to.into(), own.clone()).unwrap_or_default();
        let replaced = own.iter().filter(|(key, text)| old.get(key) != Some(text)).count() as u64;
        Ok(Levelled {
            replaced,
            deleted: old.keys().filter(|key| !own.contains_key(key)).count() as u64,
            ..Levelled::default()
        })
    }
    async fn compare(&self, _: &str, _: &str, _: usize) -> PortResult<Comparison> {
        Ok(Comparison::default())
    }
    async fn refresh(&self, from: &str, to: &str, _: &str, ids: &[DocumentId]) -> PortResult<Levelled> {
        let mut state = self.state.lock().unwrap();
        state.refreshed += ids.len() as u32;
        for id in ids {
            let key = id.0[0];
            let now = state.databases[from].get(&key).cloned();
            let copy = state.databases.get_mut(to).unwrap();
            match now {
                Some(text) => copy.insert(key, text),
                None => copy.remove(&key),
            };
        }
        Ok(Levelled {
            replaced: ids.len() as u64,
            ..Levelled::default()
        })
    }
    async fn changes(&self, _: &str, token: Option<&str>) -> PortResult<Option<Box<dyn Changes>>> {
        let end = self.state.lock().unwrap().record.len();
        let at = token.map_or(end, |token| token.parse().unwrap());
        Ok(self.records.then(|| Box::new(FakeChanges(self.clone(), at)) as _))
    }
    async fn prove(&self, _: &str, _: Option<&dyn Notebook>) -> PortResult<DatabaseProof> {
        Ok(DatabaseProof::new())
    }
    async fn writers(&self, _: &str) -> PortResult<Option<Vec<String>>> {
        Ok(None)
    }
    async fn obstacles(&self, _: &str, _: &str) -> PortResult<Vec<Finding>> {
        Ok(Vec::new())
    }
    async fn users(&self, _: &str) -> PortResult<Vec<UserFacts>> {
        Ok(Vec::new())
    }
    async fn ensure_user(&self, _: &DatabaseUser) -> PortResult<()> {
        Ok(())
    }
    async fn try_login(&self, _: &DatabaseUser) -> PortResult<()> {
        Ok(())
    }
    async fn drop_user(&self, _: &str, _: &str) -> PortResult<()> {
        Ok(())
    }
    async fn drop_database(&self, _: &str) -> PortResult<()> {
        Ok(())
    }
}

#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

impl Files for Memory {
    fn write(&self, path: &Utf8Path, content: &[u8]) -> PortResult<()> {
        self.0.lock().unwrap().insert(path.to_string(), content.to_vec());
        Ok(())
    }
    fn read(&self, path: &Utf8Path) -> PortResult<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().get(path.as_str()).cloned())
    }
    fn remove(&self, path: &Utf8Path) -> PortResult<()> {
        self.0.lock().unwrap().remove(path.as_str());
        Ok(())
    }
    fn list(&self, _: &Utf8Path) -> PortResult<Vec<String>> {
        Ok(Vec::new())
    }
    fn append(&self, _: &Utf8Path, _: &str) -> PortResult<()> {
        Ok(())
    }
}

/// Time that passes only in sleep.
#[derive(Default)]
struct Slept(Mutex<Duration>);

#[async_trait]
impl Clock for Slept {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH + self.elapsed()
    }
    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }
    async fn sleep(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

struct Scene {
    fake: Fake,
    files: Memory,
    clock: Slept,
}

impl Scene {
    fn new(records: bool) -> Self {
        Self {
            fake: Fake::new(records),
            files: Memory::default(),
            clock: Slept::default(),
        }
    }

    fn follower(&self) -> Follower<'_> {
        Follower {
            server: &self.fake,
            files: &self.files,
            clock: &self.clock,
            progress: &|_, _, _| {},
            said: &|_, _, _| {},
        }
    }

    fn once(&self) -> PortResult<SyncState> {
        let pairs = [("a".to_owned(), "b".to_owned())];
        let stop = AtomicBool::new(false);
        let how = Following {
            pairs: &pairs,
            every: Duration::from_secs(60),
            once: true,
            max_rate: None,
            stop: &stop,
        };
        futures::executor::block_on(self.follower().follow(&how))
    }

    fn finish(&self) -> Option<Levelled> {
        futures::executor::block_on(self.follower().finish("a", "b")).unwrap()
    }

    fn counts(&self) -> (u32, u32) {
        let state = self.fake.state.lock().unwrap();
        (state.levels, state.refreshed)
    }
}

#[test]
fn changes_are_followed_and_the_rest_is_drained_at_the_switch() {
    let scene = Scene::new(true);
    let state = scene.once().unwrap();
    assert_eq!(state.pairs["b"].follows, Follows::Changes);
    assert!(scene.fake.equal() && !state.runs(scene.clock.now()));
    scene.fake.write(3, "second");
    scene.fake.remove(4);
    scene.once().unwrap();
    assert!(scene.fake.equal());
    for _ in 0..3 {
        scene.fake.write(5, "third");
    }
    let done = scene.finish().expect("a complete copy");
    assert!(scene.fake.equal());
    // One document that was written three times is copied once, and nothing was ever compared whole.
    assert_eq!((done.replaced, scene.counts()), (1, (0, 3)));
}

#[test]
fn what_happens_during_the_first_copy_is_not_missed() {
    for records in [true, false] {
        let scene = Scene::new(records);
        *scene.fake.meanwhile.lock().unwrap() = vec![2, 50];
        scene.once().unwrap();
        assert!(scene.fake.equal(), "records: {records}");
    }
}

#[test]
fn a_record_that_was_cut_off_is_made_good_by_comparing() {
    let scene = Scene::new(true);
    scene.once().unwrap();
    scene.fake.write(1, "lost from the record");
    {
        let mut state = scene.fake.state.lock().unwrap();
        state.begins = state.record.len();
    }
    let state = scene.once().unwrap();
    assert!(scene.fake.equal());
    assert_eq!((state.pairs["b"].lost, scene.counts().0), (1, 2));
    // From then on the new record is followed.
    scene.fake.write(2, "x");
    scene.once().unwrap();
    assert!(scene.fake.equal());
    assert_eq!(scene.counts().0, 2);
    // The same at the switch.
    scene.fake.write(6, "y");
    scene.fake.state.lock().unwrap().begins = usize::MAX;
    scene.finish().expect("a complete copy");
    assert!(scene.fake.equal());
}

#[test]
fn what_is_about_no_document_is_compared() {
    let scene = Scene::new(true);
    scene.once().unwrap();
    {
        let mut state = scene.fake.state.lock().unwrap();
        state.databases.get_mut("a").unwrap().clear();
        state.record.push(None);
    }
    scene.once().unwrap();
    assert!(scene.fake.equal());
    assert_eq!(scene.counts().0, 1);
}

#[test]
fn without_a_record_both_sides_are_compared() {
    let scene = Scene::new(false);
    let state = scene.once().unwrap();
    assert_eq!(state.pairs["b"].follows, Follows::Ranges);
    scene.fake.write(3, "second");
    let done = scene.finish().expect("a complete copy");
    assert!(scene.fake.equal());
    assert_eq!(done.replaced, 1);
}

#[test]
fn a_stranger_is_never_touched_and_two_do_not_follow_at_once() {
    let scene = Scene::new(true);
    let strange = Documents::from([(9, "mine".into())]);
    scene
        .fake
        .state
        .lock()
        .unwrap()
        .databases
        .insert("b".into(), strange.clone());
    assert!(matches!(scene.once(), Err(PortError::Exists(what)) if what == "database b"));
    assert_eq!(scene.fake.state.lock().unwrap().databases["b"], strange);
    assert_eq!(scene.finish(), None);
    scene.fake.state.lock().unwrap().databases.remove("b");
    scene.once().unwrap();
    let mut state = SyncState::load(&scene.files).unwrap();
    state.alive = Some(scene.clock.now());
    state.save(&scene.files).unwrap();
    assert!(matches!(scene.once(), Err(PortError::Exists(what)) if what.contains("process")));
    // It died without a word; after a while another one may follow.
    futures::executor::block_on(scene.clock.sleep(Duration::from_secs(301)));
    scene.once().unwrap();
}

#[test]
fn a_follower_ends_when_it_is_asked_to() {
    let scene = Scene::new(true);
    scene.once().unwrap();
    let pairs = [("a".to_owned(), "b".to_owned())];
    let stop = AtomicBool::new(false);
    let asked = |_: &str, _: &Levelled, _: Duration| ask_to_stop(&scene.files).unwrap();
    let follower = Follower {
        said: &asked,
        ..scene.follower()
    };
    scene.fake.write(1, "x");
    let how = Following {
        pairs: &pairs,
        every: Duration::from_secs(60),
        once: false,
        max_rate: None,
        stop: &stop,
    };
    let state = futures::executor::block_on(follower.follow(&how)).unwrap();
    assert!(state.alive.is_none() && scene.fake.equal());
}
