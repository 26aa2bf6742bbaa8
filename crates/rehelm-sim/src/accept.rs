//! What form of an answer a client accepts: media types and the `as` parameter of the `Accept` header.

use crate::refusal::Refusal;
use crate::request::Query;

/// What an answer shows of its objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The objects themselves.
    #[default]
    Own,
    /// Rows of cells, in this version of `meta.k8s.io`.
    Table(&'static str),
    /// Metadata only, in this version of `meta.k8s.io`.
    Partial(&'static str),
}

/// What the rows of a Table carry beside their cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Include {
    Nothing,
    #[default]
    Metadata,
    Object,
}

/// The form that was agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub shape: Shape,
    pub include: Include,
    pub yaml: bool,
}

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";

/// One media range: type, parameters, weight.
struct Range<'a> {
    media: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let pairs = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
        Self {
            media,
            parameters: pairs.map(|(key, value)| (key.trim(), value.trim())).collect(),
        }
    }

    fn get(&self, key: &str) -> &'a str {
        let found = self.parameters.iter().find(|(name, _)| *name == key);
        found.map(|(_, value)| *value).unwrap_or_default()
    }

    fn weight(&self) -> f32 {
        self.get("q").parse().unwrap_or(1.0)
    }

    /// The shape that it asks for; None when there is no such shape.
    fn shape(&self) -> Option<Shape> {
        let version = match self.get("v") {
            "v1" => "meta.k8s.io/v1",
            "v1beta1" => "meta.k8s.io/v1beta1",
            _ if self.get("as").is_empty() => "",
            _ => return None,
        };
        match (self.get("as"), self.get("g")) {
            ("", _) => Some(Shape::Own),
            ("Table", "meta.k8s.io") => Some(Shape::Table(version)),
            ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io") => Some(Shape::Partial(version)),
            _ => None,
        }
    }
}

/// Agrees on a form. Protobuf is passed over, so that clients who accept JSON as well get that.
pub(crate) fn wanted(accept: &str, query: &Query, watch: bool) -> Result<Wanted, Refusal> {
    let include = match query.get("includeObject") {
        Some("None") => Include::Nothing,
        Some("Object") => Include::Object,
        _ => Include::Metadata,
    };
    if accept.trim().is_empty() {
        return Ok(Wanted {
            include,
            ..Wanted::default()
        });
    }
    let mut ranges: Vec<Range<'_>> = accept.split(',').map(Range::parse).collect();
    ranges.sort_by(|a, b| b.weight().total_cmp(&a.weight()));
    for range in &ranges {
        let yaml = match range.media {
            JSON | "*/*" | "application/*" | "" => false,
            YAML if !watch => true,
            _ => continue,
        };
        if let Some(shape) = range.shape() {
            return Ok(Wanted { shape, include, yaml });
        }
    }
    Err(refused(watch))
}

fn refused(watch: bool) -> Refusal {
    let accepted = if watch {
        "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
    } else {
        "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    };
    Refusal {
        code: 406,
        reason: "NotAcceptable",
        message: format!("only the following media types are accepted: {accepted}"),
        details: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: &str) -> Result<Wanted, u16> {
        wanted(accept, &Query::default(), false).map_err(|refusal| refusal.code)
    }

    #[test]
    fn the_first_form_that_is_known_wins() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(of(kubectl).map(|w| w.shape), Ok(Shape::Table("meta.k8s.io/v1")));
        let unknown = "application/json;as=Table;v=v9;g=meta.k8s.io, application/json";
        assert_eq!(of(unknown).map(|w| w.shape), Ok(Shape::Own));
        assert_eq!(of("application/json;as=Table;v=v9;g=meta.k8s.io"), Err(406));
    }

    #[test]
    fn protobuf_gives_way_to_json() {
        let both = "application/vnd.kubernetes.protobuf, application/json";
        assert_eq!(of(both), Ok(Wanted::default()));
        assert_eq!(of("application/vnd.kubernetes.protobuf"), Err(406));
        assert_eq!(of("text/html"), Err(406));
        assert!(of("application/yaml").is_ok_and(|wanted| wanted.yaml));
        assert!(of("application/yaml;q=0.5, application/json").is_ok_and(|wanted| !wanted.yaml));
    }
}
