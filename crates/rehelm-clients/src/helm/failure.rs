//! What a failing Helm means for callers.

use rehelm_core::ports::PortError;

/// How Helm begins when the chart's `kubeVersion` refuses.
const KUBE_VERSION: &str = "chart requires kubeVersion";

/// Classifies by the words of Helm and of the registry clients in it. `what` is the chart or the release; `message`
/// has no secrets in it any more.
pub(crate) fn from_words(what: &str, message: &str) -> PortError {
    let words = core(message);
    let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    if has(&[
        "401 Unauthorized",
        "unauthorized",
        "denied:",
        "403 Forbidden",
        "no basic auth credentials",
        "basic credential not found",
    ]) {
        PortError::Forbidden(format!("{what}: {words}; is the registry login right?"))
    } else if has(&["another operation (install/upgrade/rollback) is in progress"]) {
        PortError::Conflict(what.to_owned(), words)
    } else if has(&[
        "connection refused",
        "no such host",
        "i/o timeout",
        "TLS handshake timeout",
        "connection reset",
    ]) {
        PortError::Unavailable(format!("{what}: {words}"))
    } else if has(&[
        KUBE_VERSION,
        "invalid ownership metadata",
        "execution error at",
        "template:",
    ]) || has(&[
        "values don't meet the specifications",
        "parse error",
        "YAML parse error",
        "no matches for kind",
    ]) {
        PortError::Invalid(what.to_owned(), words)
    } else if words.ends_with(": not found") || has(&["failed to download", "path \"", "chart not found"]) {
        PortError::NotFound(format!("{what} ({words})"))
    } else {
        PortError::Other(format!("{what}: {words}"))
    }
}

/// True when the chart's `kubeVersion` does not admit the version that Helm was told.
pub(crate) fn refuses_version(error: &PortError) -> bool {
    matches!(error, PortError::Invalid(_, why) if why.starts_with(KUBE_VERSION))
}

/// From Helm's last `Error:` on; its warnings come before.
pub(super) fn core(message: &str) -> String {
    let from = message.rfind("Error: ").map_or(0, |at| at + "Error: ".len());
    let kept: Vec<&str> = message[from..]
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    kept.join("\n")
        .replace("INSTALLATION FAILED: ", "")
        .replace("UPGRADE FAILED: ", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_helm_become_classes() {
        let version = "WARNING: x\nError: chart requires kubeVersion: >=v1.19.0-0,<v1.24.0-0 which is incompatible with Kubernetes v1.35.4\n";
        assert_eq!(
            from_words("chart", version).to_string(),
            "chart refused: chart requires kubeVersion: >=v1.19.0-0,<v1.24.0-0 which is incompatible with Kubernetes v1.35.4"
        );
        let refused =
            "Error: GET \"https://r/v2/x\": GET \"https://r/token\": unexpected status code 401: Unauthorized";
        assert!(matches!(
            from_words("c", refused),
            PortError::Other(_) | PortError::Forbidden(_)
        ));
        let pending = "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress";
        assert!(matches!(from_words("r", pending), PortError::Conflict(_, why) if why.starts_with("another")));
        let gone = "Error: failed to do request: Head \"http://127.0.0.1:1/v2\": dial tcp 127.0.0.1:1: connect: connection refused";
        assert!(matches!(from_words("c", gone), PortError::Unavailable(_)));
        assert!(matches!(from_words("c", ""), PortError::Other(_)));
    }
}
