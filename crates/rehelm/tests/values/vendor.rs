//! The vendor's chart, where it is (`REHELM_VENDOR_CHART`).

use camino::Utf8PathBuf;
use rehelm_clients::helm::offline::Task;
use rehelm_core::values::How;

use crate::lab::{has_helm, how, of_task};

#[tokio::test(flavor = "multi_thread")]
async fn nearly_all_values_of_the_vendors_chart_are_located() {
    let Ok(chart) = std::env::var("REHELM_VENDOR_CHART") else {
        eprintln!("SKIPPED: REHELM_VENDOR_CHART does not name the vendor's chart");
        return;
    };
    if !has_helm() {
        return;
    }
    let values = Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/cognigy-4.38.0/values");
    let task = Task {
        release: "cognigy-ai".to_owned(),
        namespace: "cognigy-ai".to_owned(),
        chart,
        values: ["values-common.yaml", "values-aws.yaml"]
            .iter()
            .map(|name| values.join(name))
            .collect(),
        kube_version: Some("1.23.0".to_owned()),
        api_versions: vec!["networking.k8s.io/v1/IngressClass".to_owned()],
        ..Task::default()
    };
    let map = of_task(task).await.expect("learned");
    let (located, of) = map.located();
    eprintln!("located {located} of {of} with {} renders", map.renders);
    assert_eq!(of, 828);
    assert!(located * 100 >= of * 98, "only {located} of {of}");
    // A key that values.yaml does not show: those that it shows beside it reach nothing (D8).
    let hidden = "serviceAnalyticsConversations.resources";
    let workload = "service-analytics-conversations";
    let field = format!("spec.template.spec.containers[name={workload}].resources");
    assert_eq!(
        *how(&map, hidden, &format!("Deployment/{workload}"), &field),
        How::Whole
    );
}
