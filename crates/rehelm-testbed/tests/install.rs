//! A product installed from its Kustomize folders, with chart and databases. Skips without the product's own files.

mod common;

use common::{kubectl, options, up};
use rehelm_testbed::install::reference;
use rehelm_testbed::{Options, Result, Scenario, printer};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn installs_what_the_scenario_says() {
    let scenario = Scenario::load("aws").expect("scenario");
    let settings = reference().and_then(|_| with_databases(&scenario));
    let Ok(settings) = settings.inspect_err(|e| printer::talk(format!("SKIPPED: {e}"))) else {
        return;
    };
    let Some(mut testbed) = up(settings).await else { return };
    testbed.install_source(&scenario).await.expect("install");

    let running = "get pods -A --field-selector=status.phase=Running -o name";
    let pods = kubectl(&testbed, running).await.expect("pods");
    assert!(pods.lines().count() > 40, "{pods}");
    assert!(
        pods.contains("pod/bystander-") && pods.contains("pod/mongodb-2"),
        "{pods}"
    );
    let address = "get svc -A -o jsonpath={.items[*].status.loadBalancer.ingress[*].hostname}";
    assert!(kubectl(&testbed, address).await.expect("address").contains(".elb."));

    let chart = scenario.chart_dir().expect("chart");
    let pushed = testbed.push_chart(&chart, true).await.expect("push");
    assert!(
        pushed
            .reference
            .starts_with(&format!("oci://{}/helm/", testbed.registry.host)),
        "{pushed:?}"
    );

    let client = mongodb::Client::with_uri_str(testbed.mongo_uri().expect("a server"))
        .await
        .expect("client");
    let names = client.list_database_names().await.expect("databases");
    assert!(names.len() > 15, "{names:?}");
    testbed.down().expect("down");
}

fn with_databases(scenario: &Scenario) -> Result<Options> {
    Ok(Options {
        mongo: scenario.mongo_options()?,
        ..scenario.options(options())
    })
}
