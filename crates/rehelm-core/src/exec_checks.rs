//! Commands in the product's own containers that show whether data is where it must be: on disk before the old install stops,
//! there again when the release runs.
//!
//! What is asked is data of the profile. A command runs in the pod with what the pod knows: a password that it needs is the
//! pod's own and never comes here. **What a command says is compared and thrown away**: no finding, journal or log holds it.

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::object::{ObjRef, Object};
use crate::pods;
use crate::ports::{Access, Cluster, Executed, PortError, PortResult, Select};
use crate::steps::{accesses, inside_pods, on};

/// When a command is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// In the old install: by `check`, and again before it stops.
    BeforeStop,
    /// In the release, when everything is up.
    AfterStart,
}

/// One command and what it must say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExecCheck {
    /// What a person calls it.
    pub name: String,
    /// When it is asked.
    pub when: Vec<When>,
    /// `Kind/name` of the workload in whose ready pods it runs.
    pub workload: String,
    /// The container; the pod's first one when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Regular expressions that its output must match, each of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expects: Vec<String>,
    /// A regular expression whose first group is a number of things. When there were some before the stop, there must be
    /// some afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<String>,
}

impl ExecCheck {
    /// True when it is asked then.
    pub fn at(&self, when: When) -> bool {
        self.when.contains(&when)
    }

    /// Refuses what cannot be meant.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn sensible(&self) -> Result<(), String> {
        let no = |why: String| Err(format!("exec check `{}`: {why}", self.name));
        if self.command.is_empty() || self.when.is_empty() {
            return no("it needs a `command` and a `when`".to_owned());
        }
        if self.expects.is_empty() && self.count.is_none() {
            return no("it needs something under `expects`, or a `count`".to_owned());
        }
        if !matches!(self.workload.split_once('/'), Some(("Deployment" | "StatefulSet" | "DaemonSet", name)) if !name.is_empty())
        {
            return no(format!(
                "`{}` is no Deployment/name, StatefulSet/name or DaemonSet/name",
                self.workload
            ));
        }
        for text in self.expects.iter().chain(&self.count) {
            match Regex::new(text) {
                Err(error) => return no(error.to_string()),
                Ok(found) if Some(text) == self.count.as_ref() && found.captures_len() < 2 => {
                    return no(format!("`{text}` has no group that is a number"));
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }

    fn reference(&self, namespace: &str) -> ObjRef {
        let (kind, name) = self.workload.split_once('/').unwrap_or(("Deployment", &self.workload));
        ObjRef::new("apps/v1", kind, Some(namespace), name)
    }
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// What is not as it must be, or could not be asked.
    pub findings: Vec<Finding>,
    /// The number that was read, of all pods together.
    pub count: Option<u64>,
}

impl Answer {
    /// True when it is certain that something is wrong.
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|f| f.code == FAILED)
    }
}

/// Code of what is wrong; waived with `--accept`.
pub const FAILED: &str = "exec-check-failed";
/// Code of what could not be asked.
pub const UNASKED: &str = "exec-check-unasked";

/// Runs a check in every ready pod of its workload.
///
/// # Errors
/// When the cluster does not answer; what it refuses is a finding.
pub async fn ask(cluster: &dyn Cluster, namespace: &str, check: &ExecCheck) -> PortResult<Answer> {
    let workload = check.reference(namespace);
    let said = |finding: Finding, why: &str| Answer {
        findings: vec![finding.arg("check", &check.name).arg("why", why)],
        count: None,
    };
    // An install may do without it; one that does not run says nothing either.
    let Some(live) = cluster.get(&workload).await? else {
        return Ok(Answer::default());
    };
    if live.get("/spec/replicas") == Some(&0.into()) {
        return Ok(Answer::default());
    }
    let select = Select {
        namespace: Some(namespace.to_owned()),
        ..Select::default()
    };
    let all = cluster.list("v1", "Pod", &select).await?;
    let mut found: Vec<&Object> = all
        .iter()
        .filter(|pod| pods::belongs(pod, &live) && running(pod))
        .collect();
    found.sort_by(|a, b| a.name().cmp(b.name()));
    if found.is_empty() {
        return Ok(said(Finding::error(FAILED, workload.to_string()), "no-pod"));
    }
    if !may_run(cluster, namespace).await? {
        return Ok(said(Finding::warning(UNASKED, workload.to_string()), "not-allowed"));
    }
    let mut answer = Answer::default();
    for pod in found {
        let container = check.container.as_deref();
        match cluster.exec(&pod.reference(), container, &check.command).await {
            // Nothing runs in a simulated container.
            Ok(None) => {}
            Ok(Some(ended)) => judge(check, pod, &ended, &mut answer),
            Err(PortError::Forbidden(_)) => {
                return Ok(said(Finding::warning(UNASKED, workload.to_string()), "not-allowed"));
            }
            Err(
                PortError::Invalid(_, why)
                | PortError::NotFound(why)
                | PortError::Other(why)
                | PortError::Unavailable(why),
            ) => {
                // No way into the pod, or no such program in its image, says nothing of the data.
                let finding = Finding::warning(UNASKED, pod.reference().to_string());
                answer.findings.push(
                    finding
                        .arg("check", &check.name)
                        .arg("why", "not-run")
                        .arg("words", short(&why)),
                );
            }
            Err(error) => return Err(error),
        }
    }
    Ok(answer)
}

/// True when this identity may run commands in the namespace's pods, whichever verb the API server wants for that.
///
/// # Errors
/// When the cluster does not answer.
pub async fn may_run(cluster: &dyn Cluster, namespace: &str) -> PortResult<bool> {
    for access in running_commands(namespace) {
        if cluster.can_i(&access).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Without the address that the API server asked, which holds the whole command.
fn short(why: &str) -> &str {
    why.rsplit_once("\": ").map_or(why, |(_, rest)| rest)
}

fn running(pod: &Object) -> bool {
    let conditions = pod.get("/status/conditions").and_then(serde_json::Value::as_array);
    let ready = |one: &serde_json::Value| one["type"] == "Ready" && one["status"] == "True";
    !pod.is_terminating() && conditions.is_some_and(|all| all.iter().any(ready))
}

fn judge(check: &ExecCheck, pod: &Object, ended: &Executed, answer: &mut Answer) {
    let failed = |why: &str| {
        let finding = Finding::error(FAILED, pod.reference().to_string());
        finding.arg("check", &check.name).arg("why", why)
    };
    if ended.code != 0 {
        answer.findings.push(failed("exit-code").arg("code", ended.code));
        return;
    }
    // What the profile's reader let pass is one.
    let find = |text: &str| Regex::new(text).ok();
    for text in &check.expects {
        if !find(text).is_some_and(|pattern| pattern.is_match(&ended.stdout)) {
            answer.findings.push(failed("unexpected").arg("expected", text));
        }
    }
    let Some(text) = &check.count else { return };
    let read = find(text).and_then(|pattern| {
        let number = pattern.captures(&ended.stdout)?.get(1)?;
        number.as_str().parse::<u64>().ok()
    });
    match read {
        Some(number) => answer.count = Some(answer.count.unwrap_or(0) + number),
        None => answer.findings.push(failed("unexpected").arg("expected", text)),
    }
}

/// What is known of the old install before anything stops.
///
/// # Errors
/// When the cluster does not answer.
pub async fn before(cluster: &dyn Cluster, namespace: &str, checks: &[ExecCheck]) -> PortResult<Vec<Finding>> {
    let mut findings = Vec::new();
    for check in checks.iter().filter(|check| check.at(When::BeforeStop)) {
        findings.extend(ask(cluster, namespace, check).await?.findings);
    }
    Ok(findings)
}

fn running_commands(namespace: &str) -> Vec<Access> {
    inside_pods("pods/exec", namespace)
}

/// Rights to look which pods would be asked.
pub fn looking(checks: &[ExecCheck], namespace: &str) -> Vec<Access> {
    if checks.is_empty() {
        return Vec::new();
    }
    let mut rights = accesses(&["list"], "", "pods", Some(namespace));
    let workloads = checks.iter().map(|check| check.reference(namespace));
    rights.extend(workloads.flat_map(|workload| on(&workload, &["get"])));
    rights
}

/// Rights to ask.
pub fn rights(checks: &[ExecCheck], namespace: &str) -> Vec<Access> {
    let mut rights = looking(checks, namespace);
    if !rights.is_empty() {
        rights.extend(running_commands(namespace));
    }
    rights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expects: &[&str], count: Option<&str>) -> ExecCheck {
        ExecCheck {
            name: "on disk".into(),
            when: vec![When::BeforeStop],
            workload: "Deployment/store".into(),
            container: None,
            command: vec!["ask".into()],
            expects: expects.iter().map(|text| (*text).to_owned()).collect(),
            count: count.map(str::to_owned),
        }
    }

    fn judged(check: &ExecCheck, stdout: &str, code: i32) -> Answer {
        let pod = Object(
            serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "store-1", "namespace": "a"}}),
        );
        let ended = Executed {
            stdout: stdout.into(),
            code,
        };
        let mut answer = Answer::default();
        judge(check, &pod, &ended, &mut answer);
        answer
    }

    #[test]
    fn every_expectation_counts_and_no_output_is_told() {
        let check = check(&["(?m)^last_save:ok\\r?$", "loading:0"], Some("keys=(\\d+)"));
        check.sensible().expect("sensible");
        let good = judged(&check, "loading:0\r\nlast_save:ok\r\nkeys=12\r\n", 0);
        assert!(good.findings.is_empty() && good.count == Some(12), "{good:?}");
        let bad = judged(&check, "loading:0\nlast_save:err hunter2\n", 0);
        assert!(bad.failed() && bad.count.is_none());
        assert_eq!(bad.findings.len(), 2);
        assert_eq!(bad.findings[0].args["expected"], "(?m)^last_save:ok\\r?$");
        assert!(!format!("{bad:?}").contains("hunter2"));
        assert_eq!(judged(&check, "", 3).findings[0].args["code"], "3");
    }

    #[test]
    fn the_command_is_no_part_of_what_is_told() {
        let why = "error sending request: Post \"https://node-1:10250/exec/a/b?command=sh\": dial tcp: no such host";
        assert_eq!(short(why), "dial tcp: no such host");
        assert_eq!(short("no shell"), "no shell");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert!(check(&["("], None).sensible().is_err());
        assert!(check(&[], Some("no number")).sensible().is_err());
        assert!(check(&[], None).sensible().is_err());
        let mut odd = check(&["ok"], None);
        odd.workload = "store".into();
        assert!(odd.sensible().expect_err("no kind").contains("Deployment/name"));
    }
}
