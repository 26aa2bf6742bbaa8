//! What the text of a plan is made from: small, so that golden tests need no cluster.

mod of_plan;

use rehelm_core::finding::Finding;

use crate::facts::Facts;

/// A plan as a person meets it.
#[derive(Clone, Debug, Default)]
pub struct PlanView {
    /// Release.
    pub release: String,
    /// kubeconfig context.
    pub context: String,
    /// What is known of the Kustomize side, such as its folders.
    pub source: String,
    /// Chart name.
    pub chart: String,
    /// Chart version.
    pub version: String,
    /// Profile.
    pub profile: String,
    /// Verdict's word → how many objects have it, in the order to show.
    pub counts: Vec<(&'static str, usize)>,
    /// Phases in order; empty ones are left out.
    pub phases: Vec<PhaseView>,
    /// Estimated outage in seconds, from … to.
    pub outage: Option<(u32, u32)>,
    /// What the checks said.
    pub findings: Vec<Finding>,
    /// Codes that were waived.
    pub accepted: Vec<String>,
    /// Objects by verdict, for the wide form: verdict's word, object, why.
    pub objects: Vec<(&'static str, String, String)>,
}

/// One phase.
#[derive(Clone, Debug, Default)]
pub struct PhaseView {
    /// `prepare`, `migrate`, …
    pub id: &'static str,
    /// Its steps.
    pub steps: Vec<StepView>,
}

/// One step.
#[derive(Clone, Debug, Default)]
pub struct StepView {
    /// From 1.
    pub number: u32,
    /// Word in the plan.
    pub kind: String,
    /// What its sentence speaks of.
    pub facts: Facts,
    /// The old install stops serving with this step.
    pub begins_outage: bool,
    /// The release serves after this step.
    pub ends_outage: bool,
    /// How it is taken back.
    pub undo: UndoView,
    /// Objects that it changes.
    pub touches: Vec<String>,
    /// What a person would type instead.
    pub commands: Vec<String>,
}

/// How a step is taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UndoView {
    /// By its undo.
    #[default]
    Yes,
    /// Nothing to take back.
    Nothing,
    /// Never.
    Never,
}

impl StepView {
    /// The sign before the step's word: what it does to the world, at one glance and without colour.
    pub fn mark(&self, in_outage: bool) -> char {
        if self.begins_outage {
            return '!';
        }
        match self.kind.as_str() {
            "adopt" => '=',
            "retain" | "rebind" => '~',
            "namespace" | "secrets" | "claims" | "release" => '+',
            "copy" => '»',
            "recreate" => '~',
            "displace" => 'x',
            "retire" | "drop" => 'x',
            "switch" | "confirm" => '?',
            _ if in_outage => '!',
            _ => ' ',
        }
    }

    /// True when a person has to act.
    pub fn waits(&self) -> bool {
        matches!(self.kind.as_str(), "switch" | "confirm")
    }
}
