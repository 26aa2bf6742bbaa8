//! Rendering as something that can be asked for, so that learning knows neither programs nor files.

use async_trait::async_trait;
use serde_json::Value;

use crate::object::Object;

/// One object of a render.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The object; its namespace is taken away where it is the release's own.
    pub object: Object,
    /// The template that made it, as Helm names it: `chart/charts/sub/templates/x.yaml`.
    pub source: String,
    /// Kinds of hook (`pre-install`, …) when it is one; a post-renderer never sees those.
    pub hooks: Vec<String>,
}

/// Why there is no render.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The chart refuses these values: a failed template, a schema, a text that is no YAML. Helm's words.
    #[error("{0}")]
    Refused(String),
    /// There will be no render with any values: no Helm, no chart, no room on the disk.
    #[error("{0}")]
    Broken(String),
}

/// A chart that can be rendered with other values, again and again, several renders at once.
#[async_trait]
pub trait Renderer: Send + Sync {
    /// Renders with these values on top of the chart's own and of the files that belong to the task; a null takes a key away.
    /// Renders of different `turn` are never taken from memory for each other: what differs between them is random.
    ///
    /// # Errors
    /// See [`RenderError`].
    async fn render(&self, values: &Value, turn: u32) -> Result<Vec<Rendered>, RenderError>;
    /// Renders that may go on at the same time.
    fn at_once(&self) -> usize;
}

/// Who wants to know how learning goes on.
pub trait Progress: Send + Sync {
    /// Renders that are done, renders that are known to be needed by now, and what is being looked for.
    fn at(&self, done: usize, of: usize, what: Phase);
}

/// What is being looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// What the chart makes by itself, and what of it is random.
    Base,
    /// Switches that can be on together.
    Switches,
    /// Texts and numbers.
    Contents,
    /// Empty values, switches, choices.
    Choices,
    /// Maps and lists.
    Shapes,
    /// What is left, one by one.
    Leftovers,
}

/// Nobody wants to know.
pub struct Unwatched;

impl Progress for Unwatched {
    fn at(&self, _: usize, _: usize, _: Phase) {}
}
