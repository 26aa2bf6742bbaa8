//! What a process in a pod sees: namespaces of its own, `/usr` of this machine, the pod's volumes, and nothing else.

use super::mounts::Mount;
use crate::options::Program;
use camino::Utf8Path;
use k8s_openapi::api::core::v1::Container;

/// Parts of `/etc` that programs look for.
const ETC: [&str; 6] = ["alternatives", "group", "ld.so.cache", "nsswitch.conf", "passwd", "ssl"];

/// Says one line, which nobody else writes to standard output, and becomes the program; its words go to the log.
const BEGIN: &str = "echo; exec \"$@\" >&2";

/// The arguments of `bwrap`.
pub(super) fn arguments(pod: &str, container: &Container, program: &Program, mounts: &[Mount]) -> Vec<String> {
    let mut all = Vec::new();
    let mut add = |words: &[&str]| all.extend(words.iter().map(|word| (*word).to_owned()));
    add(&["--die-with-parent", "--as-pid-1", "--new-session", "--cap-drop", "ALL"]);
    add(&["--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]);
    add(&["--hostname", pod.get(..63).unwrap_or(pod)]);
    add(&["--ro-bind", "/usr", "/usr"]);
    for folder in ["bin", "sbin", "lib", "lib64"] {
        let path = format!("/{folder}");
        match Utf8Path::new(&path).is_symlink() {
            true => add(&["--symlink", &format!("usr/{folder}"), &path]),
            false => add(&["--ro-bind-try", &path, &path]),
        }
    }
    for name in ETC {
        let path = format!("/etc/{name}");
        add(&["--ro-bind-try", &path, &path]);
    }
    add(&["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run"]);
    add(&["--dir", "/var", "--symlink", "../run", "/var/run"]);
    let workdir = program.workdir.as_ref().map(|dir| dir.as_str());
    let workdir = container.working_dir.as_deref().or(workdir).unwrap_or("/");
    add(&["--dir", workdir]);
    for mount in mounts {
        let way = if mount.read_only { "--ro-bind" } else { "--bind" };
        add(&[way, mount.from.as_str(), mount.to.as_str()]);
    }
    add(&["--chdir", workdir]);
    add(&["--", "/bin/sh", "-c", BEGIN, "sh"]);
    all.extend(container.command.as_ref().unwrap_or(&program.command).iter().cloned());
    all.extend(container.args.iter().flatten().cloned());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_may_say_what_runs_and_where() {
        let program = Program {
            command: vec!["store".into()],
            workdir: Some("/data".into()),
            ..Program::default()
        };
        let mount = Mount {
            from: "/x".into(),
            to: "/data".into(),
            read_only: true,
        };
        let mut container = Container::default();
        let line =
            |container: &Container| arguments("a-1", container, &program, std::slice::from_ref(&mount)).join(" ");
        assert!(line(&container).ends_with(" store"), "{}", line(&container));
        assert!(line(&container).contains("--ro-bind /x /data --chdir /data --"));
        container.command = Some(vec!["other".into()]);
        container.args = Some(vec!["-v".into()]);
        container.working_dir = Some("/tmp".into());
        assert!(line(&container).ends_with(" other -v") && line(&container).contains("--chdir /tmp --"));
    }
}
