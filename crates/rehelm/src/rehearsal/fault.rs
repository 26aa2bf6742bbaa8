//! `--fault`: what shall go wrong, as a person writes it.

use std::time::Duration;

use rehelm_sim::{Fault, Readiness};

use crate::cli::global::duration;

/// What can be written.
pub const HELP: &str = "image=TEXT, pod=[NAMESPACE/]PREFIX:(never|crash|pull|fails|stays|after=TIME|ends=TIME|key=NAME/KEY), \
                        node=NAME, no-detach";

/// Reads one fault.
///
/// # Errors
/// In words, for what cannot be read.
pub fn parse(text: &str) -> Result<Fault, String> {
    let wrong = || format!("`{text}` is no fault; there are {HELP}");
    match text.split_once('=') {
        None if text == "no-detach" => Ok(Fault::NoDetach),
        Some(("image", image)) if !image.is_empty() => Ok(Fault::Image(image.to_owned())),
        Some(("node", name)) if !name.is_empty() => Ok(Fault::NodeLost(name.to_owned())),
        Some(("pod", rest)) => {
            let (which, how) = rest.split_once(':').ok_or_else(wrong)?;
            let (namespace, prefix) = which.split_once('/').unwrap_or(("", which));
            Ok(Fault::Pods {
                namespace: namespace.to_owned(),
                prefix: prefix.to_owned(),
                readiness: readiness(how).ok_or_else(wrong)?,
            })
        }
        _ => Err(wrong()),
    }
}

fn readiness(how: &str) -> Option<Readiness> {
    let time = |text: &str| {
        duration(text)
            .ok()
            .filter(|time| *time < Duration::from_secs(7 * 24 * 3600))
    };
    Some(match how.split_once('=') {
        None => match how {
            "never" => Readiness::Never,
            "crash" => Readiness::CrashLoop,
            "pull" => Readiness::ImagePull,
            "fails" => Readiness::Fails,
            "stays" => Readiness::NeverEnds,
            _ => return None,
        },
        Some(("after", text)) => Readiness::After(time(text)?),
        Some(("ends", text)) => Readiness::SlowToEnd(time(text)?),
        Some(("key", text)) => {
            let (name, key) = text.split_once('/')?;
            Readiness::MissingKey {
                name: name.to_owned(),
                key: key.to_owned(),
            }
        }
        Some(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_as_people_write_them() {
        assert_eq!(parse("image=web:2"), Ok(Fault::Image("web:2".into())));
        assert_eq!(parse("no-detach"), Ok(Fault::NoDetach));
        let pods = |namespace: &str, readiness| Fault::Pods {
            namespace: namespace.into(),
            prefix: "web-".into(),
            readiness,
        };
        assert_eq!(parse("pod=web-:never"), Ok(pods("", Readiness::Never)));
        let slow = Readiness::After(Duration::from_secs(90));
        assert_eq!(parse("pod=shop/web-:after=90s"), Ok(pods("shop", slow)));
        let key = Readiness::MissingKey {
            name: "mail".into(),
            key: "password".into(),
        };
        assert_eq!(parse("pod=web-:key=mail/password"), Ok(pods("", key)));
        for wrong in ["", "pod=web", "pod=web:soon", "image=", "quota=1", "pod=a:after=soon"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
