## What readers, steps and verification find, by code; `.fix` says what to do. `$subject` is what it is about.

## Inventory and plan

declared-twice = { $subject } is declared by more than one folder; the last one counts
    .fix = Remove it from one of the Kustomize folders.
kind-unknown = { $subject }: the cluster does not know { $api }
    .fix = Apply the CRDs that the Kustomize folders bring, then plan again.
object-undeclared = { $subject } exists, the chart wants to create it, and no Kustomize folder declares it
    .fix = If it belongs to the product, add its folder with --kustomize; otherwise rename or remove it.
object-of-other-release = { $subject } belongs to the Helm release { $owner }
    .fix = Two releases cannot own one object: change a name in one of them.
volume-value-differs = { $subject } says { $have }, the volume of claim { $claim } says { $want }
    .fix = Write { $want } into your values file, or remove the line: rehelm fills it in.

backup-missing = the backup of { $subject } is not here: { $objects }
    .fix = Copy the folder that `rehelm status --cluster` names to .rehelm/backup, then run the same command again.
volume-gone = { $subject } is gone, and its data with it
    .fix = No manifest brings data back: look for a snapshot at your storage provider. Nothing was changed.
copy-not-written = the copy of this run in the cluster ({ $subject }) is not up to date: { $why }
    .fix = The run goes on; but nobody else can take it over before the copy is written again.

object-came-back = { $subject } is there again, although the release brings its own
    .fix = Somebody applies the old manifests. Pause that (GitOps, a pipeline), then run the same command again.

## Snapshots

snapshot-unread = { $subject } could not be read: { $why }
    .fix = A rehearsal does not know these objects. Take the snapshot as somebody who may list them.
snapshot-secret-repeated = { $subject } repeats the content of a Secret
    .fix = Everybody who may read it knows the secret. In the snapshot it is replaced there as well.
snapshot-literal-password = { $subject } has values that look like passwords written into it: { $names }
    .fix = Put them into a Secret. The snapshot holds them as they are, because they may be no secrets.

rehearsal-version = Kubernetes { $subject } cannot be simulated; the rehearsal poses as 1.{ $minor }
    .fix = APIs that came or went between the two may behave otherwise in earnest.
rehearsal-kind-unknown = { $subject }: { $count } objects are left out, another server than Kubernetes serves them
    .fix = Nothing, unless the product or its chart uses them.

## A plan that is stale

stale-cluster = context { $subject } is another cluster than the one that was planned for
    .fix = Choose the right context, or make a new plan.
stale-kustomize = the Kustomize build of { $subject } has changed since the plan was made
    .fix = Make a new plan with `rehelm plan`.
stale-values = { $subject } has changed since the plan was made
    .fix = Make a new plan with `rehelm plan`.
stale-post-renderer = the post-renderer { $subject } or a patch beside it has changed since the plan was made
    .fix = Make a new plan with `rehelm plan`.
stale-profile = the profile { $subject } is another one than the plan was made with
    .fix = Make a new plan with `rehelm plan`.
stale-chart = the chart { $subject } has changed since the plan was made
    .fix = Make a new plan with `rehelm plan`.
stale-gone = { $subject } was there when the plan was made, and is gone
    .fix = Find out who removed it, then make a new plan.
stale-replaced = { $subject } was deleted and made again since the plan was made
    .fix = Find out who did, then make a new plan.
stale-changed = { $subject } has changed since the plan was made
    .fix = Make a new plan with `rehelm plan`; it shows what that changes.

## Objects

object-replaced = { $subject } is no longer the object that was planned for
    .fix = Somebody deleted it and made it again. Make a new plan.
prepared-gone = { $subject } was made by prepare, and is gone
    .fix = Find out who removed it. Put it back and run the command again, or go back and prepare again: rehelm rollback, rehelm prepare
object-strange = { $subject } is somebody else's now, and could only be brought back by deleting it: { $fields } cannot be changed
    .fix = Nobody knows here what it is for. When it may go, delete it by hand, then run the command again.
object-still-differs = { $subject } still differs in { $fields }
    .fix = Something changes it back: an operator, a GitOps tool. Stop that, then run the command again.
object-not-adopted = { $subject } does not carry the release's ownership
    .fix = Something took it away again: an operator, a GitOps tool. Stop that, then run the command again.
namesake-kept = { $subject } is another object than the one that was planned for; it is left alone
server-refuses = the server would refuse { $subject }: { $message }
    .fix = Change the values, or what refuses it (quota, policy, webhook), then run the command again.
namespace-terminating = the namespace { $subject } is being deleted
    .fix = Wait until it is gone: kubectl get namespace { $subject }
volume-stays-retained = { $subject } keeps the reclaim policy Retain: no claim holds it that stays, and { $policy } would delete it
    .fix = Look at its claim. When it is safe, or not needed: kubectl patch pv with the policy { $policy }.
namespace-kept = the namespace { $subject } stays, it is not empty: { $left }

## Secrets

secret-gone = the secret { $subject } was there when the plan was made, and is gone
    .fix = Restore it from the backup, or make a new plan.
secret-differs = { $subject } is there already, with other content than the old install's
    .fix = Compare the two; remove the one in the release's namespace if the old install's is right.

## Volumes and claims

claim-still-bound = { $subject } is bound to another volume already
    .fix = It is left over from an earlier attempt. Look what is on its volume, then remove the claim.
claim-of-other-volume = { $subject } is there already and names the volume { $have }, not { $want }
    .fix = It is left over from an earlier attempt. Look what is on its volume, then remove the claim.
claim-not-bound = { $subject } is { $phase } instead of bound to { $volume }
    .fix = kubectl describe shows why; then run the command again.
claim-in-use = { $subject } is still used by: { $pods }
    .fix = Stop these pods; they are not the product's. Then run the command again.
volume-of-stranger = { $subject } is held by the claim { $claim }, which is neither the old one nor the release's
    .fix = Somebody took the volume. Find out who before anything else.
volume-not-retained = { $subject } has the reclaim policy { $policy } instead of Retain
    .fix = Something changes it back. Stop that, then run the command again.

## Workloads and pods

pods-do-not-end = pods in namespace { $subject } do not end: { $pods }
    .fix = kubectl describe shows what holds them: a finalizer, a node that is gone. Then run the command again.
workload-started-again = { $subject } was stopped and runs again
    .fix = Something starts it: an operator, an autoscaler, a GitOps tool. Stop that, then run the command again.
workload-missing = { $subject } is not there
    .fix = Somebody removed it after the install. Run the command again.
workload-not-ready = { $subject } is not ready
    .fix = kubectl describe shows why; then run the command again.
pods-refused = { $subject } cannot make pods: { $message }
    .fix = Usually a quota or a policy of the release's namespace.
pod-image = { $subject }: the image { $image } cannot be pulled ({ $reason })
    .fix = Check its name, its registry and the pull secret.
pod-config = { $subject }: container { $container } cannot start, a secret or a key is missing: { $message }
    .fix = Make the secret or the key, then run the command again.
pod-crash = { $subject }: container { $container } starts and ends again
    .fix = kubectl logs { $subject } --previous shows why.
pod-claim = { $subject } waits for its claim: { $message }
    .fix = kubectl get pvc shows which one is not bound.
pod-unschedulable = { $subject } finds no node: { $message }
    .fix = Make room or change the requests in the values.
pod-terminating = { $subject } is ending
pod-probe = { $subject } runs, its readiness probe fails
    .fix = kubectl describe shows what the probe says.
pod-starting = { $subject } is starting

## Images

image-not-pulled = the image { $subject } cannot be pulled: { $message }
    .fix = Check its name, its registry and the pull secret; the outage would last until it can be.
image-not-asked = whether the image { $subject } can be pulled is not known: { $message }
    .fix = Pull it on a node by hand, if you can.

## Databases

database-not-configured = databases have to be copied, and rehelm.yaml does not say how to reach them
    .fix = Fill in `mongodb:` in rehelm.yaml.
database-missing = the database { $subject } is not there
    .fix = Check that `mongodb:` in rehelm.yaml names the right server. A wrong name would look like an empty copy.
database-exists = the database { $subject } is there already, and this run did not make it
    .fix = Look what is in it. It may be a copy of { $from } from an earlier attempt; drop it only if it is.
database-copy-differs = the copy { $subject } is not equal to its original: { $collections }
    .fix = Something still writes. Find it, then run the command again.
database-copied = copied { $from } to { $subject }: { $documents } documents, equal, in { $seconds } s
database-copy-kept = the copied database { $subject } stays; { $from } is in use again
    .fix = Drop it when you are sure that nothing in it is needed.
database-copy-unfinished = the copy { $subject } was begun and not finished; what there is of it stays; { $from } is in use again
    .fix = Drop it if it is there: everything in it is in the old database, too.
database-written-since = { $subject } was written to since the switch ({ $collections }): { $new } documents new, { $changed } changed, { $deleted } deleted
    .fix = A rollback leaves this behind. `rehelm rollback --copy-back` takes it into the old database.
database-old-changed = { $subject } was written to after it had been copied to { $to }, so nothing is copied back into it: { $collections }
    .fix = Decide what of both sides is needed and move it by hand; then roll back without --copy-back.
database-copied-back = { $documents } documents of { $to } were taken back into { $subject }; both are equal
database-synced = { $subject } was copied before; { $documents } documents had changed since, brought up to date in { $seconds } s
database-sync-runs = the process that keeps { $subject } in step does not end
    .fix = End it (`rehelm db sync stop`), then run the command again.
database-writers = somebody who may write to { $subject } is connected: { $clients }
    .fix = Stop them; what they write after the copy would be lost.
database-writers-unknown = the server does not tell who is connected to { $subject }
database-not-still = { $subject } changed while it was read
    .fix = Stop whoever writes, then verify again.
database-empty = { $subject } holds no documents, which proves nothing
    .fix = Check the name and the server.
database-equal = { $subject } is equal to { $from }: { $documents } documents
database-uncarriable = { $subject } cannot be carried: { $why ->
    [time-series] it is a time series collection
    [stored-functions] stored functions stay behind with the old database
    [name-too-long] its name would be longer than the server takes
    [database-name-too-long] the new name is longer than the 63 bytes that a server takes
    [database-name-differs-in-case] this database's name differs from the new one in upper and lower case only
   *[other] { $why }
    }
    .fix = Move it by hand, or choose another name, before the outage begins.
database-obstacles-unknown = the server does not tell whether all of { $subject } can be carried: { $why }
    .fix = `rehelm db list` as the same user shows what it may see. The migration asks again before it stops anything.
database-init-unknown = what { $subject } gives to the user of { $database } cannot be read from its script
    .fix = Compare `rehelm db users` with the product's documentation; the user is made with what the profile says.
database-init-roles = { $subject } gives the user of { $database } roles that the profile does not name: { $roles }
    .fix = The release's own initialisation adds them. If it does not run again, give them by hand, or add them to the profile's `renames`.
exec-check-failed = { $subject }: the check “{ $check }” { $why ->
    [no-pod] could not be made: none of its pods is ready
    [exit-code] ended with exit code { $code }
    [unexpected] says something else than expected ({ $expected })
    [lost] found nothing any more; before the stop it counted { $had }
   *[other] failed: { $why }
    }
    .fix = Run the command of the profile's `exec-checks` in the pod by hand and see what it says. --accept exec-check-failed goes on all the same.
exec-check-unasked = { $subject }: the check “{ $check }” was not made: { $why ->
    [not-run] { $words }
   *[other] this user may not run commands in pods
    }
    .fix = It is made again when the migration begins, with `get` and `create` of pods/exec. What it cannot show, see for yourself before you begin.
drop-unverified = { $subject } has no proven copy
    .fix = First: rehelm db verify { $subject } COPY
drop-not-equal = { $subject } and { $other } were not proven equal with nobody writing
    .fix = Look why: rehelm db verify, which names the documents that differ.
drop-too-old = the proof for { $subject } is from { $at }; it may be { $minutes } minutes old
    .fix = Prove it again: rehelm db verify
drop-changed-since = { $subject } is no longer what was proven to be in its copy
    .fix = Prove it again: rehelm db verify
drop-other-gone = { $other }, which { $subject } was proven equal to, is not there
    .fix = This may be the only copy. Look what happened to the other one.
connection-string-of-other-database = { $subject }: the connection string names the database { $have }, not { $want }
    .fix = Correct the secret, then run the command again.

## Release and addresses

release-pending = the release { $subject } is { $status }: a Helm of somebody else died, or still works
    .fix = Make sure that no Helm runs, then: helm rollback or helm uninstall, by the person who started it.
release-not-deployed = the release { $subject } is { $status }
    .fix = helm history shows why; then run the command again, or `rehelm rollback`.
address-missing = { $subject } has got no address
    .fix = The cloud gives load balancers their address: kubectl describe shows what it waits for.
address-kept = { $subject } has the address that users know: { $address }
address-changed = { $subject } has another address: { $new } instead of { $old }
    .fix = Change DNS: { $hosts } must point to { $new }.

## Verification

verify-release = { $severity ->
    [ok] release { $subject } is deployed
   *[other] release { $subject } is { $status }
 }
    .fix = helm history shows why.
verify-workloads = { $count ->
    [one] 1 workload is ready
   *[other] { $count } workloads are ready
 }
verify-workload = { $subject } is not ready
    .fix = kubectl describe shows why.
verify-volume = { $severity ->
    [ok] { $subject } is bound to its old volume { $volume }
   *[other] { $subject } is { $phase }, or not bound to its old volume { $volume }
 }
    .fix = Do not clean up. kubectl describe shows the claim; `rehelm rollback` goes back.
verify-secrets = { $count ->
    [one] 1 secret holds what it held
   *[other] { $count } secrets hold what they held
 }
verify-secret = { $subject } no longer holds what it held in the old install
    .fix = Compare with the backup; the release's pods may use the wrong password.
verify-database = { $severity ->
    [ok] database { $subject } is equal to { $from } as it was copied
   *[other] database { $subject } is not what was copied from { $from }
 }
    .fix = Do not clean up. Find out who changed it.
verify-database-source-changed = the old database { $subject } was written to after the copy: { $collections }
    .fix = Something still uses the old database. Find it before cleanup.
verify-host = { $severity ->
    [ok] { $subject } is served by the release: { $services }
   *[other] { $subject } is not served by the release: { $services }
 }
    .fix = Check the ingress and its service's pods.

## Cleanup

cleanup-during-rollback = { $subject } is on its way back
    .fix = Finish that first: rehelm rollback
cleanup-before-migrate = the migration of { $subject } is not done
    .fix = Cleanup comes after `rehelm migrate` and `rehelm verify`.
cleanup-soak = the soak time of { $subject } is not over: { $left } to go
    .fix = It gives you time to notice what is missing; --soak shortens it.

## The Kustomize build

kustomize-warning = kustomize says of { $subject }: { $text }
