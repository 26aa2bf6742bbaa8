//! Helm's stand-in makes what the real one makes.

use rehelm_sweep::course::Course;
use rehelm_sweep::same;
use rehelm_sweep::scenario::Scenario;

use crate::{course, example, installed};

#[test]
fn the_stand_in_ends_as_the_real_helm_does() {
    let (Some((_, real)), Some(course)) = (example(), course("example")) else {
        return;
    };
    let differ = same::differences(real, &course.end);
    assert!(differ.is_empty(), "{differ:#?}");
    assert!(real.len() > 50, "{}", real.len());
}

#[test]
fn so_it_does_with_the_reference() {
    let Some((ground, real)) = installed("aws") else { return };
    let scenario = Scenario::named("aws").expect("a scenario");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let course = runtime.expect("a runtime").block_on(Course::prepare(scenario, &ground));
    let course = course.unwrap_or_else(|why| panic!("{why}"));
    let differ = same::differences(&real, &course.end);
    assert!(differ.is_empty(), "{differ:#?}");
}
