//! A process of the tool, of Helm, or of somebody else, at the tap: what it asks for passes by there, and it may die there.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use rehelm_sim::AnswerBody;
use tower::Service as _;

use crate::call::{Actor, Call};
use crate::life::Life;
use crate::tap::{BoxError, Tap};
use crate::twist::{Act, FileAct, Moment};
use crate::{answer, stale};

/// One process at the tap.
#[derive(Clone)]
pub struct Process {
    tap: Tap,
    actor: Actor,
    /// Its life.
    pub life: Arc<Life>,
    /// Who dies in its place: the tool, while the Helm that it started goes on.
    instead: Option<Arc<Life>>,
}

impl Process {
    /// Somebody at a tap.
    pub fn new(tap: Tap, actor: Actor) -> Self {
        Self {
            tap,
            actor,
            life: Arc::default(),
            instead: None,
        }
    }

    /// The tap that it is at.
    pub fn tap(&self) -> &Tap {
        &self.tap
    }

    /// A client of the API server.
    pub fn client(&self) -> kube::Client {
        let process = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let process = process.clone();
            async move { process.request(request).await }
        });
        kube::Client::new(service, "default")
    }

    /// Somebody else who dies with this process.
    #[must_use]
    pub fn as_actor(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// Somebody with a life of its own, at whose writes this process dies.
    #[must_use]
    pub fn survived_by(&self, actor: Actor) -> Self {
        Self {
            life: Arc::default(),
            instead: Some(self.life.clone()),
            ..self.as_actor(actor)
        }
    }

    /// Dead processes wait for ever.
    async fn alive(&self) {
        if self.life.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    async fn die(&self) -> ! {
        self.life.end();
        std::future::pending::<std::convert::Infallible>().await;
        unreachable!("pending for ever")
    }

    async fn request(&self, request: Request<Body>) -> Result<Response<AnswerBody>, BoxError> {
        self.alive().await;
        let (head, body) = request.into_parts();
        let mut bytes = body.collect().await?.to_bytes();
        let mut call = Call::read(self.actor, &head, &bytes);
        let mut act = self.tap.meet(&mut call);
        if let (Act::Die(_), Some(tool)) = (&act, &self.instead) {
            tool.end();
            act = Act::Pass;
        }
        match &act {
            Act::Die(Moment::Unsent) => self.die().await,
            Act::Refuse(code, reason, message) => return Ok(answer::refusal(*code, reason, message, &call)),
            Act::NeverConnected => return Err(answer::never_connected()),
            Act::Break(why) => return Err((*why).into()),
            Act::KillHelm(false) => return Err(crate::helm::KILLED.into()),
            Act::Hang => std::future::pending().await,
            Act::Delay(time) => self.tap.sim().sleep(*time).await,
            Act::Pretend => return Ok(answer::pretended(self.tap.sim(), &call)),
            Act::Rewrite(value) => bytes = Bytes::from(value.to_string()),
            _ => {}
        }
        let answered = self.send(head, bytes).await?;
        if call.writes() {
            self.tap.wrote(&call, answered.status().as_u16());
        }
        self.alive().await;
        match act {
            Act::Die(Moment::Unheard) => self.die().await,
            Act::Die(_) => {
                self.life.doom();
                Ok(answered)
            }
            Act::LoseAnswer => Err("the connection broke before the answer came".into()),
            Act::KillHelm(true) => Err(crate::helm::KILLED.into()),
            Act::HangAfter => std::future::pending().await,
            Act::Torn => answer::torn(answered).await,
            Act::Falsify(how) => answer::falsified(answered, how).await,
            Act::Also(method, path, body) => {
                let (head, ()) = Request::builder()
                    .method(method)
                    .uri(path)
                    .header("Content-Type", "application/merge-patch+json")
                    .body(())?
                    .into_parts();
                let mut also = Call::read(self.actor, &head, body.to_string().as_bytes());
                also.step = call.step;
                let did = crate::outside::ask(self.tap.sim(), method, head.uri.path(), Some(&body));
                self.tap.wrote(&also, did.map_or(0, |(status, _)| status));
                Ok(answered)
            }
            Act::Stale(versions) => stale::answer(self.tap.sim(), &call, answered, versions).await,
            Act::Garble(how) => answer::garbled(answered, how).await,
            _ => Ok(answered),
        }
    }

    async fn send(&self, head: http::request::Parts, bytes: Bytes) -> Result<Response<AnswerBody>, BoxError> {
        let mut service = self.tap.sim().service();
        let request = Request::from_parts(head, Body::from(bytes.to_vec()));
        Ok(service.call(request).await?)
    }

    /// A command to the database server: waits for ever for the dead, gives what is to become of it.
    pub async fn database(&self, verb: &'static str, name: &str, writes: bool) -> Act {
        self.alive().await;
        let mut call = Call {
            actor: self.actor,
            write: usize::from(writes),
            number: 0,
            verb,
            resource: "database".to_owned(),
            namespace: String::new(),
            name: name.to_owned(),
            step: String::new(),
            body: serde_json::Value::Null,
        };
        let act = self.tap.meet(&mut call);
        match act {
            Act::Die(Moment::Unsent) => self.die().await,
            Act::Hang => std::future::pending().await,
            _ => act,
        }
    }

    /// The command was carried out.
    pub async fn database_did(&self, verb: &str, name: &str, act: &Act) {
        self.tap.tell(format!("  database {verb} {name}"));
        self.alive().await;
        match act {
            Act::Die(Moment::Unheard) => self.die().await,
            Act::Die(_) => self.life.doom(),
            _ => {}
        }
    }

    /// A write to a file: what becomes of it. The dead write nothing.
    pub fn file(&self, path: &str, line: Option<&str>) -> FileAct {
        if self.life.is_dead() {
            return FileAct::Die;
        }
        if self.life.is_over() {
            self.life.end();
            return FileAct::Die;
        }
        let act = self.tap.file(path, line);
        if matches!(act, FileAct::Die | FileAct::Tear(_) | FileAct::DieAfter) {
            self.life.end();
        }
        act
    }
}
