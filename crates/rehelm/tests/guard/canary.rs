//! Sixty secrets that occur nowhere else go through a whole migration, a failure and a way back; then everything that was
//! printed, written to disk or handed to a child is searched for them, plain and encoded.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use libtest_mimic::Trial;
use rehelm_core::object::Object;
use rehelm_core::ports::ReleaseSpec;
use rehelm_core::rights::Duty;
use rehelm_sim::Identity;
use serde_json::{Value, json};

use crate::scene::Scene;
use crate::{children, trial};

/// Public half of a key that nobody has.
const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

pub fn trials() -> Vec<Trial> {
    vec![
        trial("canary::a_whole_migration_repeats_no_secret", migration),
        trial("canary::a_panic_repeats_no_secret", panics),
    ]
}

/// The n-th secret, with characters that connection strings and URLs encode.
fn canary(n: usize) -> String {
    format!("c4n4ry{n:03}/+{}", n * 7919 % 1000)
}

/// The forms in which a secret could come out: as it is, in a URL, and as part of something in base64.
fn forms(secret: &str) -> Vec<String> {
    let url: String = secret.replace('/', "%2F").replace('+', "%2B");
    // In base64 what stands before it shifts the groups of three bytes; only whole groups of its own are looked for.
    let encoded = [secret, &url].map(|text| {
        (0..3).map(move |before| {
            let encoded = STANDARD_NO_PAD.encode(format!("{}{text}", "x".repeat(before)));
            let (skip, whole) = (before.div_ceil(3) * 4, (before + text.len()) / 3 * 4);
            encoded[skip..whole].to_owned()
        })
    });
    let encoded = encoded.into_iter().flatten();
    encoded.chain([secret.to_owned(), url.clone()]).collect()
}

fn secrets() -> (Vec<Value>, usize) {
    let mut count = 0;
    let mut next = || {
        count += 1;
        canary(count)
    };
    let uri = |password: &str, name: &str| {
        let password = password.replace('/', "%2F").replace('+', "%2B");
        format!("mongodb://{name}:{password}@mongodb.data.svc.cluster.local:27017/{name}")
    };
    let mut all = Vec::new();
    for (name, key) in [("notes-session", "key"), ("notes-mail", "password")] {
        let mut data = serde_json::Map::new();
        data.insert(key.to_owned(), STANDARD.encode(next()).into());
        for n in 0..24 {
            data.insert(format!("more-{n}"), STANDARD.encode(next()).into());
        }
        all.push(secret(name, "Opaque", Value::Object(data)));
    }
    for (name, user) in [("notes-database", "notes"), ("notes-archive-writer", "archive-writer")] {
        let data = json!({"connection-string": STANDARD.encode(uri(&next(), user)), "beside": STANDARD.encode(next())});
        all.push(secret(name, "Opaque", data));
    }
    let login = json!({"auths": {"registry.example": {"username": "practice", "password": next(), "auth": next()}}});
    let login = json!({".dockerconfigjson": STANDARD.encode(login.to_string())});
    all.push(secret("notes-registry", "kubernetes.io/dockerconfigjson", login));
    (all, count)
}

fn secret(name: &str, kind: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": kind,
           "metadata": {"name": name, "namespace": "notes-old"}, "data": data})
}

fn migration() -> Result<(), String> {
    let scene = Scene::open("example")?.ok_or("the example is part of the project")?;
    let (manifests, count) = secrets();
    scene.apply(&rehelm_core::yaml::to_string_documents(&manifests))?;
    // The search itself: in the cluster they are, and it finds every one.
    let cluster = serde_json::to_vec(&scene.stage.sim.objects()).map_err(|e| e.to_string())?;
    let lost = (1..=count)
        .map(canary)
        .find(|secret| !forms(secret).iter().any(|form| contains(&cluster, form)));
    if let Some(secret) = lost {
        return Err(format!("{secret} is not found where it is"));
    }
    // A user's own values may hold secrets, too: they are the user's file, and nothing else may repeat them.
    let in_values = canary(900);
    let values = scene.folder.join("values_prod.yaml");
    let text = std::fs::read_to_string(&values).map_err(|e| e.to_string())?;
    std::fs::write(&values, format!("{text}sessionSalt: {in_values:?}\n")).map_err(|e| e.to_string())?;
    let config = scene.folder.join("rehelm.yaml");
    let text = std::fs::read_to_string(&config).map_err(|e| e.to_string())?;
    std::fs::write(&config, format!("{text}backup: {{recipients: [{RECIPIENT}]}}\n")).map_err(|e| e.to_string())?;
    for input in ["applied.yaml", "secrets"] {
        let path = scene.folder.join(input);
        let removed = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        removed.map_err(|e| e.to_string())?;
    }

    let mut said = String::new();
    let mut act = |line: &str, codes: &[u8]| {
        let answer = scene.rehelm(line);
        said.push_str(&answer.text);
        match codes.contains(&answer.code) {
            true => Ok(()),
            false => Err(format!("{line}: exit code {}\n{}", answer.code, answer.text)),
        }
    };
    act("check --fill-values -o json", &[0])?;
    act("plan --fill-values -o json", &[0])?;
    act("plan --fill-values -o wide", &[0])?;
    act("plan --fill-values -o rbac", &[0])?;
    for step in ["backup", "secrets", "copy", "release", "adopt", "recreate"] {
        act(&format!("show {step}"), &[0])?;
        act(&format!("show {step} -o json"), &[0, 2])?;
    }
    act("prepare --yes -o jsonl", &[0])?;
    scene
        .stage
        .sim
        .fault(rehelm::rehearsal::fault::parse("pod=notes/web-:crash")?);
    act("migrate --yes --ready-timeout 2m", &[4])?;
    scene.stage.sim.mend();
    act("status -o json", &[0])?;
    act("rollback --yes --drop-copies -o jsonl", &[0])?;
    act("status", &[0])?;
    act("plan --fill-values", &[0])?;
    act("prepare --yes", &[0])?;
    act("migrate --yes", &[0])?;
    act("verify -o json", &[0])?;
    scene.stage.soak();
    act("cleanup --yes-irreversible", &[0])?;
    act("status -o yaml", &[0])?;
    // A connection string that cannot be read, and a right that is missing: errors of their own.
    let broken = json!({"data": {"connection-string": STANDARD.encode(format!("mongodb://x:{}@@[::", canary(1)))}});
    let mut broken_secret = manifests[3].clone();
    broken_secret["data"] = broken["data"].clone();
    scene.apply(&rehelm_core::yaml::to_string(&broken_secret))?;
    act("plan --fill-values", &[0, 1, 3])?;
    scene.act_as(Identity::service_account("notes-old", Duty::Read.name()));
    act("plan --fill-values", &[3])?;
    std::fs::remove_file(scene.folder.join("applied.yaml")).map_err(|e| e.to_string())?;

    let mut places = vec![("what was printed".to_owned(), said.into_bytes())];
    places.push(("what children were started with".to_owned(), children::records()));
    places.extend(
        files(&scene.folder)
            .into_iter()
            .filter(|(name, _)| name != "values_prod.yaml"),
    );
    if places.len() < 10 || !contains(&places[1].1, "upgrade") {
        return Err(format!("only {} places", places.len()));
    }
    let mut found = Vec::new();
    let all = (1..=count).map(canary).chain([in_values]);
    for secret in all {
        for form in forms(&secret) {
            for (name, content) in &places {
                if contains(content, &form) {
                    found.push(format!("{form} of {secret} in {name}"));
                }
            }
        }
    }
    eprintln!("{} secrets, {} places", count + 1, places.len());
    match found.is_empty() {
        true => Ok(()),
        false => Err(found.join("\n")),
    }
}

fn contains(content: &[u8], text: &str) -> bool {
    content.windows(text.len()).any(|window| window == text.as_bytes())
}

fn files(root: &camino::Utf8Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir_utf8().expect("readable").flatten() {
            let path = entry.path().to_owned();
            match entry.file_type().expect("known").is_dir() {
                true => folders.push(path),
                false => {
                    let name = path.strip_prefix(root).expect("below").to_string();
                    all.push((name, std::fs::read(&path).expect("readable")));
                }
            }
        }
    }
    all
}

/// What a panic would show of values at hand when it happens.
fn panics() -> Result<(), String> {
    let secret = canary(1);
    let object = Object(secret_object(&secret));
    let spec = ReleaseSpec {
        release: "notes".to_owned(),
        namespace: "notes".to_owned(),
        chart: "chart".to_owned(),
        version: None,
        values: Vec::new(),
        private_values: Some(json!({"password": secret})),
        flags: Vec::new(),
    };
    let user = rehelm_core::ports::DatabaseUser {
        name: "notes".to_owned(),
        database: "notes".to_owned(),
        password: secret.clone().into(),
        roles: Vec::new(),
    };
    let uri = format!(
        "mongodb://notes:{}@db/notes",
        secret.replace('/', "%2F").replace('+', "%2B")
    );
    let uri = rehelm_core::mongo_uri::ConnectionString::parse(&uri).map_err(|e| e.to_string())?;
    let source = rehelm_core::secrets::SourceSecret::live(object.clone());
    let text = format!("{object:?} {spec:?} {user:?} {uri:?} {source:?}");
    match forms(&secret).into_iter().find(|form| text.contains(form.as_str())) {
        Some(form) => Err(format!("{form} is shown: {text}")),
        None => Ok(()),
    }
}

fn secret_object(content: &str) -> Value {
    secret("notes-mail", "Opaque", json!({"password": STANDARD.encode(content)}))
}
