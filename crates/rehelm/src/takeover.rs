//! Taking a run over from the copy in the cluster: on another machine, or where the journal is lost.

use std::sync::Arc;

use rehelm_core::duplicate::{self, Found, Relation};
use rehelm_core::journal::{Event, Journal};
use rehelm_core::lease;
use rehelm_core::plan::Plan;
use rehelm_core::ports::{Files, PortError};
use rehelm_core::steps::{StepSpec, backup};
use rehelm_core::world::World;

use crate::cli::plan_arg::agree;
use crate::doors;
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::lock;
use crate::printer::Printer;
use crate::run::{journal_state, unusable};
use crate::run_folder::{JOURNAL, PLAN};
use crate::session::Session;

/// Looks whether the copy in the cluster and the journal here are of one run, before a command goes on. A copy that is
/// missing or cannot be read stops nothing.
///
/// # Errors
/// Exit code 6 when somebody else's run is under way, or this one went on elsewhere.
pub async fn agrees(printer: &Printer, session: &Session, plan: &Plan) -> Result<()> {
    let at = duplicate::reference(&plan.source.namespace, &plan.target.release);
    let found = match duplicate::read(&*session.cluster, &at).await {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(()),
        Err(why) => {
            printer.insist(&format!(
                "warning: the copy of the run in the cluster cannot be used: {why}"
            ));
            return Ok(());
        }
    };
    let here = session.files.read(JOURNAL.into());
    let here = here
        .context(|| "cannot read the journal".to_owned())?
        .unwrap_or_default();
    let state = journal_state(&*session.files)?;
    let relation = duplicate::relation(&here, &found);
    if state.ended.is_some() && state.run == found.run {
        // The run is over here; its copy could not be removed then.
        let gone = duplicate::forget(&*session.cluster, &at, &found.run).await;
        return gone.context(|| format!("cannot remove {at}"));
    }
    let who = format!("{} ({}, at {})", found.by, found.state, found.at);
    match relation {
        Relation::Older => Ok(()),
        Relation::Other => Err(
            Error::new(Exit::Waits, format!("run {} of {who} is under way", found.run))
                .hint("see where it stands: rehelm status --cluster")
                .hint("take it over: rehelm resume --from-cluster"),
        ),
        Relation::Newer => Err(Error::new(Exit::Waits, format!("this run went on elsewhere: {who}"))
            .hint("go on from there: rehelm resume --from-cluster")),
        Relation::Parted => Err(
            Error::new(Exit::Waits, format!("this run also went on elsewhere: {who}"))
                .hint("only one of the two journals can be right; see the other: rehelm status --cluster")
                .hint("go on from the other one: rehelm resume --from-cluster"),
        ),
    }
}

/// The copy in the cluster, if there is one.
///
/// # Errors
/// When the cluster does not answer, or the copy is damaged.
pub async fn find(session: &Session) -> Result<Option<Found>> {
    let at = duplicate::reference(&session.settings.source_namespace, &session.settings.release);
    let found = duplicate::read(&*session.cluster, &at).await;
    if let Err(why @ PortError::Forbidden(_)) = found {
        return Err(Error::new(
            Exit::Blocked,
            "not allowed to look whether a run is under way elsewhere; nothing was changed",
        )
        .because(why)
        .hint("roles for each part of the migration: rehelm plan -o rbac"));
    }
    found.context(|| format!("cannot use the copy of the run in the cluster ({at})"))
}

/// Takes a run over: asks, then puts its plan, before-images and journal in their places. The journal comes last, so that
/// what was interrupted can be repeated. What is here already and differs is kept under another name.
///
/// # Errors
/// Exit code 9 when its owner is at work; 6 when nobody agrees.
pub async fn take(printer: &Arc<Printer>, session: &Session, found: &Found, yes: bool) -> Result<Plan> {
    let settings = &session.settings;
    let at = lease::reference(&settings.source_namespace, &settings.release);
    let holder = lease::holder(&*session.cluster, &*session.clock, &at).await;
    if let Some((holder, since)) = holder.context(|| "cannot read the lock".to_owned())?
        && !lock::is_mine_or_dead(&holder)
    {
        return Err(lock::held(&holder, &since));
    }
    let (Some(plan), Some(journal)) = (&found.plan, &found.journal) else {
        return Err(
            Error::failed("the copy in the cluster lacks the plan or the journal, which were too large")
                .hint(format!("bring .rehelm/ from {}", found.backup)),
        );
    };
    let question = format!(
        "Take over run {} of {}, {} at step {}?",
        found.run, found.by, found.state, found.step
    );
    agree(printer, yes, &question)?;
    put(&*session.files, found, plan, journal).context(|| "cannot write .rehelm/".to_owned())?;
    let mut own = Journal::open(&*session.files, &*session.clock, JOURNAL.into()).map_err(unusable)?;
    own.write(Event::TakenOver { by: doors::who() }).map_err(unusable)?;
    printer.say(&format!("Took over run {} from {}.", found.run, found.by));
    let missing = missing(&*session.files, plan).context(|| "cannot read the backup".to_owned())?;
    if !missing.is_empty() {
        printer.insist(&format!(
            "warning: not here: {}. They are in {}; a copy of that folder as .rehelm/backup is needed to restore secrets, and to go back where a step says so.",
            missing.join(" and "),
            found.backup
        ));
    }
    Ok(plan.clone())
}

fn put(files: &dyn Files, found: &Found, plan: &Plan, journal: &[u8]) -> rehelm_core::ports::PortResult<()> {
    for image in &found.images {
        let path = World::before_path(&image.reference());
        if files.read(&path)?.is_none() {
            files.write(&path, format!("{:#}", image.0).as_bytes())?;
        }
    }
    keep_and_write(files, PLAN, plan.to_json().as_bytes())?;
    keep_and_write(files, JOURNAL, journal)
}

fn keep_and_write(files: &dyn Files, name: &str, content: &[u8]) -> rehelm_core::ports::PortResult<()> {
    if let Some(old) = files.read(name.into())?
        && !old.is_empty()
        && old != content
    {
        let taken = files.list("".into())?;
        let free = (1..)
            .map(|n| format!("{name}.kept-{n}"))
            .find(|name| !taken.contains(name));
        files.write(free.unwrap_or_default().as_str().into(), &old)?;
    }
    files.write(name.into(), content)
}

/// What of the backup is not on this machine, in words.
fn missing(files: &dyn Files, plan: &Plan) -> rehelm_core::ports::PortResult<Vec<String>> {
    let (mut images, mut secrets) = (0, 0);
    for step in &plan.steps {
        let StepSpec::Backup(kept) = &step.spec else { continue };
        for object in &kept.objects {
            images += usize::from(files.size(&World::before_path(object))? == 0);
        }
        for secret in &kept.secrets {
            secrets += usize::from(files.size(&backup::secret_path(secret, kept.sealed))? == 0);
        }
    }
    let words = [(images, "before-images"), (secrets, "secrets of the backup")];
    let some = words.into_iter().filter(|(count, _)| *count > 0);
    Ok(some.map(|(count, what)| format!("{count} {what}")).collect())
}
