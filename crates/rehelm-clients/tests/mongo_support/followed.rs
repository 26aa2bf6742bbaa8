//! The whole of synchronisation by change streams, as `rehelm db sync start` drives it: while others write, killed and
//! started again, finished when nobody writes any more.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bson::{Document, doc};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use rehelm_clients::clock::SystemClock;
use rehelm_core::databases::sync::{Follower, Following, Follows, SyncState};
use rehelm_core::ports::{Clock, Databases, Levelled, MemoryFiles};
use rehelm_testbed::mongo::Face;

use super::mongo_support::{place, quiet, skipped};

/// The machine's clock, set forward at each restart: a process that was killed counts as alive for some minutes.
#[derive(Default)]
struct Forward(AtomicU64);

#[async_trait]
impl Clock for Forward {
    fn now(&self) -> jiff::Timestamp {
        SystemClock.now() + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        SystemClock.sleep(time).await;
    }
}

#[allow(clippy::print_stderr)]
fn tell_seed(seed: u64) {
    eprintln!("TEST_SEED={seed}");
}

/// One random write.
async fn write(db: &mongodb::Database, random: &mut StdRng) {
    let own = db.collection::<Document>(["a", "b", "c"][random.random_range(0..3)]);
    let id = random.random_range(0..60);
    let key = if id % 3 == 0 {
        doc! { "_id": id }
    } else {
        doc! { "_id": format!("s{id}") }
    };
    let value = random.random_range(0..1000);
    let wrote = match random.random_range(0..10) {
        0..4 => own
            .replace_one(key, doc! { "v": value, "id": id })
            .upsert(true)
            .await
            .map(drop),
        4..6 => own.update_one(key, doc! { "$set": { "v": value } }).await.map(drop),
        6 => own
            .update_many(doc! { "v": { "$lt": value / 4 } }, doc! { "$inc": { "n": 1 } })
            .await
            .map(drop),
        7 => own.delete_many(doc! { "v": { "$gt": 990 } }).await.map(drop),
        _ => own.delete_one(key).await.map(drop),
    };
    wrote.expect("writes");
}

async fn followed(face: Face, from: &str) {
    let Some(place) = place(face) else { return };
    let mongo = place.connect().await;
    let to = format!("{from}_to");
    let db = place.driver().await.database(from);
    mongo.drop_database(from).await.expect("drops");
    mongo.drop_database(&to).await.expect("drops");
    // Nothing that is written later: the stand-in's `$merge` keeps one document for both sides.
    db.collection("seed")
        .insert_one(doc! { "_id": 1 })
        .await
        .expect("inserts");
    if mongo.changes(from, None).await.expect("asks").is_none() {
        return skipped("this server has no change streams");
    }
    let seed = std::env::var("TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| rand::rng().next_u64());
    tell_seed(seed);
    let mut random = StdRng::seed_from_u64(seed);
    let (files, clock) = (MemoryFiles::default(), Forward::default());
    let (stop, pairs) = (AtomicBool::new(false), [(from.to_owned(), to.clone())]);
    let how = Following {
        pairs: &pairs,
        every: Duration::from_secs(600),
        once: false,
        max_rate: None,
        stop: &stop,
    };
    let ended = AtomicBool::new(false);
    let mut others = StdRng::seed_from_u64(random.next_u64());
    let writer = async {
        while !ended.load(Ordering::SeqCst) {
            write(&db, &mut others).await;
        }
        // What no change stream tells: an index, and a collection with nothing in it.
        db.run_command(doc! { "create": "late" }).await.expect("creates");
        let index = doc! { "key": { "v": 1 }, "name": "late" };
        db.run_command(doc! { "createIndexes": "a", "indexes": [index] })
            .await
            .expect("indexes");
        // Followed by nobody.
        for _ in 0..50 {
            write(&db, &mut others).await;
        }
    };
    let following = async {
        for _ in 0..5 {
            let left = std::sync::Mutex::new(random.random_range(1..4));
            let killed = tokio::sync::Notify::new();
            let said = |_: &str, _: &Levelled, _: Duration| {
                let mut left = left.lock().expect("no panic");
                *left -= 1;
                if *left == 0 {
                    killed.notify_one();
                }
            };
            let follower = Follower {
                server: &mongo,
                files: &files,
                clock: &clock,
                progress: &quiet,
                said: &said,
            };
            tokio::select! {
                biased;
                () = killed.notified() => {}
                ended = follower.follow(&how) => panic!("{ended:?} (seed {seed})"),
            }
            clock.0.fetch_add(600, Ordering::SeqCst);
        }
        ended.store(true, Ordering::SeqCst);
    };
    tokio::join!(writer, following);
    let state = SyncState::load(&files).expect("reads");
    assert_eq!((state.pairs[&to].follows, state.pairs[&to].lost), (Follows::Changes, 0));
    let follower = Follower {
        server: &mongo,
        files: &files,
        clock: &clock,
        progress: &quiet,
        said: &|_, _, _| {},
    };
    follower.finish(from, &to).await.expect("finishes").expect("a copy");
    let (left, right) = (mongo.prove(from, None).await, mongo.prove(&to, None).await);
    assert_eq!(left.expect("proves"), right.expect("proves"), "seed {seed}");
    mongo.drop_database(from).await.expect("drops");
    mongo.drop_database(&to).await.expect("drops");
}

#[tokio::test]
async fn a_follower_that_is_killed_again_and_again_ends_equal_on_4_2() {
    followed(Face::V4_2, "followed_old").await;
}

#[tokio::test]
async fn a_follower_that_is_killed_again_and_again_ends_equal_on_7_0() {
    followed(Face::V7_0, "followed_new").await;
}
