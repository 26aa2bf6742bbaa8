## What `rehelm values derive` and `rehelm values diff` find. `$subject` is an object (`Kind/name`), or a value.

values-no-counterpart = { $subject } runs today, and the chart makes no such object
    .fix = { $fate ->
        [secret] Nothing reads it from the chart; `rehelm` brings over the secrets of the profile.
        [data] It holds data and stays where it is.
        [cluster] It belongs to the whole cluster and stays; look at who it serves before you clean up.
        [workload] It would run beside the release: decide whether it is still needed, and apply it by hand.
       *[apply] If it is still needed, apply it beside the release: with `--post-renderer DIR` it is in DIR/only-today.yaml.
    }
values-feature-off = { $subject } runs today; the chart leaves it out unless { $values } says otherwise
    .fix = The derived values switch it on.
values-object-off = { $subject } exists today; the chart leaves it out unless { $values } says otherwise
    .fix = The derived values switch it on.
values-replicas = { $subject } would be scaled otherwise by the chart: { $fields }
    .fix = { $kept ->
        [yes] The derived values keep today's number.
       *[no] No value keeps it: look at the report.
    }
values-resources = { $subject } would get other resources by the chart: { $fields }
    .fix = { $kept ->
        [yes] The derived values keep today's.
       *[no] Not all of it is kept: look at the report.
    }
values-env-lost = { $subject } would lose settings with the chart's own values: { $fields }
    .fix = { $kept ->
        [yes] The derived values keep them.
       *[no] Not all of them are kept: look at the report.
    }
values-scheme = { $subject } would speak another protocol: { $fields }
    .fix = { $kept ->
        [yes] The derived values keep today's.
       *[no] Check where TLS ends before you migrate.
    }
values-sticky = { $subject } would treat sessions otherwise: { $fields }
    .fix = { $kept ->
        [yes] The derived values keep today's.
       *[no] Users may lose sessions: carry it with a post-renderer.
    }
values-image = { $subject } would run another image: { $fields }
    .fix = { $kept ->
        [yes] The derived values keep today's.
       *[no] Bring both sides to the same version first, or change the image by a post-renderer.
    }
values-hook = { $count } differences are in hooks, which a post-renderer never sees before Helm 3.21
    .fix = Use Helm 3.21 or newer, or accept what the chart's hooks do.
values-conflict = { $subject } is wished to be different things: { $wishes }
    .fix = Choose one and write it into your values file; the post-renderer can carry the other.
values-secret-empty = { $subject } is rendered from { $values }, which nobody has given: an install writes it empty{ $used ->
        [yes] , and what runs today reads it
       *[no] {""}
    }
    .fix = Give its content (from the running secret), or name an existing secret where the chart takes one.
values-secret-existing = { $subject } is not rendered: { $value } names { $name }, which today's workloads read
    .fix = Have { $name } in the release's namespace before the install; `rehelm` brings over the secrets of the profile.
values-hinted = { $subject } takes { $field } from { $value }: the profile says so, the render confirmed it, and no probe had found it
    .fix = Nothing; it is marked because a person wrote it into the profile.

## Classes and reasons in the report.

values-class-by-design = meant to be so
values-class-chart-cannot = the chart cannot express it
values-class-needs-person = needs a person
values-class-unknown = unknown

values-why-label = labels, annotations and selectors that mark what belongs to the release
values-why-checksum = checksums over other objects
values-why-random = another content at each render
values-why-renamed = names of objects that are called otherwise
values-why-moved = addresses in the old namespace
values-why-fixed = the chart writes it itself
values-why-form = a value reaches it, but cannot make it so
values-why-conflict = other fields want the same value to be something else
values-why-side-effects = the chart refused it, or other fields became wrong
values-why-secret = the content of a secret
values-why-given = the given values say otherwise
values-why-no-object = the chart makes no such object
values-why-switch = the chart can make it, but its switch could not be thrown
values-why-stays = belongs to the cluster, or holds data, and stays
values-why-no-effect = it was tried and had no effect
values-why-settable = a value can make it so: `rehelm values derive` finds it
