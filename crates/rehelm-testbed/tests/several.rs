//! Testbeds side by side, and one whose owner dies.

mod common;

use common::{kubectl, options, up};
use rehelm_testbed::Options;
use std::process::Command;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_do_not_know_of_each_other_and_one_ends_with_its_owner() {
    let mut owner = Command::new("sleep").arg("600").spawn().expect("an owner");
    let owned = Options {
        owner: Some(owner.id()),
        ..options()
    };
    let (one, two) = tokio::join!(up(options()), up(owned));
    let (Some(one), Some(two)) = (one, two) else {
        owner.kill().and_then(|()| owner.wait()).expect("end of the owner");
        return;
    };
    assert_ne!(one.dir, two.dir);
    kubectl(&one, "create namespace only-here").await.expect("namespace");
    assert!(kubectl(&two, "get namespace only-here").await.is_err());

    owner.kill().expect("kill");
    owner.wait().expect("wait");
    let state = two.keep();
    let limit = Instant::now() + Duration::from_secs(15);
    while state.dir.exists() || state.processes.iter().any(|p| p.alive()) {
        assert!(Instant::now() < limit, "the testbed outlives its owner");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    kubectl(&one, "get namespace only-here")
        .await
        .expect("the other one runs on");
    let (dir, processes) = (one.dir.clone(), one.state().processes.clone());
    drop(one);
    assert!(!dir.exists() && processes.iter().all(|p| !p.alive()));
}
