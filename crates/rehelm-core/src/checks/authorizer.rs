//! A cluster for tests of rights.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::object::{ObjRef, Object};
use crate::ports::{
    Access, ApiKind, Cluster, ListedKind, PatchKind, PortError, PortResult, Precondition, Select, ServerFacts,
};

/// A cluster that only answers what an identity may do: everything, but for one resource.
#[derive(Default)]
pub(super) struct Authorizer {
    pub refuses: Option<&'static str>,
    pub asked: Mutex<Vec<Access>>,
}

fn no<T>() -> PortResult<T> {
    Err(PortError::Other("only asked for rights".into()))
}

#[async_trait]
impl Cluster for Authorizer {
    async fn facts(&self) -> PortResult<ServerFacts> {
        no()
    }
    async fn kind(&self, _: &str, _: &str) -> PortResult<ApiKind> {
        no()
    }
    async fn listed_kinds(&self) -> PortResult<Vec<ListedKind>> {
        no()
    }
    async fn get(&self, _: &ObjRef) -> PortResult<Option<Object>> {
        no()
    }
    async fn list(&self, _: &str, _: &str, _: &Select) -> PortResult<Vec<Object>> {
        no()
    }
    async fn create(&self, _: &Object, _: bool) -> PortResult<Object> {
        no()
    }
    async fn patch(&self, _: &ObjRef, _: PatchKind, _: &Value, _: &Precondition, _: bool) -> PortResult<Object> {
        no()
    }
    async fn delete(&self, _: &ObjRef, _: &Precondition, _: bool) -> PortResult<()> {
        no()
    }
    async fn scale(&self, _: &ObjRef, _: i32) -> PortResult<()> {
        no()
    }
    async fn wait(
        &self,
        _: &ObjRef,
        _: Duration,
        _: &(dyn for<'a> Fn(Option<&'a Object>) -> bool + Send + Sync),
    ) -> PortResult<Option<Object>> {
        no()
    }
    async fn wait_list(
        &self,
        _: &str,
        _: &str,
        _: &Select,
        _: Duration,
        _: &(dyn for<'a> Fn(&'a [Object]) -> bool + Send + Sync),
    ) -> PortResult<Vec<Object>> {
        no()
    }
    async fn can_i(&self, access: &Access) -> PortResult<bool> {
        self.asked.lock().unwrap().push(access.clone());
        Ok(self.refuses != Some(&access.resource))
    }
}
