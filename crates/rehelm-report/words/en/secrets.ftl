## What the conversion of secrets finds. `$subject` is a file, or a secret.

secret-missing = { $subject } is missing: no file { $file } and no file with that object
    .fix = Save it from the cluster (kubectl get secret { $subject } -o yaml) into { $file }, or convert with --from cluster.
secret-optional-missing = { $subject } is not there: { $why }
    .fix = Nothing, if you do not use it.
secret-duplicate = { $subject } is there more than once, with different content: { $files }
    .fix = Keep the file with the current content; remove the others.
secret-duplicate-equal = { $subject } is there more than once, with the same content: { $files }
secret-wrong-kind = { $subject } holds a { $kind } where a Secret is expected
    .fix = Put the secret's manifest into this file.
secret-data-unreadable = { $subject }: the secret cannot be read: { $why }
    .fix = Save it from the cluster again.
secret-key-missing = { $severity ->
    [ok] every key that the release's pods need will be there
   *[other] { $subject } has no key { $key }
 }
    .fix = Look into the running install: the key has to be there.
secret-group-unknown = the profile has no group of secrets { $subject }
    .fix = See `rehelm secrets convert --help` for its groups.
secret-group-off = { $subject } belongs to { $group }, which is not switched on
    .fix = Add --{ $group } if the release uses it.
secret-unknown = { $subject } is no secret that this product's chart knows; it is left out
    .fix = Copy it by hand if something of yours uses it.
secret-named-otherwise = { $subject } holds the secret { $secret }, its file's name says { $expected }
    .fix = Check that the content is that of { $expected }.
secret-not-carried = { $subject } is not carried over: { $why }
secret-without-data = { $subject } has no data
    .fix = Check that the running install's secret is empty as well.
secret-value-not-text = { $subject }: the value of { $key } is no text but { $type }
    .fix = Quote it, if it is meant as text.
secret-value-not-base64 = { $subject }: the value of { $key } is not base64
    .fix = Values under data are base64; plain ones belong under stringData.
secret-string-data = { $subject } has plain values under stringData; they are taken as they are
secret-file-unreadable = { $subject } is not YAML: { $why }
    .fix = Mend the file, or save the secret from the cluster again.
secret-file-empty = { $subject } is empty
    .fix = Save the secret from the cluster again.
secret-file-many = { $subject } holds { $documents } documents; all are read
secret-not-an-object = { $subject }, document { $document }: { $why }
    .fix = Every document must be a manifest with metadata.
secret-head-completed = { $subject } does not say what it is; taken for a v1 Secret
connection-string-unreadable = { $subject }: the connection string in { $key } cannot be read: { $why }
    .fix = It must look like mongodb://USER:PASSWORD@HOST/DATABASE.
connection-string-named-otherwise = { $subject }: the { $part } in { $key } is not the one that is renamed; it stays
    .fix = Check that this user and this database exist in the running install.
connection-string-part-kept = { $subject }: the { $part } in { $key } keeps its name
manifest-not-an-object = { $subject }, document { $document } is no manifest: { $why }
    .fix = Remove the document, or give it apiVersion, kind and metadata.name.
secret-file-ignored = { $subject } is no manifest; it is left out
