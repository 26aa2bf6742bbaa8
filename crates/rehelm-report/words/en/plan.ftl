## The text of `rehelm plan` and `rehelm show`.

plan-title = { $release } (context { $context })
plan-move = kustomize { $source } → chart { $chart } { $version }
plan-profile = profile { $profile }

plan-objects = { $count ->
    [one] 1 object
   *[other] { $count } objects
 }
verdict-move = { $count } move
verdict-adopt = { $count } adopt in place
verdict-recreate = { $count } recreate
verdict-new = { $count } new
verdict-retire = { $count } retire at cleanup
verdict-keep = { $count } keep
verdict-leave = { $count } leave alone

plan-legend = = adopt   ~ change   + new   » copy data   x remove   ? you   ! outage

phase-prepare = Prepare
phase-migrate = Migrate
phase-verify = Verify
phase-cleanup = Cleanup
phase-rollback = Roll back
plan-no-outage = no outage
plan-outage = outage { $time }
plan-outage-unknown = outage

outage-begins = outage begins
outage-ends = outage ends
undo-yes = undo: { $how }
undo-nothing = leaves nothing to undo
undo-never = cannot be undone
waits-for-you = waits for you

plan-none = Nothing to do.
plan-steps = { $count ->
    [one] 1 step
   *[other] { $count } steps
 } in { $phases ->
    [one] 1 phase
   *[other] { $phases } phases
 }.
plan-sum-outage = Outage { $time }.
plan-sum-never = { $count ->
    [one] 1 step cannot be undone ({ $which }).
   *[other] { $count } steps cannot be undone ({ $which }).
 }
plan-sum-you = { $count ->
    [one] 1 step waits for you ({ $which }).
   *[other] { $count } steps wait for you ({ $which }).
 }
plan-findings = { $errors ->
    [0] { $warnings ->
        [one] 1 warning
       *[other] { $warnings } warnings
     }
    [one] 1 error, { $warnings ->
        [one] 1 warning
       *[other] { $warnings } warnings
     }
   *[other] { $errors } errors, { $warnings ->
        [one] 1 warning
       *[other] { $warnings } warnings
     }
 }
plan-waived = waived: { $which }

show-assumes = Assumes
show-does = Does
show-touches = Touches
show-commands = A person would type
show-proves = Proves
show-undo = Undo
