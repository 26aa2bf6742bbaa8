## What the checks of `rehelm check` find, by id; `.fix` says what to do. `$subject` is what it is about.

check-passed = { $id }: { $count } looked at
check-passed-plain = { $id }: { $subject }
check-unlooked = { $id }: not looked at

## Versions

kubernetes-documented = Kubernetes { $version } is outside what the product's documentation names ({ $range })
    .fix = It may work. Ask the product's maker, or try it on a copy first.
kubernetes-chart = the chart refuses Kubernetes { $version }: it wants { $range }
    .fix = Use a version of the chart that takes this cluster, or another cluster.
chart-rendered-for = the chart was rendered as for Kubernetes { $subject }, to show what it would make
    .fix = The release cannot be installed on { $version } all the same.
helm-version = Helm { $version } is too old
    .fix = Install Helm 3.8 or newer, or name it with HELM_BIN.
helm-render-without-lookup = Helm { $version } renders without looking into the cluster
    .fix = Use Helm 3.13 or newer: older ones would show secrets that the chart invents and keeps.
client-os = this machine runs { $subject }; the product's documentation names { $documented }
    .fix = Run rehelm on one of these.
kubectl-version = { $version ->
    [none] kubectl was not found
   *[other] kubectl { $version } and the server { $server } are more than one minor version apart
 }
    .fix = Only the build of the Kustomize folders uses it.
chart-name = the chart is called { $subject }, the profile knows { $want }
    .fix = Check `target.chart` and `profile` in rehelm.yaml.
chart-version = the profile does not know version { $subject } of the chart: it wants { $range }
    .fix = Check `target.version` in rehelm.yaml.
image-version-differs = { $differing } of { $count } images have another version in the chart: { $images }
    .fix = Bring the Kustomize install to the chart's version first, then migrate: one change at a time.
api-not-served = the cluster does not serve { $subject }, which the release needs
    .fix = Use a version of the chart for this cluster, or install the missing CRD.

## Places

not-confirmed = not confirmed: { $subject }
    .fix = When it is so, say it: --confirm { $subject }
release-name = { $subject } is no name for a release: DNS letters, at most { $longest }
    .fix = Change `target.release` in rehelm.yaml.
same-namespace = source and target are the same namespace { $subject }
    .fix = Change `target.namespace` in rehelm.yaml.
namespace-state = { $state ->
    [missing] the namespace { $subject } is not there
   *[other] the namespace { $subject } is being deleted
 }
    .fix = Check the names in rehelm.yaml; wait for a namespace that is being deleted.
pod-security = the namespace { $subject } enforces the pod security level { $level }
    .fix = Check that the release's pods are allowed; the dry run of `rehelm prepare` shows it.
right-missing = { $subject }: { $count } rights are missing: { $rights }
    .fix = Somebody who may has to grant this:
        { $role }

## Drift

declared-missing = { $subject } is declared by Kustomize and is not there
    .fix = Apply the Kustomize folders, or find out who removed it.
declared-differs = { $subject } is not as declared, in { $count } fields: { $fields }
    .fix = Bring the change into the Kustomize folders and into the values, or it is lost.
replicas-drifted = { $subject } runs { $live } replicas, { $declared } are declared
    .fix = The running number is what a rollback restores. Put it into the values if the release should have it.
object-terminating = { $subject } is being deleted
    .fix = Wait until it is gone, or find out what holds it: kubectl describe
object-owned = { $subject } is managed by { $owner }
    .fix = Its owner may change it back. Look at the owner before the migration.
object-finalizer = { $subject } has finalizers: { $finalizers }
    .fix = Its deletion waits for whoever answers to them.

## Owners

foreign-release = { $subject } belongs to the Helm release { $owner } in namespace { $namespace }
    .fix = Two releases cannot own one object. Uninstall or rename one of them.
gitops-owner = { $tool } manages { $count } objects: { $objects }
    .fix = Suspend it for these objects until the migration is done; it would undo every step.
autoscaler = { $subject } scales { $workload }{ $rendered ->
    [yes] {""}
   *[other] , and the release has no counterpart
 }
    .fix = Put its settings into the values if the release should have them.
scaled-object = { $subject } starts { $workload } whenever it likes
    .fix = Pause it: kubectl annotate with autoscaling.keda.sh/paused-replicas
immutable-conflict = { $subject } must be replaced, fields differ that cannot be changed: { $fields }
    .fix = The plan does it; look at its step.

## Claims and volumes

claim-unbound = { $subject } is { $phase }, not bound
    .fix = kubectl describe pvc shows why. A claim without a volume cannot be moved.
claim-fields = { $subject }: the release wants other values of { $fields }, which cannot be changed
    .fix = Change the values so that they match the volume that is there.
claim-class = { $subject }: the release's claim wants the class { $claim }, the volume has { $volume }, today's claim { $today }
    .fix = Change the class in the values.
claim-access-modes = { $subject }: the release wants { $claim }, the volume has { $volume }
    .fix = Change the access modes in the values.
claim-volume-mode = { $subject }: the release wants { $claim }, the volume has { $volume }
    .fix = Change the volume mode in the values.
claim-size = { $subject }: the release wants { $claim }, the volume has { $volume }
    .fix = Ask for no more than there is, or grow the volume first.
claim-missing-in-release = { $subject } wants the claim { $claim }, which nobody makes
    .fix = Make it before the migration, or switch it on in the values.
volume-claim-ref = { $subject } is held by { $holder }, not by { $claim }
    .fix = Find out who took the volume before anything else.
volume-class-missing = { $subject }: its class { $class } is not there
    .fix = Bound volumes do not need it; a new claim would.
volume-affinity = { $subject } can be reached from no node
    .fix = Its zone or its node is gone: check kubectl get nodes --show-labels
volume-twice = { $subject } is the same storage as { $others }
    .fix = Two volumes write to one place. Find out why before the migration.
volume-delete-policy = { $subject } of claim { $claim } has the reclaim policy { $policy }
    .fix = `rehelm prepare` sets it to Retain, and a rollback restores it.
volume-in-tree = { $subject } is of the in-tree kind { $source }
    .fix = Newer clusters translate it to CSI; nothing to do here.
claim-used-by-stranger = { $subject } is used by { $count } pods that are not the product's: { $pods }
    .fix = Stop them before the migration; the claim cannot move under them.
stranger-uses = { $subject } is not the product's and uses its objects: { $objects }
    .fix = It loses them at cleanup. Give it its own, or point it to the new namespace.

## Images

image-registry-differs = { $count } images come from another registry in the release: { $images }
    .fix = Check that the cluster can reach it and that the pull secret is for it.
pull-secret-missing = { $subject } is not there, and { $workloads } need it to pull
    .fix = Make it in the release's namespace, or let the chart make it from values.
pull-secret-lost = { $count } workloads pull without a secret in the release, and with one today: { $workloads }
    .fix = Set the pull secret in the values.
image-floating = { $count } images have a tag that moves: { $images }
    .fix = A rollback may get another image than before. Pin them when you can.

## Secrets and configuration

secret-missing-in-release = { $subject } is not there after the conversion, and is needed by { $users }
    .fix = Make it in the release's namespace, or switch it on in the values.
tls-secret = { $subject } lacks { $keys }
    .fix = Copy the certificate's secret into the release's namespace, or set it in the values.
secret-overwritten = { $subject }: the chart would overwrite { $key } with what the values say
    .fix = Set { $value } in your values, or let rehelm fill it from the running install: --fill-values
secret-invented = { $subject }: the chart makes up { $keys }{ $before ->
    [yes] {" "}anew, although the old install has it
   *[other] {""}
 }
    .fix = Clients that know the old one break. Carry the old one over if there is one.
secret-newer = { $subject } exists since { $since } and is not there
    .fix = Nothing, if your version is older; otherwise the chart makes one up.
secret-type = { $subject } is of type { $have }, the chart wants { $want }
    .fix = A secret's type cannot be changed. Make it anew with the other type.
config-missing-in-release = { $subject } has no key { $key } in the release, and { $users } need it
    .fix = Set it in the values.
service-account-missing = { $subject } is not there in the release
    .fix = Switch it on in the values, or make it.

## What the release would lose; the lines keep today's state

workload-lost = { $count ->
        [one] 1 workload runs
       *[other] { $count } workloads run
    } today and not in the release: { $workloads }
    .fix = To keep them, add to your values:
        { $values }
replicas-differ = { $count ->
        [one] 1 workload has another replica count
       *[other] { $count } workloads have other replica counts
    } in the release: { $workloads }
    .fix = To keep today's, add to your values:
        { $values }
resources-differ = { $count ->
        [one] 1 workload has other requests or limits
       *[other] { $count } workloads have other requests or limits
    } in the release: { $workloads }
    .fix = To keep today's, add to your values:
        { $values }
resources-null = { $count ->
        [one] 1 workload has no requests and limits
       *[other] { $count } workloads have no requests and limits
    } in the release: { $workloads }
    .fix = The chart loses them. To keep today's, add to your values:
        { $values }
scheduling-differs = { $subject }: { $workloads } are scheduled differently: { $fields }
    .fix = The values' keys { $keys } may not carry it; a post-renderer can.
env-lost = { $subject }: variables are lost in { $workloads }: { $fields }
    .fix = Add them under { $env } of { $keys } in your values.
env-differs = { $subject }: variables differ in { $workloads }: { $fields }
    .fix = Set them under { $env } of { $keys } in your values; of duplicates the last one wins.
mount-lost = { $subject }: mounts are lost in { $workloads }: { $fields }
    .fix = Add them to the values of { $keys }, where the chart has a place for them.
probe-lost = { $subject }: probes differ in { $workloads }: { $fields }
    .fix = The chart fixes them; check that your start-up times fit.
config-lost = { $subject }: keys are lost: { $fields }
    .fix = Add them to your values.
config-differs = { $subject }: keys differ: { $fields }
    .fix = Set them in your values if today's are wanted.
host-lost = the host { $subject } is served today and not by the release
    .fix = Set it in the values of the ingress.
ingress-annotation-lost = { $subject }: annotations are lost: { $fields }
    .fix = The chart may have no place for them; check what they do.
service-port-lost = { $subject }: ports are lost: { $fields }
    .fix = Check who uses them.
service-type-differs = { $subject }: the type differs: { $fields }
    .fix = Set it in the values; users' addresses depend on it.

## Room

quota = { $subject }: { $needed } { $resource } are needed, { $used } of { $hard } are used
    .fix = Raise the quota of the release's namespace.
quota-needs-resources = { $subject } has no { $resources }, and the namespace's quota asks for them
    .fix = Set requests and limits in the values.
limit-range = { $subject } does not fit the namespace's limit range: { $fields }
    .fix = Change requests and limits in the values, or the limit range.
nodes-ready = { $ready } nodes take pods; these do not: { $nodes }
    .fix = Bring them back, or check that the others have room.
node-room = the release needs { $needed } { $resource }, the nodes have { $there }
    .fix = Add nodes, or lower the requests in the values.

## Ingress

ingress-class-missing = the ingress class { $subject } is not there
    .fix = Install its controller, or change the class in the values.
ingress-class-default = more than one ingress class is the default: { $classes }
    .fix = Take the mark from all but one.
ingress-class-shared = { $subject } is served by { $controller } on both sides for a while
    .fix = Nothing: the old one stops before the new one starts.
ingress-controller-other = { $subject } is served by { $controller }, as well as { $class }
    .fix = Two controllers on one class both answer. Give one of them another class.
singleton-twice = { $subject } exists { $count } times, in { $namespaces }; only one may
    .fix = With two, both lose their effect. Remove the one that nothing declares.

## Databases

database-embedded = { $use ->
    [used] { $subject } runs a database inside the old install, and connection strings lead to it: { $hosts }
    [stopped] { $subject } is a database inside the old install; it is stopped, and connection strings lead to it: { $hosts }
   *[none] { $subject } is a database inside the old install; no connection string leads to it
 }
    .fix = The product's documentation asks for a database of its own. Move it first, or accept that it stays where it is.
database-host = { $why ->
    [short] { $secrets }: the connection string names the host { $subject }, which is looked up in another namespace after the migration
   *[old-namespace] { $secrets }: the connection string names { $subject }, a service of the old install that cleanup removes
 }
    .fix = Write the host with its namespace: NAME.NAMESPACE.svc
database-access = { $why ->
    [not-configured] databases have to be copied, and rehelm.yaml does not say how to reach them
   *[other] the database server does not answer: { $why }
 }
    .fix = Fill in `mongodb:` in rehelm.yaml; see `rehelm init --help`.
database-topology = the database has { $members ->
        [one] 1 member
       *[other] { $members } members
    }; the product's documentation asks for a replica set
    .fix = It works; a node that is lost is an outage.
database-source = the database { $subject } is not there
    .fix = Check that `mongodb:` in rehelm.yaml names the right server. An empty copy would look like success.
database-left = the database { $subject } is there already
    .fix = It may be a copy of { $from } from an earlier attempt. Look what is in it, then drop it.

## Leftovers of earlier attempts

release-left = { $subject } is there already, { $status }
    .fix = See what it is: helm history. If it is from an earlier attempt: helm uninstall --keep-history is not enough, and uninstall deletes what it owns; look first.
object-left = { $count } objects of the release are in namespace { $subject } already: { $objects }
    .fix = Look who made them; remove them if they are from an earlier attempt.
claim-left = { $subject } is in the release's namespace already: { $phase }, volume { $volume }
    .fix = Look what is on its volume, then remove it.
secret-left = { $subject } is there already, with other content
    .fix = Compare it with the old install's; remove it if that one is right.
volume-left = { $subject } is { $phase }, and was the volume of { $claim }
    .fix = Look what is on it before you remove it.
mark-left = { $count } objects carry a note of an earlier run: { $objects }
    .fix = Nothing: the notes keep what was there before.

## Hygiene

cluster-admin-default = { $subject } gives the default service account every right
    .fix = Take it away; the release does not need it.
host-path = { $count } workloads use folders of their nodes: { $workloads }
    .fix = Their data stays on the node; check that nothing is lost.
