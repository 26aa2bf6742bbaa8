//! Every check passes on a sound install, and says so; broken in one place, the right check speaks.

use std::collections::BTreeSet;

use super::CODES;
use super::fixture::Case;
use crate::finding::Severity;

mod install;
mod release;
mod storage;
mod surroundings;

#[test]
fn a_sound_install_passes_every_check_by_name() {
    let findings = Case::sound().run();
    let loud: Vec<_> = findings.iter().filter(|f| f.severity != Severity::Ok).collect();
    assert!(loud.is_empty(), "{loud:#?}");
    let said: Vec<&str> = findings.iter().map(|f| f.code.as_str()).collect();
    let listed: BTreeSet<&str> = CODES
        .iter()
        .map(|(_, id)| *id)
        .filter(|id| *id != "right-missing")
        .collect();
    assert_eq!(said.iter().copied().collect::<BTreeSet<_>>(), listed);
    assert_eq!(said.len(), listed.len(), "every check says that it passed once");
}

#[test]
fn ids_are_unique_and_many() {
    let ids: BTreeSet<&str> = CODES.iter().map(|(_, id)| *id).collect();
    assert_eq!(ids.len(), CODES.len());
    assert!(ids.len() >= 60);
}

#[test]
fn the_same_input_says_the_same() {
    assert_eq!(Case::sound().run(), Case::sound().run());
}
