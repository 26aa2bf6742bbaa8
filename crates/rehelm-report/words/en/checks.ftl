## What the checks of `rehelm check` find, by id; `.fix` says what to do. `$subject` is what it is about.
## A check that passed says so in the same sentence's first form; `$count` is how many things it looked at.

## Versions

kubernetes-documented = { $severity ->
    [ok] Kubernetes { $subject } is one that the product's documentation names
   *[other] Kubernetes { $version } is outside the documented range { $range }
 }
    .fix = It usually works. Ask the vendor if in doubt, or go on: this is a warning.
kubernetes-chart = { $severity ->
    [ok] the chart accepts Kubernetes { $subject }
   *[other] the chart wants Kubernetes { $range }, this is { $version }: Helm will refuse it
 }
    .fix = Take a chart version that accepts this cluster, or pull the chart and change kubeVersion in your copy's Chart.yaml.
helm-version = { $severity ->
    [ok] Helm { $subject }
   *[other] Helm { $version } is too old: charts in OCI registries need 3.8
 }
    .fix = Install a newer Helm, or name one with HELM_BIN.
helm-render-without-lookup = { $severity ->
    [ok] Helm can render with the cluster's objects in sight
   *[other] Helm { $version } cannot look into the cluster while it renders: secrets that the chart looks up show as invented
 }
    .fix = Install Helm 3.13 or newer; the plan is more exact then.
client-os = { $severity ->
    [ok] rehelm runs on { $subject }
   *[other] rehelm runs on { $subject }; the product's documentation names { $documented }
 }
    .fix = Nothing in rehelm needs another system. Scripts of the vendor may.
kubectl-version = { $severity ->
    [ok] kubectl fits the cluster
   *[other] { $version ->
        [none] kubectl was not found; rehelm needs it only to build Kustomize folders
       *[other] kubectl { $version } is more than one minor version away from the cluster's { $server }
    }
 }
    .fix = Install a kubectl of the cluster's version, or name one with KUBECTL_BIN.
chart-name = { $severity ->
    [ok] the chart is { $subject }
   *[other] the chart is { $subject }, the profile knows { $want }
 }
    .fix = Check --chart; or take another profile with --profile.
chart-version = { $severity ->
    [ok] chart version { $subject } is one that the profile knows
   *[other] chart version { $subject } is not in { $range }, which the profile was written for
 }
    .fix = Upgrade the Kustomize install first, then migrate to the chart of that version.
image-version-differs = { $severity ->
    [ok] { $count } containers run the same versions on both sides
   *[other] { $differing } images have another version in the chart ({ $count } containers compared): { $images }
 }
    .fix = Migrate to the chart of the version that runs today; upgrade afterwards. Images that you chose yourself go into the values.
api-not-served = { $severity ->
    [ok] the cluster serves every kind of the release's { $count } objects
   *[other] the cluster does not serve { $subject }, and no CRD of the chart defines it
 }
    .fix = Install what brings it, or switch off that part of the chart.

## Places and people

not-confirmed = { $severity ->
    [ok] every documented precondition is confirmed
   *[other] nobody has confirmed: { $subject ->
        [snapshots] snapshots of every volume and of the databases exist
       *[other] { $subject }
    }
 }
    .fix = Make sure, then say so with --confirm { $subject }.
release-name = { $severity ->
    [ok] { $subject } can be a release's name
   *[other] { $subject } cannot be a release's name: at most { $longest } small letters, digits and dashes
 }
    .fix = Choose another name for the release.
same-namespace = { $severity ->
    [ok] the release gets a namespace of its own
   *[other] the old install and the release would be in one namespace, { $subject }
 }
    .fix = Choose another namespace for the release. Both sides' objects have the same names.
namespace-state = { $severity ->
    [ok] the namespaces are in order
   *[other] the namespace { $subject } is { $state ->
        [missing] not there
       *[terminating] being deleted
    }
 }
    .fix = kubectl get namespace { $subject } -o yaml shows its state.
pod-security = { $severity ->
    [ok] the namespace { $subject } admits every pod
   *[other] the namespace { $subject } admits only pods of the level { $level }
 }
    .fix = The dry run shows which pods are refused. Change the label, or the pods' security context in the values.

## Rights

right-missing = { $severity ->
    [ok] all { $count } rights that the plan needs are there
   *[other] { $count } rights are missing in { $subject }: { $rights }
 }
    .fix = Ask the cluster's administrator for a binding to this role:
        { $role }

## The install against its manifests

declared-missing = { $severity ->
    [ok] all { $count } declared objects are there
   *[other] { $subject } is declared and not there
 }
    .fix = Apply the Kustomize folders, or take it out of them: the plan is made from what is declared.
declared-differs = { $severity ->
    [ok] { $count } objects are as they are declared
   *[other] { $subject } lives otherwise than declared: { $fields }
 }
    .fix = Bring the Kustomize folders up to date. A rollback applies what they say.
replicas-drifted = { $severity ->
    [ok] { $count } workloads have their declared replicas
   *[other] { $subject } is declared with { $declared } replicas and has { $live }
 }
    .fix = { $live ->
        [0] It is stopped. A rollback starts it with what is running now: start it before the migration if it should run.
       *[other] Nothing: a rollback brings back { $live }.
    }
object-terminating = { $severity ->
    [ok] none of { $count } objects is being deleted
   *[other] { $subject } is being deleted
 }
    .fix = Find out who deletes it and what it waits for, then plan again.
object-owned = { $severity ->
    [ok] no controller owns one of the { $count } declared objects
   *[other] { $subject } is owned by { $owner }, which may change it back
 }
    .fix = Pause that controller during the migration.
object-finalizer = { $severity ->
    [ok] no unusual finalizers
   *[other] { $subject } is held by the finalizers { $finalizers }
 }
    .fix = Cleanup waits until their controller takes them off.

## Who else has a hand on it

foreign-release = { $severity ->
    [ok] no other Helm release owns one of the objects
   *[other] { $subject } belongs to the Helm release { $owner } in { $namespace }
 }
    .fix = Decide which release should own it. It cannot be two.
gitops-owner = { $severity ->
    [ok] no GitOps tool manages the objects
   *[other] { $tool ->
        [argo-cd] Argo CD
        [flux-kustomization] a Flux Kustomization
        [flux-helmrelease] a Flux HelmRelease
        [fleet] Fleet
       *[other] { $tool }
    } manages { $count } objects and would start again what is stopped: { $objects }
 }
    .fix = { $tool ->
        [argo-cd] Switch off automatic sync: argocd app set APP --sync-policy none. Remove the app (without cascade) after cleanup.
        [flux-kustomization] Pause it: flux suspend kustomization NAME. Remove it after cleanup; set prune to false before.
        [flux-helmrelease] Pause it: flux suspend helmrelease NAME.
       *[other] Pause the tool for these objects before the migration.
    }
autoscaler = { $severity ->
    [ok] no autoscaler changes the workloads
   *[other] { $subject } scales { $workload }; it rests while the workload is stopped{ $rendered ->
        [yes] {""}
       *[other] , and the release has none
    }
 }
    .fix = { $rendered ->
        [yes] Nothing.
       *[other] Make one for the release if you want one; the chart does not.
    }
scaled-object = { $severity ->
    [ok] no KEDA object starts stopped workloads
   *[other] { $subject } would start { $workload } again while it is stopped
 }
    .fix = kubectl annotate it with autoscaling.keda.sh/paused-replicas=0 before the migration.
immutable-conflict = { $severity ->
    [ok] all { $count } objects of both sides can be adopted
   *[other] { $subject } has to be replaced, nobody may change { $fields }
 }
    .fix = { $severity ->
        [info] rehelm replaces it; nothing that runs notices.
       *[other] rehelm replaces it within the outage; whatever else uses it notices.
    }

## Claims

claim-unbound = { $severity ->
    [ok] { $count } claims are bound
   *[other] { $subject } is { $phase }, not bound to a volume
 }
    .fix = kubectl describe shows why. Bind it before the migration.
claim-fields = { $severity ->
    [ok] the chart's claims fit those that wait for the volumes
   *[other] { $subject }: the chart wants other values than the claim can have, and nobody may change them: { $fields }
 }
    .fix = Change the values so that the chart's claim says what today's claim says.
claim-class = { $severity ->
    [ok] claims and volumes name the same storage classes
   *[other] { $subject }: the release's claim names the class { $claim }, the volume has { $volume }
 }
    .fix = Set the class { $volume } in the values; a claim with another class is never bound to this volume.
claim-access-modes = { $severity ->
    [ok] the volumes have the access modes that the claims want
   *[other] { $subject }: the release's claim wants { $claim }, the volume offers { $volume }
 }
    .fix = Change the access modes in the values.
claim-volume-mode = { $severity ->
    [ok] claims and volumes have the same mode
   *[other] { $subject }: the release's claim wants mode { $claim }, the volume has { $volume }
 }
    .fix = Change the volume mode in the values.
claim-size = { $severity ->
    [ok] the volumes are as large as the claims ask
   *[other] { $subject }: the release's claim asks for { $claim }, the volume has { $volume }
 }
    .fix = Ask for no more than { $volume } in the values, or let the volume grow first.
claim-missing-in-release = { $severity ->
    [ok] every claim that the release's pods mount will be there
   *[other] { $subject } mounts the claim { $claim }, which neither the chart makes nor the old install has
 }
    .fix = Create the claim in the release's namespace, or switch off what mounts it.

## Volumes

volume-claim-ref = { $severity ->
    [ok] every volume is held by its claim
   *[other] { $subject } should be held by the claim { $claim } and is held by { $holder }
 }
    .fix = Find out who changed it before anything else.
volume-class-missing = { $severity ->
    [ok] the storage classes of the volumes exist
   *[other] the storage class { $class } of { $subject } does not exist
 }
    .fix = { $severity ->
        [info] Volumes made by hand need none.
       *[other] It works on; the volume cannot grow until the class is back.
    }
volume-affinity = { $severity ->
    [ok] every volume has a node that can reach it
   *[other] no node fits the node affinity of { $subject }
 }
    .fix = A node or a zone is gone. Bring it back before the migration.
volume-twice = { $severity ->
    [ok] no other volume is the same disk or folder
   *[other] { $subject } is the same disk or folder as { $others }
 }
    .fix = Whoever deletes one deletes the data of both. Find out whether the other is still needed.
volume-delete-policy = { $severity ->
    [ok] every volume stays when its claim goes
   *[other] { $subject } of the claim { $claim } has the reclaim policy { $policy }; rehelm sets Retain first
 }
    .fix = Nothing. The original policy is noted on the volume.
volume-in-tree = { $severity ->
    [ok] no volume is of a kind that Kubernetes has dropped
   *[other] { $subject } is of the kind { $source }, which newer versions of Kubernetes leave to a CSI driver
 }
    .fix = Nothing now. Before an upgrade of Kubernetes, make sure that its CSI driver is installed.

## What is not the product's

claim-used-by-stranger = { $severity ->
    [ok] nobody else uses the claims
   *[other] { $subject } is used by pods that nobody will stop: { $pods }
 }
    .fix = Stop them before the migration, or declare them. A claim in use cannot be moved.
stranger-uses = { $severity ->
    [ok] nothing undeclared uses what will go
   *[other] { $subject } is not declared and uses what cleanup removes: { $objects }
 }
    .fix = Let it use the release's object (in another namespace), or keep what it uses.

## Images

image-registry-differs = { $severity ->
    [ok] the images come from where they come from today
   *[other] { $count } images would come from somewhere else: { $images }
 }
    .fix = If you use a mirror, write it into the values; otherwise nothing.
pull-secret-missing = { $severity ->
    [ok] the release's pods have their pull secrets
   *[other] { $workloads } workloads pull with { $subject }, which will not be there
 }
    .fix = Fill in the registry's login in the values, or create the secret in the release's namespace.
pull-secret-lost = { $severity ->
    [ok] workloads with a pull secret keep one
   *[other] { $count } workloads use a pull secret today and would have none: { $workloads }
 }
    .fix = Name a pull secret in the values.
image-floating = { $severity ->
    [ok] every image has a version
   *[other] { $count } images have no version, or latest: { $images }
 }
    .fix = What is pulled tomorrow may be something else. Name a version.

## Secrets

secret-missing-in-release = { $severity ->
    [ok] every secret that the release's pods need will be there
   *[other] { $subject } will not be there, and is needed by { $users }
 }
    .fix = Create it in the release's namespace, or fill in the values that make it.
tls-secret = { $severity ->
    [ok] the certificates of the release's ingresses will be there
   *[other] { $subject } is named by an ingress and lacks { $keys }
 }
    .fix = Give the certificate in the values, or create the secret in the release's namespace: kubectl create secret tls.
secret-overwritten = { $severity ->
    [ok] the chart writes nothing else over { $count } carried secrets
   *[other] the chart would write other content into key { $key } of { $subject }
 }
    .fix = { $value ->
        [unknown] Set the value that the chart makes it from to today's content.
       *[other] Plan with --fill-secrets: rehelm takes { $value } from the running install. Or set it in your values.
    }
secret-invented = { $severity ->
    [ok] the chart invents no passwords and tokens
   *[other] { $before ->
        [yes] { $subject }: the chart makes other content for { $keys } than the old install has
       *[other] { $subject }: the chart invents { $keys }, the old install has no such secret
    }
 }
    .fix = { $before ->
        [yes] Copy the secret into the release's namespace if anyone knows today's content.
       *[other] Nothing if it is new in this version; otherwise create it before the install.
    }
secret-newer = { $severity ->
    [ok] no secret of newer versions is missing
   *[other] { $subject } exists since { $since } and is not there: the chart will invent it
 }
    .fix = If clients use it under another name today, create it with that content before the install.
secret-type = { $severity ->
    [ok] the carried secrets have the types that the chart wants
   *[other] { $subject } has the type { $have }, the chart wants { $want }, and nobody may change it
 }
    .fix = Recreate the secret with the chart's type before the migration.

## Other references

config-missing-in-release = { $severity ->
    [ok] every config map that the release's pods need will be there
   *[other] { $subject } (key { $key }) will not be there, and is needed by { $users }
 }
    .fix = Create it in the release's namespace, or change the values.
service-account-missing = { $severity ->
    [ok] every service account that the release's pods run as will be there
   *[other] { $subject } will not be there, and pods of the release run as it
 }
    .fix = Create it in the release's namespace, or change the values.

## What would be other than today

workload-lost = { $severity ->
    [ok] the release has every workload that runs today
   *[other] { $count } workloads run today and are not in the release: { $workloads }
 }
    .fix = If they are needed, try these values:
        { $values }
replicas-differ = { $severity ->
    [ok] the replica counts are today's
   *[other] { $count } workloads would have other replica counts: { $workloads }
 }
    .fix = These values keep today's:
        { $values }
resources-differ = { $severity ->
    [ok] requests and limits are today's
   *[other] { $count } workloads would have other requests or limits: { $workloads }
 }
    .fix = These values keep today's:
        { $values }
resources-null = { $severity ->
    [ok] no workload loses its requests and limits
   *[other] { $count } workloads would run without requests and limits: { $workloads }
 }
    .fix = The chart may not pass on what its values file documents. Try these values:
        { $values }
scheduling-differs = { $severity ->
    [ok] pods are placed as today
   *[other] { $workloads } would lose or change { $fields }
 }
    .fix = The chart may have no value for it under { $keys }; a Helm post-renderer can carry it.
env-lost = { $severity ->
    [ok] no environment variable is lost
   *[other] { $workloads } would lose environment variables: { $fields }
 }
    .fix = Add them to the values, usually extraEnvVars under { $keys }.
env-differs = { $severity ->
    [ok] environment variables have today's values
   *[other] { $workloads } would have other values for { $fields }
 }
    .fix = Compare with `rehelm show --diff`; add them to the values if today's are wanted.
mount-lost = { $severity ->
    [ok] no mount is lost
   *[other] { $workloads } would lose the mounts { $fields }
 }
    .fix = Add volume and mount to the values, where the chart has a key for it.
probe-lost = { $severity ->
    [ok] no probe is lost
   *[other] { $workloads } would lose the probes { $fields }
 }
    .fix = The chart may have no value for it; a Helm post-renderer can carry it.
config-lost = { $severity ->
    [ok] no setting is lost
   *[other] { $subject } would lose the settings { $fields }
 }
    .fix = Add them to the values.
config-differs = { $severity ->
    [ok] settings have today's values
   *[other] { $subject } would have other values for { $fields }
 }
    .fix = Compare with `rehelm show --diff`; set today's in the values where they are wanted.
host-lost = { $severity ->
    [ok] the release answers all { $count } host names
   *[other] nothing in the release answers { $subject }, which users reach today
 }
    .fix = Set the host in the values of its ingress.
ingress-annotation-lost = { $severity ->
    [ok] ingresses keep their annotations
   *[other] { $subject } would lose the annotations { $fields }
 }
    .fix = The chart may have no value for them; a Helm post-renderer can carry them.
service-port-lost = { $severity ->
    [ok] services keep their ports
   *[other] { $subject } would lose the ports { $fields }
 }
    .fix = Look who uses them; set them in the values if the chart has a key for it.
service-type-differs = { $severity ->
    [ok] services are of today's types
   *[other] { $subject } would differ in { $fields }
 }
    .fix = For a load balancer this may mean another address. Set it in the values.

## Room

quota = { $severity ->
    [ok] the namespace { $subject } has no quota in the way
   *[other] { $subject } allows { $hard } of { $resource }, { $used } is used, the release needs { $needed } more
 }
    .fix = Raise the quota before the migration.
quota-needs-resources = { $severity ->
    [ok] pods say what the quota wants to know
   *[other] a quota wants every pod to say { $resources }, { $subject } does not
 }
    .fix = Set them in the values, or a default with a LimitRange.
limit-range = { $severity ->
    [ok] pods keep within the limits of the namespace { $subject }
   *[other] { $subject } is outside what the namespace allows: { $fields }
 }
    .fix = Change the LimitRange or the values.
nodes-ready = { $severity ->
    [ok] all { $count } nodes are ready
    [error] no node is ready
   *[other] these nodes are not ready: { $nodes }
 }
    .fix = kubectl describe node shows why. Migrate when the cluster is well.
node-room = { $severity ->
    [ok] the nodes are large enough for the release
   *[other] the release asks for { $needed } of { $resource }, all nodes together have { $there }
 }
    .fix = Add nodes, or ask for less in the values.

## Ingress

ingress-class-missing = { $severity ->
    [ok] the ingress classes that the release names will be there
   *[other] the ingress class { $subject } is not there, and ingresses of the release name it
 }
    .fix = Switch on the chart's ingress controller, or create the class.
ingress-class-default = { $severity ->
    [ok] there is at most one default ingress class
   *[other] more than one ingress class is the default: { $classes }
 }
    .fix = The server then refuses ingresses without a class. Take the mark from all but one.
ingress-class-shared = { $severity ->
    [ok] no ingress class is on both sides
   *[other] { $subject } is on both sides: both controllers would answer for it; the old one is at 0 before the new one starts
 }
    .fix = Nothing. Do not start the old controller again after the switch.
ingress-controller-other = { $severity ->
    [ok] no other ingress class uses the release's controller
   *[other] { $subject } is for the same controller ({ $controller }) as the release's class { $class }: each may answer for both
 }
    .fix = Give one of the controllers another name or class.
singleton-twice = { $severity ->
    [ok] what must be alone in the cluster is
   *[other] { $subject } would be in { $count } namespaces ({ $namespaces }); the controller then uses none of them
 }
    .fix = After the switch, remove the one in { $source } as soon as you no longer want to roll back; cleanup removes it if it is declared.

## Databases

database-embedded = { $severity ->
    [ok] the database server is not part of the old install's manifests
    [error] the databases are on { $subject }, which the documented procedure does not support
   *[other] { $subject } is declared, and no connection string leads to it
 }
    .fix = Move the databases to a replicated server first (its own chart), then migrate. rehelm leaves the old server alone.
database-host = { $severity ->
    [ok] { $count } database hosts can be found from the release's namespace
   *[other] { $why ->
        [short] { $subject } is a short name, which is not found from the release's namespace (in { $secrets })
       *[other] { $subject } is a service of the old install, which cleanup removes (in { $secrets })
    }
 }
    .fix = Use the full name in these secrets: SERVICE.NAMESPACE.svc.cluster.local.
database-access = { $severity ->
    [ok] the database server answers
   *[other] databases have to be copied, and { $why ->
        [not-configured] rehelm.yaml does not say how to reach them
       *[other] the server does not answer: { $why }
    }
 }
    .fix = Fill in `mongodb:` in rehelm.yaml with a login that may read, copy and make users.
database-topology = { $severity ->
    [ok] the database server is replicated
    [info] whether the database server is replicated is not known
   *[other] the database server is not replicated
 }
    .fix = The documented procedure wants a replicated server.
database-source = { $severity ->
    [ok] all { $count } databases that have to be copied are there
    [info] whether the databases are there is not known
   *[other] the database { $subject } is not there
 }
    .fix = Check that `mongodb:` in rehelm.yaml names the right server. A wrong one would look like an empty copy.
database-left = { $severity ->
    [ok] no database is in the way of a copy
    [info] whether a database is in the way of a copy is not known
   *[other] the database { $subject } is there already; it may be a copy of { $from } from an earlier attempt
 }
    .fix = Look what is in it; drop it only if it is such a copy.

## Leftovers

release-left = { $severity ->
    [ok] there is no release { $subject } yet
   *[other] there is a release { $subject } already: revision { $revision } of { $chart }, { $status }
 }
    .fix = { $status ->
        [deployed] If it is the product itself, there is nothing to migrate; if it is left from an attempt, uninstall it after looking what `helm get manifest` would delete.
       *[other] It is left from an attempt. `helm uninstall` would delete adopted objects, too: take it back with `rehelm rollback`, or remove only its record (kubectl delete secret -l owner=helm).
    }
object-left = { $severity ->
    [ok] nothing of the release is there yet
   *[other] { $count } objects of the release are there although the release is not: { $objects }
 }
    .fix = They are left from an earlier attempt; Helm takes them over. Remove what you do not want.
claim-left = { $severity ->
    [ok] no claim is in the way
   *[other] { $subject } is there already, { $phase }, for the volume { $volume }
 }
    .fix = { $severity ->
        [info] Nothing: it waits for its volume, as `rehelm prepare` leaves it.
       *[other] Look what is on its volume, then remove the claim.
    }
secret-left = { $severity ->
    [ok] no secret is in the way
   *[other] { $subject } is there already with other content than the old install's
 }
    .fix = Compare the two; remove the one in the release's namespace if the old install's is right.
volume-left = { $severity ->
    [ok] no volume is left from an earlier attempt
   *[other] { $subject } ({ $phase }) is left from an earlier attempt, for the claim { $claim }
 }
    .fix = Look what is on it before you delete it.
mark-left = { $severity ->
    [ok] no run of rehelm is under way
   *[other] { $count } objects carry notes of a run of rehelm: { $objects }
 }
    .fix = `rehelm status` shows how far it got; go on with it, or take it back with `rehelm rollback`.

## Worth knowing

cluster-admin-default = { $severity ->
    [ok] no default service account is an administrator
   *[other] { $subject } makes a namespace's default service account an administrator of the cluster
 }
    .fix = Every pod without an account of its own has all rights. Remove the binding when nothing needs it.
host-path = { $severity ->
    [ok] no pod of the release reaches into its node
   *[other] { $count } workloads of the release reach into their node (host path, host network, privileged): { $workloads }
 }
    .fix = Nothing, if you expected it.
