//! Whole lists, page by page.

use rehelm_core::object::Object;
use rehelm_core::ports::{ApiKind, PortError, PortResult, Select};
use serde_json::{Value, json};

use super::http::Wire;
use super::path::{self, Query};

/// Objects per page.
const PAGE: usize = 500;

/// All objects that match, and the resourceVersion from which a watch goes on. A list that expires between two pages
/// is read once more from its beginning.
pub(crate) async fn all(
    wire: &Wire,
    api_version: &str,
    kind_name: &str,
    kind: &ApiKind,
    select: &Select,
) -> PortResult<(Vec<Object>, String)> {
    let what = match &select.namespace {
        Some(namespace) => format!("{}/{namespace}", kind.plural),
        None => kind.plural.clone(),
    };
    let mut restarted = false;
    let mut items = Vec::new();
    let mut next = String::new();
    loop {
        let query = Query::new()
            .with("limit", PAGE)
            .maybe("continue", Some(&next))
            .maybe("labelSelector", select.labels.as_deref())
            .maybe("fieldSelector", select.fields.as_deref());
        let url = path::collection(api_version, kind, select.namespace.as_deref(), &query)?;
        let mut page = match wire.get(&url, &what).await {
            Ok(page) => page,
            Err(PortError::Unavailable(_)) if !next.is_empty() && !restarted => {
                restarted = true;
                items.clear();
                next.clear();
                continue;
            }
            Err(e) => return Err(e),
        };
        if let Value::Array(list) = page["items"].take() {
            items.extend(list.into_iter().filter_map(|item| typed(item, api_version, kind_name)));
        }
        next = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
        if next.is_empty() {
            let version = page["metadata"]["resourceVersion"].as_str().unwrap_or_default();
            return Ok((items, version.to_owned()));
        }
    }
}

/// Items of a list say neither apiVersion nor kind.
fn typed(item: Value, api_version: &str, kind: &str) -> Option<Object> {
    let Value::Object(rest) = item else { return None };
    let mut whole = serde_json::Map::new();
    whole.insert("apiVersion".to_owned(), json!(api_version));
    whole.insert("kind".to_owned(), json!(kind));
    whole.extend(
        rest.into_iter()
            .filter(|(field, _)| field != "apiVersion" && field != "kind"),
    );
    Object::from_value(Value::Object(whole)).ok()
}
