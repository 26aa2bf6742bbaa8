//! The database client on a database server: the testbed's stand-in, showing itself as 4.2 and as 7.0, or the server
//! that `TEST_MONGO_URI` names (then tests that order faults say that they are skipped).

mod mongo_support;

use mongo_support::{place, quiet};
use rehelm_core::ports::Databases;
use rehelm_testbed::mongo::Face;

async fn a_copy_is_equal(face: Face) {
    let Some(place) = place(face) else { return };
    let mongo = place.connect().await;
    place.fill("copy_from", 2500).await;
    mongo.copy("copy_from", "copy_to", &quiet).await.expect("copies");
    let proof = mongo.prove("copy_to").await.expect("proves");
    assert_eq!(proof, mongo.prove("copy_from").await.expect("proves"));
    assert_eq!(proof["people"].documents, 2500);
}

#[tokio::test]
async fn a_copy_is_equal_on_4_2() {
    a_copy_is_equal(Face::V4_2).await;
}

#[tokio::test]
async fn a_copy_is_equal_on_7_0() {
    a_copy_is_equal(Face::V7_0).await;
}
