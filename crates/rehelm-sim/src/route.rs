//! From a request to its answer.

mod authorize;
mod paths;

pub(crate) use authorize::refused;

/// Asks for another verb than the request's own on the same resource.
pub(crate) fn authorized(world: &World, call: &Call<'_>, verb: &str) -> Result<(), Refusal> {
    authorize::resource(world, &call.asked.identity, verb, &call.path, &call.query)
}

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Response};
use serde_json::Value;

use crate::accept::Wanted;
use crate::kinds::Kind;
use crate::rbac::{self, Identity};
use crate::refusal::Refusal;
use crate::request::{self, Query, ResourcePath};
use crate::service::{self, AnswerBody};
use crate::sim::Shared;
use crate::world::World;
use crate::{accept, convert, protobuf, shape, verbs};

/// A request, its body read.
pub(crate) struct Asked {
    pub head: http::request::Parts,
    pub body: Bytes,
    pub identity: Identity,
    /// The client is a program of its own, behind the listener.
    pub outside: bool,
    /// What the client is told beside the answer.
    pub warnings: RefCell<Vec<String>>,
}

impl Asked {
    /// Tells the client something beside the answer.
    pub fn warn(&self, warnings: Vec<String>) {
        self.warnings.borrow_mut().extend(warnings);
    }

    /// A header as text; empty when absent.
    pub fn header(&self, name: &str) -> &str {
        let value = self.head.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// Media type of the body, without parameters.
    pub fn media(&self) -> &str {
        self.header("content-type").split(';').next().unwrap_or_default().trim()
    }

    /// Turns a body in protobuf into one in JSON.
    fn read_protobuf(&mut self) -> Result<(), Refusal> {
        if self.media() != protobuf::MEDIA || self.body.is_empty() {
            return Ok(());
        }
        let object = protobuf::read(&crate::tables::newest().schemas, &self.body)?;
        self.body = object.to_string().into();
        let json = http::HeaderValue::from_static("application/json");
        self.head.headers.insert(http::header::CONTENT_TYPE, json);
        Ok(())
    }

    /// True when the answer is for people to read.
    pub fn is_pretty(&self, query: &Query) -> bool {
        let by_hand = ["curl/", "Wget/", "Mozilla/"];
        match query.get("pretty") {
            Some(_) => query.flag("pretty"),
            None => by_hand.iter().any(|agent| self.header("user-agent").starts_with(agent)),
        }
    }

    /// The body as JSON or YAML.
    pub fn object(&self) -> Result<Value, Refusal> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        match self.media() {
            ""
            | "application/json"
            | "application/json-patch+json"
            | "application/merge-patch+json"
            | "application/strategic-merge-patch+json" => serde_json::from_slice(&self.body)
                .map_err(|error| Refusal::bad_request(format!("the object provided is unrecognized: {error}"))),
            "application/yaml" | "application/apply-patch+yaml" => {
                let text = std::str::from_utf8(&self.body).map_err(|e| Refusal::bad_request(e.to_string()))?;
                serde_saphyr::from_str(text)
                    .map_err(|error| Refusal::bad_request(format!("error decoding YAML: {error}")))
            }
            _ => Err(Refusal::unsupported_media(&["application/json", "application/yaml"])),
        }
    }

    /// Field manager: what the query says, else the first word of the user agent.
    pub fn manager(&self, query: &Query) -> String {
        if let Some(manager) = query.get("fieldManager") {
            return manager.to_owned();
        }
        let agent = self.header("user-agent").split('/').next().unwrap_or_default();
        if agent.is_empty() { "unknown" } else { agent }
            .chars()
            .take(128)
            .collect()
    }
}

/// What a verb gives.
pub(crate) enum Answer {
    /// One object under this HTTP status.
    Object(u16, Value),
    /// One object as the store has it.
    Stored(Arc<Value>),
    /// A list but for its items, and these as the store has them.
    StoredList(Value, Vec<Arc<Value>>),
    /// A list.
    List(Value),
    /// A watch that begins after this resourceVersion; events that were asked for at once come first.
    Watch(verbs::watch::Watch),
    /// Plain text.
    Text(String),
    /// No such path.
    Missing,
    /// Bytes of a media type, under status 200.
    Raw(String, Bytes),
    /// The connection becomes something else.
    Stream(crate::inside::Stream),
}

/// A request for a resource, its kind found.
pub(crate) struct Call<'a> {
    pub asked: &'a Asked,
    pub path: ResourcePath,
    pub query: Query,
    pub kind: Arc<Kind>,
}

/// The answer to a request.
pub(crate) fn answer(shared: &Arc<Shared>, mut asked: Asked) -> Response<AnswerBody> {
    if let Err(refusal) = asked.read_protobuf() {
        return service::json(refusal.code, &refusal.to_status());
    }
    let mut query = Query::parse(asked.head.uri.query().unwrap_or_default());
    let path = asked.head.uri.path();
    let path = request::without_watch(path, &mut query).unwrap_or_else(|| path.to_owned());
    let latency = shared.world().options.latency;
    let answer = shared.with(|world| {
        world.pass(latency);
        asked.identity = rbac::impersonated(world, &asked.identity, &asked.head.headers)?;
        match ResourcePath::parse(&path) {
            Some(resource) => resource_answer(world, &asked, resource, query.clone()),
            None => paths::answer(world, &asked, &path, &query),
        }
    });
    let mut response = match answer {
        Ok((Answer::Watch(watch), _)) => verbs::watch::respond(shared, watch, &asked),
        Ok((Answer::Missing, _)) => service::whole(404, "text/plain; charset=utf-8", "404 page not found\n".into()),
        Ok((Answer::Text(text), _)) => service::whole(200, "text/plain", text.into()),
        Ok((Answer::Raw(media, bytes), _)) => service::whole(200, &media, bytes),
        Ok((Answer::Stream(stream), _)) => crate::inside::switched(stream, &asked.head.headers),
        Ok((Answer::Object(code, value), kind)) => shaped(shared, &asked, &query, code, value, kind, false),
        Ok((Answer::List(value), kind)) => shaped(shared, &asked, &query, 200, value, kind, true),
        Ok((Answer::Stored(object), kind)) => stored(shared, &asked, &query, object, kind),
        Ok((Answer::StoredList(head, items), kind)) => stored_list(shared, &asked, &query, head, &items, kind),
        Err(refusal) => {
            let pretty = asked.is_pretty(&query);
            let mut response = shape::encoded(refusal.code, &refusal.to_status(), false, pretty);
            service::say_when_to_come_back(&refusal, &mut response);
            response
        }
    };
    for warning in asked.warnings.take() {
        if let Ok(value) = HeaderValue::from_str(&format!("299 - {warning:?}")) {
            response.headers_mut().append("Warning", value);
        }
    }
    response
}

type Given = Result<(Answer, Option<Arc<Kind>>), Refusal>;

/// As the client wants it.
fn shaped(
    shared: &Shared,
    asked: &Asked,
    query: &Query,
    code: u16,
    value: Value,
    kind: Option<Arc<Kind>>,
    list: bool,
) -> Response<AnswerBody> {
    let pretty = asked.is_pretty(query);
    let wanted = match (accept::wanted(asked.header("accept"), query, false), &kind) {
        (Ok(wanted), _) => wanted,
        // Discovery and the like have forms of their own.
        (Err(_), None) => Wanted::default(),
        (Err(refusal), Some(_)) => return shape::encoded(refusal.code, &refusal.to_status(), false, pretty),
    };
    let value = match kind {
        Some(kind) if value["kind"] != "Status" => {
            let now = shared.world().now();
            let form = if list { shape::list } else { shape::object };
            form(&kind, value, &wanted, now)
        }
        _ => value,
    };
    shape::encoded(code, &value, wanted.yaml, pretty)
}

/// True when the client takes objects as they are, in the plainest form.
fn is_plain(asked: &Asked, query: &Query) -> bool {
    let plain = |wanted: Wanted| wanted.shape == accept::Shape::Own && !wanted.yaml;
    !asked.is_pretty(query) && accept::wanted(asked.header("accept"), query, false).is_ok_and(plain)
}

fn stored(
    shared: &Shared,
    asked: &Asked,
    query: &Query,
    object: Arc<Value>,
    kind: Option<Arc<Kind>>,
) -> Response<AnswerBody> {
    match kind {
        Some(kind) if is_plain(asked, query) => {
            let bytes = shared.world().written.object(&kind, &object);
            service::whole(200, "application/json", bytes)
        }
        kind => {
            let object = match &kind {
                Some(kind) => convert::to_version(kind, (*object).clone()),
                None => (*object).clone(),
            };
            shaped(shared, asked, query, 200, object, kind, false)
        }
    }
}

fn stored_list(
    shared: &Shared,
    asked: &Asked,
    query: &Query,
    mut head: Value,
    items: &[Arc<Value>],
    kind: Option<Arc<Kind>>,
) -> Response<AnswerBody> {
    match kind {
        Some(kind) if is_plain(asked, query) => {
            let bytes = shared.world().written.list(&kind, head, items);
            service::whole(200, "application/json", bytes)
        }
        kind => {
            let shown = |item: &Arc<Value>| match &kind {
                Some(kind) => convert::to_version(kind, (**item).clone()),
                None => (**item).clone(),
            };
            head["items"] = items.iter().map(shown).collect();
            shaped(shared, asked, query, 200, head, kind, true)
        }
    }
}

fn resource_answer(world: &mut World, asked: &Asked, path: ResourcePath, query: Query) -> Given {
    let verb = request::verb(&asked.head.method, &path, &query);
    authorize::resource(world, &asked.identity, verb, &path, &query)?;
    let Some(kind) = world.kinds.at(&path.group, &path.version, &path.plural) else {
        let known = world.kinds.has_version(&path.group, &path.version);
        return if known {
            Err(Refusal::no_route())
        } else {
            Ok((Answer::Missing, None))
        };
    };
    if kind.facts.namespaced == path.namespace.is_empty() && !(path.namespace.is_empty() && path.name.is_empty()) {
        return Err(Refusal::no_route());
    }
    let everywhere = kind.facts.namespaced && path.namespace.is_empty();
    let fits = match asked.head.method {
        Method::GET => true,
        Method::POST => !everywhere && (path.name.is_empty() || !path.subresource.is_empty()),
        Method::PUT | Method::PATCH => !path.name.is_empty(),
        Method::DELETE => !everywhere,
        _ => false,
    };
    if !fits {
        return Err(Refusal::method_not_allowed());
    }
    let call = Call {
        asked,
        path,
        query,
        kind: kind.clone(),
    };
    verbs::warnings::of_kind(world, &call);
    world.acting = Some(asked.identity.clone());
    let answer = verbs::carry_out(world, verb, &call);
    world.acting = None;
    answer.map(|answer| (answer, Some(kind)))
}
