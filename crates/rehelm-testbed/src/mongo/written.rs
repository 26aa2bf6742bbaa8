//! Which documents a command writes: what it names, and what the store says before and after.
//!
//! A document without an `_id` in an `insert` is not logged (drivers send one). An update or deletion by `_id` is logged when
//! any of its command's statements found something.

use std::collections::{HashMap, HashSet};
use std::io;

use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use tokio::net::TcpStream;

use super::asides::writes;
use super::front::{raw, read};
use super::oplog::Event;
use super::wire::{self, Request};

/// What is known before a command is carried out.
pub(super) struct Before {
    /// The `_id`s that each statement finds.
    found: Vec<Vec<Bson>>,
    /// What the target of a `$merge` holds.
    target: HashSet<Vec<u8>>,
    /// Collections of a database that is dropped.
    collections: Vec<String>,
}

/// True for commands that the log is about.
pub(super) fn logged(name: &str, body: &Document) -> bool {
    let name = name.to_ascii_lowercase();
    let about_users = name.ends_with("user") || name.ends_with("role");
    (writes(&name, body) && !about_users) || name == "renamecollection" || name == "collmod"
}

/// The statements of a bulk command, from its body or the sequences beside it.
fn statements(request: &Request, field: &str) -> io::Result<Vec<Document>> {
    let mut all = Vec::new();
    if let Ok(list) = request.body.get_array(field) {
        for one in list.into_iter().flatten() {
            all.extend(one.as_document().map(read).transpose()?);
        }
    }
    let mut rest = request.sequences.as_slice();
    while let Some(length) = rest.get(1..5).and_then(|four| four.try_into().ok()) {
        let length = usize::try_from(i32::from_le_bytes(length)).unwrap_or(usize::MAX);
        let Some(own) = rest.get(5..=length) else { break };
        let end = own.iter().position(|byte| *byte == 0).unwrap_or(own.len());
        let mut documents = own.get(end + 1..).unwrap_or_default();
        while let Some(size) = documents.get(..4).and_then(|four| four.try_into().ok()) {
            let size = usize::try_from(i32::from_le_bytes(size)).unwrap_or(usize::MAX);
            let Some(one) = documents.get(..size) else { break };
            if &own[..end] == field.as_bytes() {
                let one = RawDocument::from_bytes(one).map_err(|error| io::Error::other(error.to_string()))?;
                all.push(read(one)?);
            }
            documents = &documents[size..];
        }
        rest = &rest[length + 1..];
    }
    Ok(all)
}

/// The `_id` that a filter names, if it is about nothing else.
fn exactly(filter: &Document) -> Option<Bson> {
    let id = filter.get("_id").filter(|_| filter.len() == 1)?;
    match id {
        Bson::RegularExpression(_) => None,
        Bson::Document(below) if below.keys().any(|key| key.starts_with('$')) => None,
        id => Some(id.clone()),
    }
}

fn bytes(id: &Bson) -> Vec<u8> {
    bson::to_vec(&doc! { "_id": id.clone() }).unwrap_or_default()
}

async fn find(store: &mut TcpStream, database: &str, command: Document) -> io::Result<Vec<RawDocumentBuf>> {
    let mut command = command;
    command.extend(doc! { "batchSize": 1_000_000, "$db": database });
    let reply = wire::ask(store, &raw(&command)?, &[]).await?;
    let list = reply
        .get_document("cursor")
        .and_then(|cursor| cursor.get_array("firstBatch"));
    // Whatever the store cannot find it will not write either.
    let Ok(list) = list else { return Ok(Vec::new()) };
    Ok(list
        .into_iter()
        .flatten()
        .filter_map(|one| one.as_document().map(RawDocument::to_owned))
        .collect())
}

async fn ids(store: &mut TcpStream, database: &str, mut command: Document) -> io::Result<Vec<Bson>> {
    command.insert("projection", doc! { "_id": 1 });
    let found = find(store, database, command).await?;
    found
        .iter()
        .map(|one| Ok(read(one)?.remove("_id").unwrap_or(Bson::Null)))
        .collect()
}

/// Database and collection that an aggregation writes to, and whether it replaces the collection.
fn target(body: &Document, database: &str) -> Option<(String, String, bool)> {
    let last = body.get_array("pipeline").ok()?.last()?.as_document()?;
    let (named, whole) = match (last.get("$out"), last.get_document("$merge")) {
        (Some(out), _) => (out.clone(), true),
        (None, Ok(merge)) => (merge.get("into")?.clone(), false),
        _ => (last.get("$merge")?.clone(), false),
    };
    match named {
        Bson::Document(to) => Some((
            to.get_str("db").unwrap_or(database).into(),
            to.get_str("coll").ok()?.into(),
            whole,
        )),
        other => Some((database.into(), other.as_str()?.into(), whole)),
    }
}

/// Asks the store what the command is going to meet.
pub(super) async fn before(store: &mut TcpStream, request: &Request, body: &Document) -> io::Result<Before> {
    let database = request.database.as_str();
    let collection = body.values().next().and_then(Bson::as_str).unwrap_or_default();
    let mut known = Before {
        found: Vec::new(),
        target: HashSet::new(),
        collections: Vec::new(),
    };
    let name = request.name.to_ascii_lowercase();
    let searches: Vec<(Document, i32, Option<Document>)> = match name.as_str() {
        "update" | "delete" => {
            let field = if name == "update" { "updates" } else { "deletes" };
            let search = |one: &Document| {
                let all = one.get_bool("multi") == Ok(true)
                    || matches!(one.get("limit"), Some(Bson::Int32(0) | Bson::Int64(0)));
                let filter = one.get_document("q").cloned().unwrap_or_default();
                (filter, i32::from(!all), None)
            };
            statements(request, field)?.iter().map(search).collect()
        }
        "findandmodify" => {
            let filter = body.get_document("query").cloned().unwrap_or_default();
            vec![(filter, 1, body.get_document("sort").ok().cloned())]
        }
        _ => Vec::new(),
    };
    for (filter, limit, sort) in searches {
        if let Some(id) = exactly(&filter) {
            known.found.push(vec![id]);
            continue;
        }
        let mut command = doc! { "find": collection, "filter": filter, "limit": limit };
        command.extend(sort.map(|sort| doc! { "sort": sort }).unwrap_or_default());
        known.found.push(ids(store, database, command).await?);
    }
    if name == "dropdatabase" {
        let list = doc! { "listCollections": 1, "nameOnly": true, "$db": database };
        let reply = read(&wire::ask(store, &raw(&list)?, &[]).await?)?;
        let list = reply
            .get_document("cursor")
            .and_then(|cursor| cursor.get_array("firstBatch"));
        let names = list.map(Vec::as_slice).unwrap_or_default().iter();
        known.collections = names
            .filter_map(|one| Some(one.as_document()?.get_str("name").ok()?.to_owned()))
            .collect();
    }
    if let ("aggregate", Some((database, collection, false))) = (name.as_str(), target(body, database)) {
        let there = ids(store, &database, doc! { "find": collection }).await?;
        known.target = there.iter().map(bytes).collect();
    }
    Ok(known)
}

/// What a carried out command wrote.
pub(super) async fn after(
    store: &mut TcpStream,
    (request, body): (&Request, &Document),
    known: Before,
    reply: &Document,
) -> io::Result<Vec<Event>> {
    let database = request.database.as_str();
    let collection = body.values().next().and_then(Bson::as_str).unwrap_or_default();
    let new = |kind| Event::new(kind, database, collection);
    let list = |name: &str| {
        let list = reply.get_array(name).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Bson::as_document).collect::<Vec<_>>()
    };
    let failed: Vec<usize> = list("writeErrors").iter().filter_map(|one| index(one)).collect();
    let ordered = body.get_bool("ordered").unwrap_or(true);
    let done = |index: usize| !failed.iter().any(|at| *at == index || (ordered && *at < index));
    let count = |name: &str| reply.get(name).and_then(|n| n.as_i64().or(n.as_i32().map(i64::from)));
    let mut events = Vec::new();
    match request.name.to_ascii_lowercase().as_str() {
        "insert" => {
            let documents = statements(request, "documents")?.into_iter().enumerate();
            for (_, document) in documents.filter(|(index, _)| done(*index)) {
                let Some(id) = document.get("_id") else { continue };
                let full = Some(raw(&document)?);
                events.push(Event {
                    full,
                    ..new("insert").of(id.clone())
                });
            }
        }
        "update" => {
            let made: HashMap<usize, Bson> = list("upserted")
                .iter()
                .filter_map(|one| Some((index(one)?, one.get("_id")?.clone())))
                .collect();
            let changed = count("nModified").or(count("n")).unwrap_or(0) > 0;
            let updates = statements(request, "updates")?;
            for (at, (statement, found)) in updates.iter().zip(known.found).enumerate().filter(|(at, _)| done(*at)) {
                if let Some(id) = made.get(&at) {
                    events.push(inserted(store, (database, collection), id.clone()).await?);
                } else if changed {
                    let kind = kind(statement.get("u"));
                    events.extend(found.into_iter().map(|id| new(kind).of(id)));
                }
            }
        }
        "delete" if count("n").unwrap_or(0) > 0 => {
            let found = known.found.into_iter().enumerate().filter(|(at, _)| done(*at));
            events.extend(found.flat_map(|(_, ids)| ids).map(|id| new("delete").of(id)));
        }
        "findandmodify" => {
            let told = reply.get_document("lastErrorObject").cloned().unwrap_or_default();
            if let Some(id) = told.get("upserted").filter(|id| **id != Bson::Null) {
                events.push(inserted(store, (database, collection), id.clone()).await?);
            } else if told
                .get("n")
                .is_some_and(|n| n.as_i32().or(n.as_i64().map(|n| n as i32)) > Some(0))
            {
                let remove = body.get_bool("remove") == Ok(true);
                let kind = if remove { "delete" } else { kind(body.get("update")) };
                events.extend(known.found.into_iter().flatten().map(|id| new(kind).of(id)));
            }
        }
        "create" => events.push(new("create")),
        "createindexes" => events.push(new("createIndexes")),
        "dropindexes" => events.push(new("dropIndexes")),
        "collmod" => events.push(new("modify")),
        "drop" => events.push(new("drop")),
        "dropdatabase" => {
            events.extend(known.collections.iter().map(|name| Event::new("drop", database, name)));
            events.push(Event::new("dropDatabase", database, ""));
        }
        "renamecollection" => {
            let split = |name: &str| name.split_once('.').map(|(db, coll)| (db.to_owned(), coll.to_owned()));
            let to = body.get_str("to").ok().and_then(split);
            if let (Some((database, name)), Some((_, to))) = (split(collection), to) {
                let to = Some(to);
                events.push(Event {
                    to,
                    ..Event::new("rename", &database, &name)
                });
            }
        }
        "aggregate" => match target(body, database) {
            // Servers write aside and rename.
            Some((database, to, true)) => {
                let to = Some(to);
                events.push(Event {
                    to,
                    ..Event::new("rename", &database, "tmp.agg_out")
                });
            }
            Some((database, collection, false)) => {
                for document in find(store, &database, doc! { "find": &collection }).await? {
                    let Some(id) = read(&document)?.remove("_id") else {
                        continue;
                    };
                    let there = known.target.contains(&bytes(&id));
                    let kind = if there { "replace" } else { "insert" };
                    let full = Some(document);
                    events.push(Event {
                        full,
                        ..Event::new(kind, &database, &collection).of(id)
                    });
                }
            }
            None => {}
        },
        _ => {}
    }
    Ok(events)
}

fn index(entry: &Document) -> Option<usize> {
    usize::try_from(entry.get_i32("index").ok()?).ok()
}

/// Updates by operators or stages change a document, others replace it.
fn kind(update: Option<&Bson>) -> &'static str {
    match update {
        Some(Bson::Document(own)) if !own.keys().next().is_some_and(|key| key.starts_with('$')) => "replace",
        _ => "update",
    }
}

async fn inserted(store: &mut TcpStream, (database, collection): (&str, &str), id: Bson) -> io::Result<Event> {
    let command = doc! { "find": collection, "filter": { "_id": { "$in": [id.clone()] } } };
    let full = find(store, database, command).await?.pop();
    Ok(Event {
        full,
        ..Event::new("insert", database, collection).of(id)
    })
}
