//! Pages of a list: `limit` and `continue`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::route::Call;

/// Which part of a list is wanted.
pub(super) struct Page {
    pub limit: Option<usize>,
    /// Objects from this place on.
    pub start: Option<String>,
    /// The version that the first page showed; None for a first page, or for one that goes on with the newest.
    pub version: Option<u64>,
}

impl Page {
    pub fn of(call: &Call<'_>) -> Result<Self, Refusal> {
        let query = &call.query;
        let limit = match query.get("limit") {
            None => 0,
            Some(text) => text
                .parse::<i64>()
                .map_err(|_| Refusal::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax")))?,
        };
        let mut page = Self {
            limit: usize::try_from(limit).ok().filter(|limit| *limit > 0),
            start: None,
            version: None,
        };
        let Some(token) = query.get("continue") else {
            // Version 0 is whatever is at hand, as a whole.
            if query.get("resourceVersion") == Some("0") {
                page.limit = None;
            }
            return Ok(page);
        };
        if query.get("resourceVersion").is_some_and(|version| version != "0") {
            let why = "specifying resource version is not allowed when using continue";
            return Err(Refusal::bad_request(why));
        }
        let (version, start) = read(token)
            .map_err(|why| Refusal::bad_request(format!("invalid continue token: continue key is not valid: {why}")))?;
        page.start = Some(start);
        page.version = u64::try_from(version).ok();
        Ok(page)
    }

    /// What is said when the version is forgotten.
    pub fn expired(&self) -> Refusal {
        if self.start.is_none() {
            return Refusal::gone("The resourceVersion for the provided list is too old.");
        }
        Refusal::gone(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list \
             without the continue parameter.",
        )
    }
}

/// A token for the page that begins at a place.
pub(super) fn token(version: u64, start: &str) -> String {
    let token = json!({"v": "meta.k8s.io/v1", "rv": version, "start": start});
    URL_SAFE_NO_PAD.encode(token.to_string())
}

fn read(token: &str) -> Result<(i64, String), String> {
    let bytes = URL_SAFE_NO_PAD
        .decode(token.trim_end_matches('='))
        .map_err(|_| "illegal base64 data".to_owned())?;
    let token: Value = serde_json::from_slice(&bytes).map_err(|_| {
        let first = bytes.first().copied().map_or(' ', char::from);
        format!("invalid character '{first}' looking for beginning of value")
    })?;
    if token["v"] != "meta.k8s.io/v1" {
        return Err(format!("server does not recognize this encoded version {}", token["v"]));
    }
    let start = token["start"].as_str().filter(|start| !start.is_empty());
    match (token["rv"].as_i64(), start) {
        (Some(version), Some(start)) if version != 0 => Ok((version, start.to_owned())),
        _ => Err("incorrect encoded start resourceVersion".to_owned()),
    }
}
