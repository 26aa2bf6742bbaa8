//! Columns of the built-in kinds. Source: what Kubernetes 1.35 answers.

use super::Cell::{Bool, Containers, Count, Int, Labels, Own, Selector, Since, Text};
use super::{Column, network, others, pods, storage, workloads};

const NAME: Column = Column::new("Name", Text("/metadata/name", ""));
const AGE: Column = Column::new("Age", Since("/metadata/creationTimestamp"));
const CREATED: Column = Column::new("Created At", Text("/metadata/creationTimestamp", ""));

const TEMPLATE: &str = "/spec/template/spec";
const JOB_TEMPLATE: &str = "/spec/jobTemplate/spec/template/spec";
const CONTAINERS: Column = Column::new("Containers", Containers(TEMPLATE, "/name")).wide();
const IMAGES: Column = Column::new("Images", Containers(TEMPLATE, "/image")).wide();
const SELECTOR: Column = Column::new("Selector", Selector("/spec/selector")).wide();

const fn text(name: &'static str, path: &'static str) -> Column {
    Column::new(name, Text(path, ""))
}

const fn text_or(name: &'static str, path: &'static str, none: &'static str) -> Column {
    Column::new(name, Text(path, none))
}

const fn int(name: &'static str, path: &'static str) -> Column {
    Column::new(name, Int(path))
}

/// Kinds that show nothing of their own.
const PLAIN: &[Column] = &[NAME, CREATED];

const REPLICAS: &[Column] = &[
    NAME,
    int("Desired", "/spec/replicas"),
    int("Current", "/status/replicas"),
    int("Ready", "/status/readyReplicas"),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const BINDING: &[Column] = &[
    NAME,
    Column::new("Role", Own(others::role)),
    AGE,
    Column::new("Users", Own(others::users)).wide(),
    Column::new("Groups", Own(others::groups)).wide(),
    Column::new("ServiceAccounts", Own(others::service_accounts)).wide(),
];

const EVENT: &[Column] = &[
    Column::new("Last Seen", Own(others::last_seen)),
    text("Type", "/type"),
    text("Reason", "/reason"),
    Column::new("Object", Own(others::event_object)),
    Column::new("Subobject", Own(others::event_part)).wide(),
    Column::new("Source", Own(others::event_source)).wide(),
    Column::new("Message", Own(others::event_message)),
    Column::new("First Seen", Own(others::first_seen)).wide(),
    Column::new("Count", Own(others::event_count)).wide(),
    NAME.wide(),
];

/// The same with plain labels as selector.
const RC: &[Column] = &[
    REPLICAS[0],
    REPLICAS[1],
    REPLICAS[2],
    REPLICAS[3],
    AGE,
    CONTAINERS,
    IMAGES,
    Column::new("Selector", Labels("/spec/selector")).wide(),
];

/// Columns that live as long as the program.
macro_rules! columns {
    ($($column:expr),* $(,)?) => { const { &[$($column),*] } };
}

/// The columns of a resource, by `plural.group`.
pub(super) fn of(id: &str) -> &'static [Column] {
    match id {
        "pods" => columns![
            NAME,
            Column::new("Ready", Own(pods::ready)),
            Column::new("Status", Own(pods::status)),
            Column::new("Restarts", Own(pods::restarts)),
            AGE,
            Column::new("IP", Own(pods::ip)).wide(),
            text_or("Node", "/spec/nodeName", "<none>").wide(),
            text_or("Nominated Node", "/status/nominatedNodeName", "<none>").wide(),
            Column::new("Readiness Gates", Own(pods::gates)).wide(),
        ],
        "replicasets.apps" => REPLICAS,
        "replicationcontrollers" => RC,
        "deployments.apps" => columns![
            NAME,
            Column::new("Ready", Own(workloads::ready)),
            int("Up-to-date", "/status/updatedReplicas").named("string"),
            int("Available", "/status/availableReplicas").named("string"),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        "statefulsets.apps" => columns![
            NAME,
            Column::new("Ready", Own(workloads::ready)),
            AGE,
            CONTAINERS,
            IMAGES,
        ],
        "daemonsets.apps" => columns![
            NAME,
            int("Desired", "/status/desiredNumberScheduled"),
            int("Current", "/status/currentNumberScheduled"),
            int("Ready", "/status/numberReady"),
            int("Up-to-date", "/status/updatedNumberScheduled"),
            int("Available", "/status/numberAvailable"),
            Column::new("Node Selector", Labels("/spec/template/spec/nodeSelector")),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        "controllerrevisions.apps" => columns![
            NAME,
            Column::new("Controller", Own(workloads::controller)),
            Column::new("Revision", Own(workloads::revision)),
            AGE,
        ],
        "jobs.batch" => columns![
            NAME,
            Column::new("Status", Own(workloads::job_status)),
            Column::new("Completions", Own(workloads::completions)),
            Column::new("Duration", Own(workloads::duration)),
            AGE,
            CONTAINERS,
            IMAGES,
            SELECTOR,
        ],
        "cronjobs.batch" => columns![
            NAME,
            text("Schedule", "/spec/schedule"),
            text_or("Timezone", "/spec/timeZone", "<none>"),
            Column::new("Suspend", Own(workloads::suspend)).named("boolean"),
            Column::new("Active", Count("/status/active")),
            Column::new("Last Schedule", Own(workloads::last_schedule)),
            AGE,
            Column::new("Containers", Containers(JOB_TEMPLATE, "/name")).wide(),
            Column::new("Images", Containers(JOB_TEMPLATE, "/image")).wide(),
            Column::new("Selector", Selector("/spec/jobTemplate/spec/selector")).wide(),
        ],
        "podtemplates" => columns![
            NAME,
            Column::new("Containers", Containers("/template/spec", "/name")),
            Column::new("Images", Containers("/template/spec", "/image")),
            Column::new("Pod Labels", Labels("/template/metadata/labels")),
        ],
        "horizontalpodautoscalers.autoscaling" => columns![
            NAME,
            Column::new("Reference", Own(workloads::scale_target)),
            Column::new("Targets", Own(workloads::targets)),
            Column::new("MinPods", Own(workloads::min_pods)),
            int("MaxPods", "/spec/maxReplicas").named("string"),
            int("Replicas", "/status/currentReplicas").named("string"),
            AGE,
        ],
        "poddisruptionbudgets.policy" => columns![
            NAME,
            Column::new("Min Available", Own(workloads::min_available)),
            Column::new("Max Unavailable", Own(workloads::max_unavailable)),
            int("Allowed Disruptions", "/status/disruptionsAllowed"),
            AGE,
        ],
        "services" => columns![
            NAME,
            text("Type", "/spec/type"),
            text_or("Cluster-IP", "/spec/clusterIPs/0", "<none>"),
            Column::new("External-IP", Own(network::external_ip)),
            Column::new("Port(s)", Own(network::service_ports)),
            AGE,
            Column::new("Selector", Labels("/spec/selector")).wide(),
        ],
        "endpoints" => columns![NAME, Column::new("Endpoints", Own(network::endpoints)), AGE],
        "endpointslices.discovery.k8s.io" => columns![
            NAME,
            text("AddressType", "/addressType"),
            Column::new("Ports", Own(network::slice_ports)),
            Column::new("Endpoints", Own(network::slice_endpoints)),
            AGE,
        ],
        "ingresses.networking.k8s.io" | "ingresses.extensions" => columns![
            NAME,
            text_or("Class", "/spec/ingressClassName", "<none>"),
            Column::new("Hosts", Own(network::hosts)),
            Column::new("Address", Own(network::load_balancer)),
            Column::new("Ports", Own(network::ingress_ports)),
            AGE,
        ],
        "ingressclasses.networking.k8s.io" => columns![
            NAME,
            text("Controller", "/spec/controller"),
            Column::new("Parameters", Own(network::parameters)),
            AGE,
        ],
        "networkpolicies.networking.k8s.io" => {
            columns![NAME, Column::new("Pod-Selector", Selector("/spec/podSelector")), AGE]
        }
        "persistentvolumes" => columns![
            NAME,
            Column::new("Capacity", Own(storage::volume_capacity)),
            Column::new("Access Modes", Own(storage::volume_modes)),
            text("Reclaim Policy", "/spec/persistentVolumeReclaimPolicy"),
            Column::new("Status", Own(storage::phase)),
            Column::new("Claim", Own(storage::claim)),
            Column::new("StorageClass", Own(storage::class)),
            text_or("VolumeAttributesClass", "/spec/volumeAttributesClassName", "<unset>"),
            text("Reason", "/status/reason"),
            AGE,
            text_or("VolumeMode", "/spec/volumeMode", "<unset>").wide(),
        ],
        "persistentvolumeclaims" => columns![
            NAME,
            Column::new("Status", Own(storage::phase)),
            text("Volume", "/spec/volumeName"),
            Column::new("Capacity", Own(storage::claim_capacity)),
            Column::new("Access Modes", Own(storage::claim_modes)),
            Column::new("StorageClass", Own(storage::class)),
            text_or("VolumeAttributesClass", "/spec/volumeAttributesClassName", "<unset>"),
            AGE,
            text_or("VolumeMode", "/spec/volumeMode", "<unset>").wide(),
        ],
        "storageclasses.storage.k8s.io" => columns![
            Column::new("Name", Own(storage::class_name)),
            text("Provisioner", "/provisioner"),
            text_or("ReclaimPolicy", "/reclaimPolicy", "Delete"),
            text_or("VolumeBindingMode", "/volumeBindingMode", "Immediate"),
            Column::new("AllowVolumeExpansion", Own(storage::expansion)),
            AGE,
        ],
        "volumeattachments.storage.k8s.io" => columns![
            NAME,
            text("Attacher", "/spec/attacher"),
            text("PV", "/spec/source/persistentVolumeName"),
            text("Node", "/spec/nodeName"),
            Column::new("Attached", Bool("/status/attached", false)),
            AGE,
        ],
        "csinodes.storage.k8s.io" => columns![NAME, Column::new("Drivers", Count("/spec/drivers")), AGE],
        "csidrivers.storage.k8s.io" => columns![
            NAME,
            Column::new("AttachRequired", Bool("/spec/attachRequired", true)),
            Column::new("PodInfoOnMount", Bool("/spec/podInfoOnMount", false)),
            Column::new("StorageCapacity", Bool("/spec/storageCapacity", false)),
            Column::new("TokenRequests", Own(storage::token_requests)),
            Column::new("RequiresRepublish", Bool("/spec/requiresRepublish", false)),
            Column::new("Modes", Own(storage::lifecycle)),
            AGE,
        ],
        "nodes" => columns![
            NAME,
            Column::new("Status", Own(others::node_status)),
            Column::new("Roles", Own(others::node_roles)),
            AGE,
            text("Version", "/status/nodeInfo/kubeletVersion"),
            Column::new("Internal-IP", Own(others::internal_ip)).wide(),
            Column::new("External-IP", Own(others::external_ip)).wide(),
            text_or("OS-Image", "/status/nodeInfo/osImage", "<unknown>").wide(),
            text_or("Kernel-Version", "/status/nodeInfo/kernelVersion", "<unknown>").wide(),
            text_or(
                "Container-Runtime",
                "/status/nodeInfo/containerRuntimeVersion",
                "<unknown>",
            )
            .wide(),
        ],
        "namespaces" => columns![NAME, text("Status", "/status/phase"), AGE],
        "configmaps" => columns![NAME, Column::new("Data", Own(others::config_entries)), AGE],
        "secrets" => columns![
            NAME,
            text("Type", "/type"),
            Column::new("Data", Count("/data")).named("string"),
            AGE
        ],
        "serviceaccounts" => columns![NAME, AGE],
        "events" | "events.events.k8s.io" => EVENT,
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => BINDING,
        "leases.coordination.k8s.io" => columns![NAME, text("Holder", "/spec/holderIdentity"), AGE],
        "resourcequotas" => columns![
            NAME,
            Column::new("Request", Own(others::quota_requests)),
            Column::new("Limit", Own(others::quota_limits)),
            AGE,
        ],
        "priorityclasses.scheduling.k8s.io" => columns![
            NAME,
            int("Value", "/value"),
            Column::new("Global-Default", Bool("/globalDefault", false)),
            AGE,
            text("PreemptionPolicy", "/preemptionPolicy"),
        ],
        "servicecidrs.networking.k8s.io" => columns![NAME, Column::new("CIDRs", Own(network::cidrs)), AGE],
        "volumeattributesclasses.storage.k8s.io" => columns![NAME, text("DriverName", "/driverName"), AGE],
        "deviceclasses.resource.k8s.io" | "resourceclaimtemplates.resource.k8s.io" => columns![NAME, AGE],
        "runtimeclasses.node.k8s.io" => columns![NAME, text("Handler", "/handler"), AGE],
        "mutatingwebhookconfigurations.admissionregistration.k8s.io"
        | "validatingwebhookconfigurations.admissionregistration.k8s.io" => {
            columns![NAME, Column::new("Webhooks", Count("/webhooks")), AGE]
        }
        _ => PLAIN,
    }
}
