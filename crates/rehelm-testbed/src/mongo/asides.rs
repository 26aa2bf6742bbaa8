//! What the front decides and answers beside the commands themselves: who writes, who is connected, mended replies.

use std::io;

use bson::{Bson, Document, RawDocumentBuf, doc};

use super::front::{Connected, State, raw, read};

/// Commands that a secondary refuses.
pub(super) fn writes(name: &str, body: &Document) -> bool {
    let stages = body.get_array("pipeline").map(Vec::as_slice).unwrap_or_default();
    let last = stages.last().and_then(Bson::as_document);
    let out = last.is_some_and(|stage| stage.contains_key("$out") || stage.contains_key("$merge"));
    let list = [
        "insert",
        "update",
        "delete",
        "findandmodify",
        "create",
        "createindexes",
        "drop",
        "dropindexes",
        "dropdatabase",
        "createuser",
        "updateuser",
        "dropuser",
        "createrole",
        "updaterole",
    ];
    list.contains(&name) || (name == "aggregate" && out)
}

/// True for the opening of a change stream.
pub(super) fn change_stream(body: &Document) -> bool {
    let stages = body.get_array("pipeline").map(Vec::as_slice).unwrap_or_default();
    let first = stages.first().and_then(Bson::as_document);
    first.is_some_and(|stage| stage.contains_key("$changeStream"))
}

/// The reply to `$currentOp`: connections, all of them idle.
pub(super) fn current_op(state: &State) -> Document {
    let entry = |own: &Connected| -> Bson {
        let users: Vec<Document> = own
            .user
            .iter()
            .map(|(name, db)| doc! { "user": name, "db": db })
            .collect();
        doc! {
            "type": "idleSession", "client": &own.client, "appName": &own.app, "effectiveUsers": users, "active": false,
            "ns": "", "op": "none",
        }
        .into()
    };
    let entries: Vec<Bson> = state.connected.values().map(entry).collect();
    doc! { "cursor": { "id": 0_i64, "ns": "admin.$cmd.aggregate", "firstBatch": entries }, "ok": 1.0 }
}

/// Documents of a first reply whose size the client leaves to the server.
pub(super) const FIRST: i32 = 101;
/// Documents of those that follow.
pub(super) const NEXT: i32 = 1000;

/// The store would put everything that is left into one reply, which clients refuse from 48 MB on; servers cut at 16 MiB.
pub(super) fn in_batches(body: &Document, size: i32) -> Document {
    let mut body = body.clone();
    if !body.contains_key("batchSize") && body.get_bool("singleBatch") != Ok(true) {
        body.insert("batchSize", size);
    }
    body
}

/// The store leaves out the code of some errors; drivers rely on it.
pub(super) fn with_code(reply: RawDocumentBuf, command: &str) -> io::Result<RawDocumentBuf> {
    if reply.get("code").is_ok_and(|code| code.is_some()) {
        return Ok(reply);
    }
    let mut reply = read(&reply)?;
    reply.insert("code", if command == "getMore" { 43 } else { 1 });
    raw(&reply)
}

/// The store knows no undefined, pointers, code and symbols, and refuses a `$type` list that names them; it holds none.
pub(super) fn with_known_types(body: &Document) -> Document {
    fn known(value: &Bson) -> Bson {
        match value {
            Bson::Document(below) => Bson::Document(with_known_types(below)),
            Bson::Array(list) => Bson::Array(list.iter().map(known).collect()),
            other => other.clone(),
        }
    }
    let unknown = |kind: &Bson| matches!(kind, Bson::Int32(6 | 12..=15));
    let field = |(key, value): (&String, &Bson)| match value {
        Bson::Array(kinds) if key == "$type" => (
            key.clone(),
            Bson::Array(kinds.iter().filter(|kind| !unknown(kind)).cloned().collect()),
        ),
        value => (key.clone(), known(value)),
    };
    body.iter().map(field).collect()
}
