//! Why a copy in a pod did not come about.

use rehelm_core::ports::PortError;

use super::Tool;

/// Why. No text of it holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// There is no way into the pod, or it broke.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The container lacks programs.
    #[error("the container has no {}", .0.join(", no "))]
    Missing(Vec<&'static str>),
    /// None of these users was let in with the given password.
    #[error("the server refuses the login of `{}`", .0.join("`, `"))]
    Refused(Vec<String>),
    /// mongodump finds no such database, and calls that a success.
    #[error("there is no database {0}")]
    NotThere(String),
    /// Nothing is in it.
    #[error("{0} holds no documents")]
    Empty(String),
    /// Tools that failed, with exit codes and last words, and what mongorestore had done by then.
    #[error("{}", failures(.tools, *.failed))]
    Failed {
        /// Which, how, and what they said last.
        tools: Vec<(Tool, i32, String)>,
        /// Documents that were written.
        restored: u64,
        /// Documents that were not.
        failed: u64,
    },
    /// Both ended well, and not everything arrived.
    #[error("mongodump read {dumped} documents, and mongorestore wrote {restored}")]
    Uneven {
        /// Read.
        dumped: u64,
        /// Written.
        restored: u64,
    },
    /// The script did not end as it does.
    #[error("{0}")]
    Broken(String),
}

fn failures(tools: &[(Tool, i32, String)], failed: u64) -> String {
    let one = |(tool, code, words): &(Tool, i32, String)| {
        let name = tool.name();
        let how = match code {
            0 => format!("{name} could not write {failed} documents, and ended with 0 all the same"),
            // Its reader was gone.
            141 if *tool == Tool::Dump && tools.len() > 1 => format!("{name} was cut off by that"),
            code if *code > 128 => format!("{name} was killed by signal {}", code - 128),
            code => format!("{name} failed with exit code {code}"),
        };
        if words.is_empty() {
            how
        } else {
            format!("{how}: {words}")
        }
    };
    // What mongorestore says is the cause when both failed: mongodump notices only that nobody reads any more.
    let all: Vec<String> = tools.iter().rev().map(one).collect();
    all.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_which_tool_failed_and_how() {
        let failed = |tools: &[(Tool, i32, &str)], failed| {
            let tools = tools
                .iter()
                .map(|(tool, code, words)| (*tool, *code, (*words).to_owned()));
            Trouble::Failed {
                tools: tools.collect(),
                restored: 7,
                failed,
            }
            .to_string()
        };
        assert_eq!(
            failed(&[(Tool::Dump, 1, "Failed: x")], 0),
            "mongodump failed with exit code 1: Failed: x"
        );
        assert_eq!(failed(&[(Tool::Dump, 137, "")], 0), "mongodump was killed by signal 9");
        assert_eq!(
            failed(&[(Tool::Dump, 141, ""), (Tool::Restore, 1, "Failed: y")], 0),
            "mongorestore failed with exit code 1: Failed: y; mongodump was cut off by that"
        );
        assert!(failed(&[(Tool::Restore, 0, "")], 2).contains("could not write 2 documents"));
    }
}
