//! One task per client connection: each command is checked, answered here or passed on to the store.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use tokio::net::{TcpListener, TcpStream};

use super::access::needs;
use super::asides::{FIRST, NEXT, change_stream, current_op, in_batches, with_code, with_known_types, writes};
use super::catalog::Catalog;
use super::face::Face;
use super::fault::{self, Effect, Fault};
use super::oplog::Oplog;
use super::out;
use super::refusal::{Answer, Refusal, refuse};
use super::scram::{self, Exchange};
use super::streams::{News, Streams};
use super::users::{Named, Users};
use super::wire::{self, Request};
use super::written;

/// What all connections share.
pub(super) struct Front {
    pub face: Face,
    pub replica_set: Option<String>,
    /// `127.0.0.1:PORT` of each member of this server; all of them show the same data.
    pub members: Vec<String>,
    /// `127.0.0.1:PORT` of the store.
    pub store: String,
    pub state: Mutex<State>,
    pub news: News,
}

#[derive(Default)]
pub(super) struct State {
    pub users: Users,
    pub catalog: Catalog,
    pub faults: Vec<Fault>,
    /// The newest retryable write of each session and its reply: a retry is answered, not applied again.
    pub replies: HashMap<Vec<u8>, (i64, RawDocumentBuf)>,
    /// How often the primary changed.
    pub elections: u8,
    /// Which of the members takes writes.
    pub primary: usize,
    /// Operations that wait, as `serverStatus` tells.
    pub queue: u32,
    /// Who is logged in, by connection.
    pub connected: BTreeMap<u64, Connected>,
    pub connections: u64,
    pub log: Oplog,
    pub streams: Streams,
}

/// A connection as `$currentOp` shows it.
pub(super) struct Connected {
    pub client: String,
    pub app: String,
    pub user: Option<Named>,
}

/// What one connection knows.
#[derive(Default)]
struct Session {
    /// The member that it is connected to.
    member: usize,
    number: u64,
    user: Option<Named>,
    login: Option<(Exchange, Named)>,
    store: Option<TcpStream>,
}

impl Session {
    /// This client's own connection to the store.
    async fn store(&mut self, address: &str) -> io::Result<&mut TcpStream> {
        Ok(match &mut self.store {
            Some(store) => store,
            none => none.insert(TcpStream::connect(address).await?),
        })
    }
}

impl Front {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until the listener's runtime ends.
pub(super) async fn serve(front: Arc<Front>, listener: TcpListener, member: usize) {
    while let Ok((client, from)) = listener.accept().await {
        let front = front.clone();
        // A broken connection is the client's to notice.
        tokio::spawn(async move {
            let number = front.state().connect(from.to_string());
            let _ = front.converse(client, member, number).await;
            front.state().connected.remove(&number);
        });
    }
}

impl State {
    fn connect(&mut self, client: String) -> u64 {
        self.connections += 1;
        let (app, user) = (String::new(), None);
        self.connected.insert(self.connections, Connected { client, app, user });
        self.connections
    }
}

pub(super) fn raw(document: &Document) -> io::Result<RawDocumentBuf> {
    RawDocumentBuf::from_document(document).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

pub(super) fn read(document: &RawDocument) -> io::Result<Document> {
    Document::try_from(document).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The command without its bulk, for deciding.
fn without_bulk(body: &RawDocument) -> io::Result<Document> {
    let mut light = RawDocumentBuf::new();
    for element in body {
        let (key, value) = element.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        if !matches!(key, "documents" | "updates" | "deletes") {
            light.append_ref(key, value);
        }
    }
    read(&light)
}

/// The command as the store may see it: sessions are this front's matter.
fn for_store(body: &RawDocument) -> io::Result<RawDocumentBuf> {
    let mut own = RawDocumentBuf::new();
    for element in body {
        let (key, value) = element.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        if !matches!(
            key,
            "lsid" | "txnNumber" | "$clusterTime" | "writeConcern" | "readConcern"
        ) {
            own.append_ref(key, value);
        }
    }
    Ok(own)
}

impl Front {
    async fn converse(&self, mut client: TcpStream, member: usize, number: u64) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut session = Session {
            member,
            number,
            ..Session::default()
        };
        while let Some(request) = wire::request(&mut client).await? {
            let body = without_bulk(&request.body)?;
            let effect = fault::meet(&mut self.state().faults, &request.name, &request.database);
            let reply = match &effect {
                Some(Effect::CloseBefore) => return Ok(()),
                Some(Effect::Error(code)) => {
                    let (code, message) = (*code, "a fault that was ordered".into());
                    let of_stream = self.state().streams(&request, &body);
                    raw(&self.labelled(&Refusal { code, message }, of_stream))?
                }
                Some(Effect::Delay(time)) => {
                    tokio::time::sleep(*time).await;
                    self.once(&request, &body, &mut session).await?
                }
                _ => self.once(&request, &body, &mut session).await?,
            };
            if effect == Some(Effect::CloseAfter) {
                return Ok(());
            }
            if !request.silent {
                wire::reply(&mut client, &request, &reply).await?;
            }
        }
        Ok(())
    }

    /// Retryable writes are applied once.
    async fn once(&self, request: &Request, body: &Document, session: &mut Session) -> io::Result<RawDocumentBuf> {
        let session_id = body
            .get_document("lsid")
            .and_then(|lsid| lsid.get_binary_generic("id"))
            .cloned();
        let (Ok(id), Ok(number)) = (session_id, body.get_i64("txnNumber")) else {
            return self.checked(request, body, session).await;
        };
        if let Some((known, reply)) = self.state().replies.get(&id)
            && *known == number
        {
            return Ok(reply.clone());
        }
        let reply = self.checked(request, body, session).await?;
        if reply.get_f64("ok") == Ok(1.0) {
            self.state().replies.insert(id, (number, reply.clone()));
        }
        Ok(reply)
    }

    async fn checked(&self, request: &Request, body: &Document, session: &mut Session) -> io::Result<RawDocumentBuf> {
        let needs = needs(&request.name, &request.database, body);
        let allowed = self
            .state()
            .users
            .allow(session.user.as_ref(), &needs, &request.database, &request.name);
        let answer = match allowed {
            Ok(()) => match self.answer(request, body, session) {
                Some(answer) => answer,
                None if self.state().streams(request, body) => return self.stream(request, body).await,
                None if self.replica_set.is_some() && written::logged(&request.name, body) => {
                    return self.logged(request, body, session).await;
                }
                None => return self.pass_on(request, body, session).await,
            },
            Err(refusal) => Err(refusal),
        };
        raw(&answer.unwrap_or_else(|refusal| refusal.to_document()))
    }

    /// What this front answers itself; None for the store's commands.
    fn answer(&self, request: &Request, body: &Document, session: &mut Session) -> Option<Answer> {
        let mut state = self.state();
        let database = request.database.as_str();
        let name = request.name.to_ascii_lowercase();
        Some(match name.as_str() {
            "hello" | "ismaster" => {
                let told = body
                    .get_document("client")
                    .and_then(|client| client.get_document("application"));
                if let (Ok(app), Some(own)) = (told, state.connected.get_mut(&session.number)) {
                    own.app = app.get_str("name").unwrap_or_default().to_owned();
                }
                let set = self.replica_set.as_deref();
                let at = (session.member, state.primary);
                let mut hello = self
                    .face
                    .hello(set, &self.members, at, state.elections, name == "ismaster");
                let asked = body
                    .get_str("saslSupportedMechs")
                    .ok()
                    .and_then(|user| user.split_once('.'));
                let known = |(db, user): (&str, &str)| state.users.credential(&(user.into(), db.into()));
                if let Some(credential) = asked.and_then(known) {
                    hello.insert("saslSupportedMechs", vec![credential.mechanism.name()]);
                }
                Ok(hello)
            }
            "buildinfo" => Ok(self.face.build_info()),
            "ping" | "endsessions" => Ok(doc! { "ok": 1.0 }),
            "logout" => {
                session.user = None;
                Ok(doc! { "ok": 1.0 })
            }
            _ if session.member != state.primary && writes(&name, body) => refuse(10107, "not primary"),
            "saslstart" | "saslcontinue" => {
                let answer = login(&state.users, body, database, session);
                if let Some(own) = state.connected.get_mut(&session.number) {
                    own.user.clone_from(&session.user);
                }
                answer
            }
            "serverstatus" => {
                let queue = doc! { "total": state.queue, "readers": 0, "writers": state.queue };
                Ok(doc! { "version": "stand-in", "globalLock": { "currentQueue": queue }, "ok": 1.0 })
            }
            "aggregate" if change_stream(body) => return None,
            "aggregate" if body.get_str("aggregate").is_err() => Ok(current_op(&state)),
            "updaterole" => state.users.update_role(body, database),
            "connectionstatus" => state.users.status(session.user.as_ref(), body),
            "createuser" => state.users.create(body, database),
            "updateuser" => state.users.update(body, database),
            "dropuser" => state.users.remove(body, database),
            "usersinfo" => state.users.info(body, database),
            "createrole" => state.users.create_role(body, database),
            "listdatabases" if session.user.is_none() => refuse(13, "command listDatabases requires authentication"),
            "configurefailpoint" => match fault::parse(body) {
                Some(faults) => {
                    state.faults = faults;
                    Ok(doc! { "ok": 1.0 })
                }
                None => refuse(2, "only failCommand, with mode times, alwaysOn or off, is known"),
            },
            "create" => match state.catalog.create(body, database) {
                Ok(Some(_)) => return None,
                Ok(None) => Ok(doc! { "ok": 1.0 }),
                Err(refusal) => Err(refusal),
            },
            "drop" if state.catalog.view(database, body.get_str("drop").unwrap_or_default()) => {
                state.catalog.drop(database, body.get_str("drop").unwrap_or_default());
                Ok(doc! { "ok": 1.0 })
            }
            _ => return None,
        })
    }

    /// A write on a server that somebody follows: carried out alone, and in the log before it is answered.
    async fn logged(&self, request: &Request, body: &Document, session: &mut Session) -> io::Result<RawDocumentBuf> {
        let logging = self.news.logging.read().await;
        if !*logging {
            return self.pass_on(request, body, session).await;
        }
        drop(logging);
        let _alone = self.news.logging.write().await;
        let before = written::before(session.store(&self.store).await?, request, body).await?;
        let reply = self.pass_on(request, body, session).await?;
        if reply.get_f64("ok") == Ok(1.0) {
            let store = session.store(&self.store).await?;
            let events = written::after(store, (request, body), before, &read(&reply)?).await?;
            let mut state = self.state();
            events.into_iter().for_each(|event| state.log.push(event));
            self.news.moved.send_replace(());
        }
        Ok(reply)
    }

    async fn pass_on(&self, request: &Request, body: &Document, session: &mut Session) -> io::Result<RawDocumentBuf> {
        let store = session.store(&self.store).await?;
        let database = request.database.as_str();
        let command = match request.name.as_str() {
            // The store refuses the options that it does not keep.
            "create" => raw(&doc! { "create": body.get_str("create").unwrap_or_default(), "$db": database })?,
            "aggregate" => match out::other_database(body) {
                // Other databases are the store's only by merging, which needs an empty target to give the same.
                Some(_) if self.face == Face::V4_2 => {
                    let message = "$out only supports a string argument, but found object".into();
                    return raw(&Refusal { code: 16990, message }.to_document());
                }
                Some((target, collection, merge)) => {
                    let drop = doc! { "drop": &collection, "$db": &target };
                    wire::ask(store, &raw(&drop)?, &[]).await?;
                    self.state().catalog.drop(&target, &collection);
                    for_store(&raw(&merge)?)?
                }
                None => for_store(&request.body)?,
            },
            "find" => for_store(&raw(&with_known_types(&in_batches(body, FIRST)))?)?,
            "getMore" => for_store(&raw(&in_batches(body, NEXT))?)?,
            _ => for_store(&request.body)?,
        };
        let reply = wire::ask(store, &command, &request.sequences).await?;
        if reply.get_f64("ok") != Ok(1.0) {
            return with_code(reply, &request.name);
        }
        let mut state = self.state();
        match request.name.as_str() {
            "drop" => state.catalog.drop(database, body.get_str("drop").unwrap_or_default()),
            "dropDatabase" => state.catalog.drop_database(database),
            "listCollections" => return raw(&state.catalog.complete(read(&reply)?, body, database)),
            "listDatabases" => {
                let mut list = read(&reply)?;
                let Ok(databases) = list.get_array_mut("databases") else {
                    return Ok(reply);
                };
                databases
                    .extend(["admin", "config", "local"].map(|name| Bson::from(doc! { "name": name, "empty": false })));
                let name = |entry: &Bson| Some(entry.as_document()?.get_str("name").ok()?.to_owned());
                databases.retain(|entry| name(entry).is_some_and(|n| state.users.sees(session.user.as_ref(), &n)));
                return raw(&list);
            }
            _ => {}
        }
        Ok(reply)
    }
}

/// `saslStart` and `saslContinue`.
fn login(users: &Users, body: &Document, database: &str, session: &mut Session) -> Answer {
    let failed = || Refusal {
        code: 18,
        message: "Authentication failed.".into(),
    };
    let payload = body.get_binary_generic("payload").map_err(|_| failed())?;
    let message = std::str::from_utf8(payload).map_err(|_| failed())?;
    let reply = |text: String, done: bool| {
        let bytes = bson::Binary {
            subtype: bson::spec::BinarySubtype::Generic,
            bytes: text.into_bytes(),
        };
        Ok(doc! { "conversationId": 1, "done": done, "payload": bytes, "ok": 1.0 })
    };
    if body.contains_key("saslStart") {
        session.login = None;
        let user = (scram::user(message).ok_or_else(failed)?, database.to_owned());
        let credential = users.credential(&user);
        let credential = credential
            .filter(|own| body.get_str("mechanism") == Ok(own.mechanism.name()))
            .ok_or_else(failed)?;
        let (exchange, text) = scram::begin(message, credential).ok_or_else(failed)?;
        session.login = Some((exchange, user));
        return reply(text, false);
    }
    let (exchange, user) = session.login.take().ok_or_else(failed)?;
    let text = exchange.finish(message).ok_or_else(failed)?;
    session.user = Some(user);
    reply(text, true)
}
