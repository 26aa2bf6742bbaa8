//! Which value of a chart controls which field of which object, learned by rendering; pure, behind [`render::Renderer`].
//!
//! Two kinds of paths ([`path`], [`field`]), what is known about a chart ([`map`]), how texts are made of values ([`text`])
//! and how items of lists and maps are ([`pattern`]).

pub mod chart;
pub mod compare;
pub mod field;
pub mod file;
pub mod learn;
pub mod map;
pub mod matching;
pub mod normal;
pub mod outcome;
pub mod path;
pub mod pattern;
pub mod post_renderer;
pub mod proof;
pub mod render;
pub mod report;
pub mod scan;
pub mod setting;
pub mod sides;
pub mod solve;
pub mod source;
pub mod text;
pub mod warnings;

mod segments;

pub use field::{FieldPath, FieldStep};
pub use map::{Entry, How, Origin, Reach, ValueMap};
pub use path::{ValuePath, ValueStep};
