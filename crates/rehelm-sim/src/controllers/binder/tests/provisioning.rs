//! Volumes that are made, attached, and deleted.

use serde_json::{Value, json};

use super::Bench;
use crate::Fault;
use crate::controllers::volumes::text;
use crate::meta;

fn volume_of(bench: &Bench, claim: &str) -> String {
    let claim = bench.lab.get("persistentvolumeclaims", claim);
    text(&claim, "/spec/volumeName").to_owned()
}

#[test]
fn a_volume_is_made_and_goes_with_its_claim() {
    let bench = Bench::new();
    bench.class("made", "maker.example/nfs", "Immediate", "Delete");
    let uid = bench.claim("c", json!({"storageClassName": "made"}));
    let name = format!("pvc-{uid}");
    assert_eq!(bench.claim_is("lab", "c"), format!("Bound {name} cb"));
    assert_eq!(bench.volume_is(&name), "Bound lab/c u");
    let claim = bench.lab.get("persistentvolumeclaims", "c");
    for note in [
        "volume.kubernetes.io/storage-provisioner",
        "volume.beta.kubernetes.io/storage-provisioner",
    ] {
        assert_eq!(meta::annotation(&claim, note), Some("maker.example/nfs"));
    }
    let volume = bench.lab.get("persistentvolumes", &name);
    let kept = [
        "external-provisioner.volume.kubernetes.io/finalizer",
        "kubernetes.io/pv-protection",
    ];
    assert_eq!(meta::finalizers(&volume), kept);
    assert_eq!(
        meta::annotation(&volume, "pv.kubernetes.io/provisioned-by"),
        Some("maker.example/nfs")
    );
    assert_eq!(
        bench.told("lab", "c"),
        [
            "ExternalProvisioning: Waiting for a volume to be created either by the external provisioner \
             'maker.example/nfs' or manually by the system administrator. If volume creation is delayed, please verify \
             that the provisioner is running and correctly registered."
                .to_owned(),
            format!("ProvisioningSucceeded: Successfully provisioned volume {name}"),
        ]
    );
    bench.delete_claim("lab", "c");
    assert_eq!(bench.volume_is(&name), "gone");
}

#[test]
fn a_volume_that_is_to_be_retained_stays() {
    let bench = Bench::new();
    bench.class("made", "maker.example/nfs", "Immediate", "Retain");
    bench.claim("c", json!({"storageClassName": "made"}));
    let name = volume_of(&bench, "c");
    bench.delete_claim("lab", "c");
    bench.lab.rest();
    assert_eq!(bench.volume_is(&name), "Released lab/c u");
}

#[test]
fn without_a_provisioner_the_claim_waits() {
    let bench = Bench::new();
    bench.lab.sim.fault(Fault::NoProvision);
    bench.class("made", "maker.example/nfs", "Immediate", "Delete");
    bench.claim("c", json!({"storageClassName": "made"}));
    bench.lab.rest();
    assert_eq!(bench.claim_is("lab", "c"), "Pending  ");
    bench.lab.sim.mend();
    bench.lab.rest();
    assert!(bench.claim_is("lab", "c").starts_with("Bound pvc-"));
}

#[test]
fn a_claim_of_a_class_that_waits_gets_its_volume_where_the_pod_goes() {
    let bench = Bench::new();
    let zone = "topology.kubernetes.io/zone";
    bench.lab.change("nodes", "node-a", |node| {
        node["metadata"]["labels"][zone] = "here".into()
    });
    bench.class("disk", "kubernetes.io/aws-ebs", "WaitForFirstConsumer", "Delete");
    bench.claim("c", json!({"storageClassName": "disk"}));
    assert_eq!(bench.claim_is("lab", "c"), "Pending  ");
    bench.pod("p", "c");
    bench.lab.rest();
    let claim = bench.lab.get("persistentvolumeclaims", "c");
    assert_eq!(
        meta::annotation(&claim, "volume.kubernetes.io/selected-node"),
        Some("node-a")
    );
    let by = meta::annotation(&claim, "volume.kubernetes.io/storage-provisioner");
    assert_eq!(by, Some("ebs.csi.aws.com"));
    let volume = bench.lab.get("persistentvolumes", &volume_of(&bench, "c"));
    assert_eq!(
        meta::annotation(&volume, "pv.kubernetes.io/migrated-to"),
        Some("ebs.csi.aws.com")
    );
    let term = json!([{"matchExpressions": [{"key": zone, "operator": "In", "values": ["here"]}]}]);
    assert_eq!(volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"], term);
    assert_eq!(bench.lab.states(), ["Running"]);
    assert_eq!(
        bench.told("lab", "p")[0..2],
        [
            "Scheduled: Successfully assigned lab/p to node-a".to_owned(),
            format!(
                "SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume \"{}\" ",
                meta::name(&volume)
            ),
        ]
    );
}

fn attachments(bench: &Bench) -> Vec<Value> {
    let all = bench
        .lab
        .with(|world| world.list("volumeattachments.storage.k8s.io", None));
    all.iter().map(|a| (**a).clone()).collect()
}

#[test]
fn a_disk_is_attached_while_a_pod_uses_it_and_the_claim_is_kept_as_long() {
    let bench = Bench::new();
    bench.class("disk", "ebs.csi.aws.com", "Immediate", "Delete");
    bench.claim("c", json!({"storageClassName": "disk"}));
    bench.pod("p", "c");
    bench.lab.rest();
    let all = attachments(&bench);
    assert_eq!(all.len(), 1);
    assert!(meta::name(&all[0]).starts_with("csi-"));
    assert_eq!(meta::finalizers(&all[0]), ["external-attacher/ebs-csi-aws-com"]);
    assert_eq!(all[0]["status"], json!({"attached": true}));
    assert_eq!(all[0]["spec"]["nodeName"], "node-a");
    bench.delete_claim("lab", "c");
    bench.lab.rest();
    assert!(bench.claim_is("lab", "c").ends_with("terminating"));
    bench.lab.delete("pods", "p", "Background");
    bench.lab.rest();
    assert_eq!(bench.claim_is("lab", "c"), "gone");
    assert!(attachments(&bench).is_empty());
}

#[test]
fn a_disk_that_stays_attached_keeps_the_next_pod_waiting() {
    let bench = Bench::new();
    bench
        .lab
        .create(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-b"}}));
    bench.lab.rest();
    bench.class("disk", "ebs.csi.aws.com", "Immediate", "Delete");
    bench.claim("c", json!({"storageClassName": "disk"}));
    bench.pod("p", "c");
    bench.lab.rest();
    bench.lab.sim.fault(Fault::NoDetach);
    bench.lab.delete("pods", "p", "Background");
    bench.lab.rest();
    let there = text(&attachments(&bench)[0], "/spec/nodeName").to_owned();
    bench
        .lab
        .change("nodes", &there, |node| node["spec"]["unschedulable"] = true.into());
    bench.pod("q", "c");
    bench.lab.rest();
    assert_eq!(bench.lab.states(), ["ContainerCreating"]);
    let volume = volume_of(&bench, "c");
    let told = format!(
        "FailedAttachVolume: Multi-Attach error for volume \"{volume}\" Volume is already exclusively attached to one node \
         and can't be attached to another"
    );
    assert!(bench.told("lab", "q").contains(&told), "{:?}", bench.told("lab", "q"));
    bench.lab.sim.mend();
    bench.lab.rest();
    assert_eq!(bench.lab.states(), ["Running"]);
}

#[test]
fn a_share_needs_no_attachment() {
    let bench = Bench::new();
    bench.class("made", "maker.example/nfs", "Immediate", "Delete");
    bench.claim(
        "c",
        json!({"storageClassName": "made", "accessModes": ["ReadWriteMany"]}),
    );
    bench.pod("p", "c");
    bench.lab.rest();
    assert_eq!(bench.lab.states(), ["Running"]);
    assert!(attachments(&bench).is_empty());
}

#[test]
fn a_disk_that_is_in_use_elsewhere_says_by_whom() {
    let bench = Bench::new();
    bench
        .lab
        .create(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-b"}}));
    bench.lab.rest();
    bench.class("disk", "ebs.csi.aws.com", "Immediate", "Delete");
    bench.claim("c", json!({"storageClassName": "disk"}));
    bench.pod("p", "c");
    bench.lab.rest();
    let there = text(&attachments(&bench)[0], "/spec/nodeName").to_owned();
    let node = bench.lab.get("nodes", &there);
    let handle = bench.lab.get("persistentvolumes", &volume_of(&bench, "c"))["spec"]["csi"]["volumeHandle"].clone();
    let name = format!("kubernetes.io/csi/ebs.csi.aws.com^{}", handle.as_str().expect("a text"));
    assert_eq!(
        node["status"]["volumesAttached"],
        json!([{"name": name, "devicePath": ""}])
    );
    bench
        .lab
        .change("nodes", &there, |node| node["spec"]["unschedulable"] = true.into());
    bench.pod("q", "c");
    bench.lab.rest();
    let volume = volume_of(&bench, "c");
    let told =
        format!("FailedAttachVolume: Multi-Attach error for volume \"{volume}\" Volume is already used by pod(s) p");
    assert!(bench.told("lab", "q").contains(&told), "{:?}", bench.told("lab", "q"));
}

#[test]
fn a_pod_that_has_ended_keeps_its_claim() {
    let bench = Bench::new();
    bench.class("made", "maker.example/nfs", "Immediate", "Delete");
    bench.claim("c", json!({"storageClassName": "made"}));
    bench.pod("p", "c");
    bench.lab.rest();
    bench
        .lab
        .change("pods", "p", |pod| pod["status"]["phase"] = "Succeeded".into());
    bench.delete_claim("lab", "c");
    bench.lab.rest();
    assert!(bench.claim_is("lab", "c").ends_with("terminating"));
    bench.lab.delete("pods", "p", "Background");
    bench.lab.rest();
    assert_eq!(bench.claim_is("lab", "c"), "gone");
}
