//! Doors that only who holds the lock can write through. Reading needs no lock, and neither does a dry run.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::Fence;
use crate::finding::Finding;
use crate::object::{ObjRef, Object};
use crate::ports::{
    Access, ApiKind, Changes, ChartFacts, Cluster, Comparison, CopyProgress, DatabaseFacts, DatabaseOutline,
    DatabaseProof, DatabaseUser, Databases, DocumentId, Executed, Helm, How, Levelled, ListedKind, Notebook, PatchKind,
    PortResult, Precondition, ReleaseSpec, ReleaseState, Rendered, Select, ServerFacts, UserFacts,
};

/// A door behind a fence.
pub struct Fenced<'a, T: ?Sized> {
    inner: &'a T,
    fence: &'a Fence,
}

impl<'a, T: ?Sized> Fenced<'a, T> {
    /// Puts a door behind a fence.
    pub fn new(inner: &'a T, fence: &'a Fence) -> Self {
        Self { inner, fence }
    }

    async fn unless(&self, dry_run: bool) -> PortResult<()> {
        if dry_run { Ok(()) } else { self.fence.check().await }
    }
}

#[async_trait]
impl<'d> Cluster for Fenced<'_, dyn Cluster + 'd> {
    async fn facts(&self) -> PortResult<ServerFacts> {
        self.inner.facts().await
    }

    async fn kind(&self, api_version: &str, kind: &str) -> PortResult<ApiKind> {
        self.inner.kind(api_version, kind).await
    }

    async fn listed_kinds(&self) -> PortResult<Vec<ListedKind>> {
        self.inner.listed_kinds().await
    }

    async fn get(&self, object: &ObjRef) -> PortResult<Option<Object>> {
        self.inner.get(object).await
    }

    async fn list(&self, api_version: &str, kind: &str, select: &Select) -> PortResult<Vec<Object>> {
        self.inner.list(api_version, kind, select).await
    }

    async fn create(&self, object: &Object, dry_run: bool) -> PortResult<Object> {
        self.unless(dry_run).await?;
        self.inner.create(object, dry_run).await
    }

    async fn patch(
        &self,
        object: &ObjRef,
        kind: PatchKind,
        patch: &Value,
        precondition: &Precondition,
        dry_run: bool,
    ) -> PortResult<Object> {
        self.unless(dry_run).await?;
        self.inner.patch(object, kind, patch, precondition, dry_run).await
    }

    async fn delete(&self, object: &ObjRef, precondition: &Precondition, dry_run: bool) -> PortResult<()> {
        self.unless(dry_run).await?;
        self.inner.delete(object, precondition, dry_run).await
    }

    async fn scale(&self, object: &ObjRef, replicas: i32) -> PortResult<()> {
        self.fence.check().await?;
        self.inner.scale(object, replicas).await
    }

    async fn wait(
        &self,
        object: &ObjRef,
        timeout: Duration,
        until: &(dyn for<'a> Fn(Option<&'a Object>) -> bool + Send + Sync),
    ) -> PortResult<Option<Object>> {
        self.inner.wait(object, timeout, until).await
    }

    async fn wait_list(
        &self,
        api_version: &str,
        kind: &str,
        select: &Select,
        timeout: Duration,
        until: &(dyn for<'a> Fn(&'a [Object]) -> bool + Send + Sync),
    ) -> PortResult<Vec<Object>> {
        self.inner.wait_list(api_version, kind, select, timeout, until).await
    }

    async fn can_i(&self, access: &Access) -> PortResult<bool> {
        self.inner.can_i(access).await
    }

    async fn exec(&self, pod: &ObjRef, container: Option<&str>, command: &[String]) -> PortResult<Option<Executed>> {
        self.fence.check().await?;
        self.inner.exec(pod, container, command).await
    }
}

/// What takes long is ended when the lock is lost meanwhile.
#[async_trait]
impl<'d> Helm for Fenced<'_, dyn Helm + 'd> {
    async fn version(&self) -> PortResult<String> {
        self.inner.version().await
    }

    async fn chart(&self, spec: &ReleaseSpec) -> PortResult<ChartFacts> {
        self.inner.chart(spec).await
    }

    async fn render(&self, spec: &ReleaseSpec, planned: &[Object]) -> PortResult<Rendered> {
        self.inner.render(spec, planned).await
    }

    async fn install(&self, spec: &ReleaseSpec, dry_run: bool) -> PortResult<()> {
        if dry_run {
            return self.inner.install(spec, true).await;
        }
        self.fence.during(self.inner.install(spec, false)).await
    }

    async fn end_leftover(&self) -> PortResult<()> {
        self.fence.check().await?;
        self.inner.end_leftover().await
    }

    async fn release(&self, namespace: &str, release: &str) -> PortResult<Option<ReleaseState>> {
        self.inner.release(namespace, release).await
    }

    async fn delete_release_record(&self, namespace: &str, release: &str) -> PortResult<()> {
        self.fence.check().await?;
        self.inner.delete_release_record(namespace, release).await
    }
}

#[async_trait]
impl<'d> Databases for Fenced<'_, dyn Databases + 'd> {
    async fn facts(&self) -> PortResult<DatabaseFacts> {
        self.inner.facts().await
    }

    async fn list(&self) -> PortResult<Vec<String>> {
        self.inner.list().await
    }

    async fn size(&self, database: &str) -> PortResult<u64> {
        self.inner.size(database).await
    }

    async fn outline(&self, database: &str) -> PortResult<DatabaseOutline> {
        self.inner.outline(database).await
    }

    async fn copy(&self, from: &str, to: &str, how: &How<'_>, progress: &CopyProgress<'_>) -> PortResult<()> {
        self.fence.during(self.inner.copy(from, to, how, progress)).await
    }

    async fn level(&self, from: &str, to: &str, how: &How<'_>, progress: &CopyProgress<'_>) -> PortResult<Levelled> {
        self.fence.during(self.inner.level(from, to, how, progress)).await
    }

    async fn compare(&self, from: &str, to: &str, most: usize) -> PortResult<Comparison> {
        self.inner.compare(from, to, most).await
    }

    async fn refresh(&self, from: &str, to: &str, collection: &str, ids: &[DocumentId]) -> PortResult<Levelled> {
        self.fence.during(self.inner.refresh(from, to, collection, ids)).await
    }

    async fn changes(&self, database: &str, token: Option<&str>) -> PortResult<Option<Box<dyn Changes>>> {
        self.inner.changes(database, token).await
    }

    async fn prove(&self, database: &str, notebook: Option<&dyn Notebook>) -> PortResult<DatabaseProof> {
        self.inner.prove(database, notebook).await
    }

    async fn writers(&self, database: &str) -> PortResult<Option<Vec<String>>> {
        self.inner.writers(database).await
    }

    async fn obstacles(&self, from: &str, to: &str) -> PortResult<Vec<Finding>> {
        self.inner.obstacles(from, to).await
    }

    async fn users(&self, database: &str) -> PortResult<Vec<UserFacts>> {
        self.inner.users(database).await
    }

    async fn ensure_user(&self, user: &DatabaseUser) -> PortResult<()> {
        self.fence.check().await?;
        self.inner.ensure_user(user).await
    }

    async fn try_login(&self, user: &DatabaseUser) -> PortResult<()> {
        self.inner.try_login(user).await
    }

    async fn drop_user(&self, database: &str, name: &str) -> PortResult<()> {
        self.fence.check().await?;
        self.inner.drop_user(database, name).await
    }

    async fn drop_database(&self, database: &str) -> PortResult<()> {
        self.fence.check().await?;
        self.inner.drop_database(database).await
    }
}
