//! Whole migrations under exactly the roles that `plan -o rbac` prints, and under those roles less one right.

use std::collections::BTreeSet;

use libtest_mimic::Trial;
use rehelm_core::object::Object;
use rehelm_core::rights::Duty;
use rehelm_sim::Identity;
use serde_json::{Value, json};

use crate::scene::Scene;
use crate::trial;

/// Products with the words that `plan` needs for them.
const PRODUCTS: [(&str, &str); 2] = [
    ("example", "--fill-values"),
    ("aws", "--fill-values --confirm snapshots --accept volume-value-differs"),
];

/// Verbs that change something.
const VERBS: [(Duty, &str); 4] = [
    (Duty::Prepare, "prepare --yes"),
    (Duty::Migrate, "migrate --yes"),
    (Duty::Rollback, "rollback --yes"),
    (Duty::Cleanup, "cleanup --yes-irreversible"),
];

/// Of a large product one rule of so many is tried in each test run; `GUARD_ALL=1` tries every one.
const SAMPLE: usize = 12;

pub fn trials() -> Vec<Trial> {
    let mut all = Vec::new();
    for (product, words) in PRODUCTS {
        all.push(trial(
            format!("rights::{product}::enough_for_there_and_cleanup"),
            move || there(product, words),
        ));
        all.push(trial(
            format!("rights::{product}::enough_for_the_way_back"),
            move || back(product, words),
        ));
        // Setting up the large one takes a while; the two that change most stand for the others.
        let short = product != "example";
        for (duty, line) in VERBS
            .into_iter()
            .filter(|(duty, _)| !short || [Duty::Migrate, Duty::Rollback].contains(duty))
        {
            all.push(trial(format!("rights::{product}::{duty}_less_one"), move || {
                less(product, words, duty, line)
            }));
        }
    }
    all.push(trial("rights::kinds_with_a_plural_of_their_own", odd_plural));
    all
}

/// A kind whose plural no rule would guess.
const MICE: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: mice.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Mouse, plural: mice, singular: mouse}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

/// A product with an object of that kind, there and cleaned up under the roles that are printed for it.
fn odd_plural() -> Result<(), String> {
    let (product, words) = PRODUCTS[0];
    let Some(scene) = Scene::open(product)? else {
        return Ok(());
    };
    let mouse = format!(
        "apiVersion: example.com/v1\nkind: Mouse\nmetadata: {{name: jerry, namespace: {}}}\nspec: {{cheese: 3}}\n",
        scene.stage.settings.source_namespace
    );
    scene.apply(MICE)?;
    scene.apply(&mouse)?;
    let base = scene.folder.join("kustomize/base");
    let list = base.join("kustomization.yaml");
    let own = std::fs::read_to_string(&list).map_err(|e| format!("{list}: {e}"))?;
    std::fs::write(base.join("mouse.yaml"), mouse).map_err(|e| e.to_string())?;
    std::fs::write(&list, own.replace("resources: [", "resources: [mouse.yaml, ")).map_err(|e| e.to_string())?;
    let cast = Cast::on(scene, words)?;
    let of_mice = |role: &&Object| {
        let rules = role.get("/rules").and_then(Value::as_array);
        let mut resources = rules.into_iter().flatten().flat_map(|rule| texts(rule, "resources"));
        resources.any(|resource| resource == "mice")
    };
    if !cast.roles.iter().any(|role| of_mice(&role)) {
        return Err(format!("no role speaks of mice: {:?}", cast.roles));
    }
    there_with(&cast, words)
}

/// A product whose roles are applied, and who has them.
struct Cast {
    scene: Scene,
    roles: Vec<Object>,
    namespace: String,
    release: String,
}

impl Cast {
    fn open(product: &str, words: &str) -> Result<Option<Self>, String> {
        match Scene::open(product)? {
            Some(scene) => Self::on(scene, words).map(Some),
            None => Ok(None),
        }
    }

    fn on(scene: Scene, words: &str) -> Result<Self, String> {
        let said = scene.rehelm(&format!("plan -o rbac {words} --quiet"));
        if ![0, 3].contains(&said.code) {
            return Err(said.text);
        }
        let text = said.text.split("\nSaved ").next().unwrap_or_default();
        let roles = rehelm_core::yaml::parse_documents(text, "rbac").map_err(|e| format!("{e}\n{text}"))?;
        scene.apply(text)?;
        Ok(Self {
            namespace: scene.stage.settings.source_namespace.clone(),
            release: scene.stage.settings.release.clone(),
            roles: roles.into_iter().map(Object).collect(),
            scene,
        })
    }

    fn play(&self, duty: Duty) {
        let name = format!("rehelm-{}-{duty}", self.release);
        self.scene.act_as(Identity::service_account(&self.namespace, &name));
        self.scene.stage.sim.forget_requests();
    }

    /// A verb under a duty's rights; nothing that it asks for is forbidden.
    fn act(&self, duty: Duty, line: &str, code: u8) -> Result<(), String> {
        self.play(duty);
        let said = self.scene.rehelm(line);
        let forbidden: BTreeSet<String> = self.scene.forbidden().iter().map(|r| format!("{r:?}")).collect();
        if !forbidden.is_empty() {
            let list: Vec<String> = forbidden.into_iter().collect();
            return Err(format!("{line}: forbidden:\n{}\n\n{}", list.join("\n"), said.text));
        }
        said.check(code, &[]).map(drop).map_err(|why| format!("{line}: {why}"))
    }
}

fn there(product: &str, words: &str) -> Result<(), String> {
    let Some(cast) = Cast::open(product, words)? else {
        return Ok(());
    };
    there_with(&cast, words)
}

fn there_with(cast: &Cast, words: &str) -> Result<(), String> {
    cast.act(Duty::Read, &format!("plan {words} --accept right-missing"), 0)?;
    cast.act(Duty::Prepare, "prepare --yes", 0)?;
    cast.act(Duty::Migrate, "migrate --yes", 0)?;
    cast.act(Duty::Read, "verify", 0)?;
    cast.act(Duty::Read, "status", 0)?;
    cast.scene.stage.soak();
    cast.act(Duty::Cleanup, "cleanup --yes-irreversible", 0)
}

fn back(product: &str, words: &str) -> Result<(), String> {
    let Some(cast) = Cast::open(product, words)? else {
        return Ok(());
    };
    let before = rehelm::rehearsal::compare::picture(cast.scene.stage.sim.shared_objects());
    cast.act(Duty::Read, &format!("plan {words} --accept right-missing"), 0)?;
    cast.act(Duty::Prepare, "prepare --yes", 0)?;
    cast.act(Duty::Migrate, "migrate --yes", 0)?;
    cast.act(Duty::Rollback, "rollback --yes --drop-copies", 0)?;
    let now = rehelm::rehearsal::compare::picture(cast.scene.stage.sim.shared_objects());
    let differ = rehelm::rehearsal::compare::differences(&before, &now);
    if differ.is_empty() {
        return Ok(());
    }
    Err(format!("not as before:\n{}", differ.join("\n")))
}

/// Every verb on every resource of every rule is taken away once: the preflight misses it, and nothing is changed.
fn less(product: &str, words: &str, duty: Duty, line: &str) -> Result<(), String> {
    let Some(cast) = Cast::open(product, words)? else {
        return Ok(());
    };
    cast.scene.act_as(Identity::admin());
    cast.scene.rehelm(&format!("plan {words}")).check(0, &[])?;
    let name = format!("rehelm-{}-{duty}", cast.release);
    let every = product == "example" || std::env::var_os("GUARD_ALL").is_some();
    let (mut tried, mut met) = (0, 0);
    for role in cast
        .roles
        .iter()
        .filter(|r| r.name() == name && r.get("/rules").is_some())
    {
        let rules = role
            .get("/rules")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        for (index, verb, resource) in singles(&rules) {
            met += 1;
            if !every && met % SAMPLE != 1 {
                continue;
            }
            tried += 1;
            let left = without(&rules, index, &verb, &resource);
            cast.scene.patch(&role.reference(), &json!({"rules": left}))?;
            cast.play(duty);
            let said = cast.scene.rehelm(line);
            // Whether the run is known elsewhere is looked at before the preflight; that names the right as well.
            let word = match said.text.contains("right-missing") {
                false if (verb.as_str(), resource.as_str()) == ("get", "configmaps") => "not allowed",
                _ => "right-missing",
            };
            said.check(3, &[word, &verb, &resource])
                .map_err(|why| format!("without {verb} {resource} in {}: {why}", role.reference()))?;
            let writes = cast.scene.writes();
            if !writes.is_empty() {
                return Err(format!("without {verb} {resource}, there were writes: {writes:?}"));
            }
        }
        cast.scene.patch(&role.reference(), &json!({"rules": rules}))?;
    }
    eprintln!("{product} {duty}: {tried} of {met} rights taken away, each missed before anything changed");
    if tried < 5 {
        return Err(format!("only {tried} rights"));
    }
    Ok(())
}

fn texts(rule: &Value, key: &str) -> Vec<String> {
    let list = rule.get(key).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// Rule, verb and resource, each combination once.
fn singles(rules: &[Value]) -> Vec<(usize, String, String)> {
    let mut all = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        for resource in texts(rule, "resources") {
            all.extend(
                texts(rule, "verbs")
                    .into_iter()
                    .map(|verb| (index, verb, resource.clone())),
            );
        }
    }
    all
}

fn without(rules: &[Value], index: usize, verb: &str, resource: &str) -> Vec<Value> {
    let mut left = Vec::new();
    for (i, rule) in rules.iter().enumerate() {
        if i != index {
            left.push(rule.clone());
            continue;
        }
        let others =
            |key: &str, but: &str| -> Vec<String> { texts(rule, key).into_iter().filter(|t| t != but).collect() };
        let (resources, verbs) = (others("resources", resource), others("verbs", verb));
        if !resources.is_empty() {
            let mut same = rule.clone();
            same["resources"] = json!(resources);
            left.push(same);
        }
        if !verbs.is_empty() {
            let mut same = rule.clone();
            same["resources"] = json!([resource]);
            same["verbs"] = json!(verbs);
            left.push(same);
        }
    }
    left
}
