## Every kind of step: what it does in one line, what it assumes, how it is proved, how it is taken back.
## Facts: the fields of the step; lists and mappings as how many they hold.

step-backup = { $objects } objects, { $secrets } secrets → .rehelm/backup{ $sealed ->
    [yes] , sealed with age
   *[other] {""}
 }
    .note = only reads the cluster
    .assumes = Nothing is changed yet.
    .does = Writes every object that will be touched, as it is now, into .rehelm/backup (readable by you only).
        A file that is there is never overwritten: on a second run the cluster may show rehelm's own changes.
    .proves = Every file is read back.
step-namespace = { $name }{ $exists ->
    [yes] , is there already
   *[other] , to be created
 }
    .note = stays
    .undo = remove it, if it is empty
    .assumes = The namespace is not being deleted.
    .does = Creates the release's namespace.
    .proves = It is Active.
step-secrets = { $secrets ->
    [one] 1 secret, converted
   *[other] { $secrets } secrets, converted
 }
    .undo = remove the converted secrets
    .assumes = The old install's secrets are as they were planned.
    .does = Reads the old install's secrets, converts them by the profile's rules and creates them for the release.
        One that is there already is accepted only with the same content.
    .proves = Content is compared with the old install's.
step-retain = { $volumes ->
    [one] 1 volume → Retain
   *[other] { $volumes } volumes → Retain
 }
    .undo = restore the policy
    .assumes = The volumes are bound to the old install's claims.
    .does = Sets the reclaim policy to Retain and notes the original one, in one write per volume.
    .proves = The policy is read back.
step-claims = { $claims ->
    [one] 1 claim that waits for its volume
   *[other] { $claims } claims that wait for their volumes
 }
    .undo = remove the waiting claims
    .assumes = The volumes are held by the old claims, so nothing can be taken and nothing is provisioned.
    .does = Creates the release's claims; each names its volume and waits.
    .proves = They are Pending and name the right volume.
step-adopt = { $objects ->
    [one] 1 cluster-wide object gets the release's ownership
   *[other] { $objects } cluster-wide objects get the release's ownership
 }
    .undo = bring back the before-images
    .assumes = No other release owns them.
    .does = Writes only Helm's labels and annotations: subjects, rules and parameters stay, the old install keeps its rights.
    .proves = Ownership is read back.
step-displace = { $objects ->
    [one] 1 object steps aside for the release's own
   *[other] { $objects } objects step aside for the release's own
 }
    .undo = bring them back
    .assumes = The old install is stopped, and the backup holds them.
    .does = Deletes each: a controller that sees two of them in the cluster ignores both.
    .proves = None of them is there any more.
step-recreate = { $objects ->
    [one] 1 object replaced, a field differs that cannot be changed
   *[other] { $objects } objects replaced, fields differ that cannot be changed
 }
    .undo = bring back the before-images
    .assumes = They are the very objects that were planned for.
    .does = Deletes each and creates it in the release's form.
    .proves = The fields are read back.
step-dry-run = the server is asked about { $objects } objects of the release
    .note = read only
    .assumes = Secrets, claims and adopted objects are in place.
    .does = Sends every object of the release as a dry-run, then asks Helm for its own.
    .proves = The server accepts all of them.
step-images = { $proven } images known to be there, { $unproven } to be tried
    .note = leaves nothing behind
    .assumes = Pods may be created in the old install's namespace.
    .does = Tries the images that no node has yet with a probe pod each; the pods are removed.
    .proves = Every image got past pulling.
step-scale = { $workloads ->
    [one] 1 workload → 0
   *[other] { $workloads } workloads → 0
 }
    .undo = start everything as it was
    .assumes = Workloads are the ones that were planned for.
    .does = Notes what every declared workload was, then stops all of them side by side.
    .proves = No pod of theirs is left, and their volumes are detached.
step-copy = { $databases ->
    [one] 1 database
   *[other] { $databases } databases
 }{ $size ->
    [unknown] {""}
   *[other] , { $size }
 }
    .undo = drop the copies, if you say so
    .assumes = Nothing writes to the databases any more.
    .does = Copies every database under its new name and makes its user with the existing password.
    .proves = Counts, contents, indexes and options of both sides are equal; every user can log in.
step-rebind = { $volumes ->
    [one] 1 volume handed to the release's claim
   *[other] { $volumes } volumes handed to the release's claims
 }
    .undo = hand them back
    .assumes = No pod uses the volumes; they are kept (Retain).
    .does = Deletes the old claim, points the volume at the waiting claim by its uid, and wakes the claim.
        The volume is never free for anyone else.
    .proves = The release's claims are bound to the same volumes.
step-release = helm upgrade --install
    .undo = remove what only the release made
    .assumes = The dry run passed.
    .does = Installs the release. Helm does not wait; the next step does, and explains.
    .proves = Helm calls the release deployed.
step-ready = { $workloads ->
    [one] 1 workload is up
   *[other] { $workloads } workloads are up
 }
    .note = read only
    .assumes = The release is installed.
    .does = Waits for all workloads together. What does not come up is explained in one line each.
    .proves = Every workload is ready.
step-switch = { $services ->
    [0] addresses and DNS
    [one] the address of 1 service compared, DNS
   *[other] the addresses of { $services } services compared, DNS
 }
    .note = you change DNS if it says so
    .assumes = The release serves.
    .does = Waits for the new address, compares it with the old one and says which names must point where.
    .proves = Nothing: DNS is yours.
step-retire = { $objects } objects{ $databases ->
    [0] {""}
    [one] {" "}and 1 database removed
   *[other] {" "}and { $databases } databases removed
 }
    .assumes = `rehelm verify` passed, and the soak time is over.
    .does = Removes the old databases, then every object of the old install that nothing else needs, each by its uid.
    .proves = They are gone.

## What the live view says while a step runs

tick-workloads-ready = workloads ready
tick-backup = objects saved
tick-retire = objects removed
tick-dry-run = objects accepted
tick-pods-ending = pods still ending
