//! The course of a rehearsal: there, and is everything there; back, and is everything as before; there again, and tidy up.
//!
//! Every stage is the verb itself. A stage that fails is followed by the way back, because that is what one wants to know
//! then. A process that is killed is followed by a new one with the same command.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use rehelm_core::journal::Event;
use rehelm_core::plan::{FillFrom, Phase, Plan};
use rehelm_core::verification;
use rehelm_core::world::Timeouts;
use rehelm_report::plan_text;
use rehelm_report::plan_view::PlanView;

use super::compare::{self, Picture};
use super::stage::Stage;
use super::summary::{Account, Back};
use crate::cli::global::{Global, Output};
use crate::cli::phase::{self, How};
use crate::cli::{cleanup, rollback, verify};
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::{BOLD, GOOD, Printer};
use crate::run::{blocking, journal_state};
use crate::session::{Decisions, Session};

/// Differences that are printed; there may be thousands.
const SHOWN: usize = 20;

/// What is rehearsed, and how.
pub struct Course<'a> {
    /// The one door to the terminal.
    pub printer: &'a Arc<Printer>,
    /// Flags of every verb.
    pub global: &'a Global,
    /// Where it happens.
    pub stage: &'a Stage,
    /// The plan that was given, if one was.
    pub given: Option<Plan>,
    /// What a person decided, for plans that are made here.
    pub decisions: Decisions,
    /// Stop after this step: its number or its kind.
    pub until: Option<String>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Say a sentence at each stage.
    pub narrate: bool,
    /// The step that `until` names, once there is a plan.
    pub stop_after: Cell<Option<u32>>,
}

/// How a course ended.
pub enum Ended {
    /// Everything was rehearsed.
    Whole(Box<Account>),
    /// At the step that was asked for.
    Until(u32),
}

impl Course<'_> {
    /// Runs all of it.
    ///
    /// # Errors
    /// What stopped a stage, with the exit code that it has in earnest; 7 when the way back was not one.
    pub async fn run(&self) -> Result<Ended> {
        let began = Instant::now();
        let before = self.picture();
        let data = self.stage.databases.content();
        self.tell(
            "The plan",
            "What would happen, in which order, with which outage and which way back.",
        );
        let plan = match &self.given {
            Some(plan) => plan.clone(),
            None => self.plan(&self.decisions).await?,
        };
        self.show(&plan)?;
        let mut account = Account::of(&plan);
        if let Some(number) = self.last_step(&plan)? {
            self.stop_after.set(Some(number));
            return self.until(&plan, number).await.map(|()| Ended::Until(number));
        }
        if let Err(failed) = self.there(&plan, &mut account).await {
            self.after_failure(&plan, &before, failed).await?;
        }
        account.there(began, self.stage);
        self.tell("Back", "To the Kustomize install, as if nothing had happened.");
        self.back(&plan, &mut account).await?;
        let mut differ = compare::differences(&before, &self.picture());
        if self.stage.databases.content() != data {
            differ.push("databases".to_owned());
        }
        account.back = Back {
            objects: before.len(),
            differences: differ.clone(),
        };
        self.judge(&differ, before.len())?;
        self.tell(
            "There again",
            "With a plan of its own: some objects are new ones since.",
        );
        let again = self.plan(&decided(&plan, &self.decisions)).await?;
        self.there(&again, &mut account).await?;
        self.tell(
            "Cleanup",
            "The old install goes, item by item. In earnest a day later, and only when somebody types its name.",
        );
        self.stage.soak();
        self.command("cleanup", async |session| {
            cleanup::carry(self.printer, &self.quiet(), session, &again, true).await
        })
        .await?;
        self.stage.dump("end.jsonl")?;
        account.finish(self.stage);
        Ok(Ended::Whole(Box::new(account)))
    }

    /// From a plan to a verified release.
    async fn there(&self, plan: &Plan, account: &mut Account) -> Result<()> {
        self.tell("Prepare", "Everything that needs no outage.");
        self.phase(plan, Phase::Prepare).await?;
        self.tell(
            "Migrate",
            "The outage begins and ends here. Times are virtual: nobody waits for them.",
        );
        self.phase(plan, Phase::Migrate).await?;
        let session = self.stage.session().await?;
        account.migrated(plan, &journal_state(&*session.files)?);
        drop(session);
        self.stage.dump("migrated.jsonl")?;
        self.tell("Verify", "Is everything there, and does it own the old data?");
        self.command("verify", async |session| {
            let findings = verify::carry(self.printer, &self.quiet(), session, plan).await?;
            let text = session.words.findings(&findings, &[], true);
            self.printer.say(text.trim_end());
            match verification::passed(&findings) {
                true => Ok(Exit::Done),
                false => Err(Error::new(
                    Exit::VerificationFailed,
                    "the release is not as it should be",
                )),
            }
        })
        .await
    }

    async fn phase(&self, plan: &Plan, phase: Phase) -> Result<()> {
        let how = How {
            timeouts: self.timeouts,
            rollback_on_failure: false,
        };
        self.command(&phase.to_string(), async |session| {
            phase::carry(self.printer, &self.records(), session, plan, true, phase, how).await
        })
        .await
    }

    async fn back(&self, plan: &Plan, account: &mut Account) -> Result<()> {
        self.command("rollback", async |session| {
            let consent = rollback::Consent {
                yes: true,
                drop_copies: true,
                copy_back: false,
            };
            rollback::carry(self.printer, &self.records(), session, plan, consent).await
        })
        .await?;
        let session = self.stage.session().await?;
        account.rolled_back(&journal_state(&*session.files)?);
        Ok(())
    }

    /// A stage failed: shows the way back from there, then says what failed.
    async fn after_failure(&self, plan: &Plan, before: &Picture, failed: Error) -> Result<()> {
        let resumable = matches!(failed.exit(), Exit::Stopped | Exit::VerificationFailed | Exit::Error);
        let session = self.stage.session().await?;
        let begun = !journal_state(&*session.files)?.run.is_empty();
        drop(session);
        if !(resumable && begun) || self.stopped_by_hand(&failed) {
            return Err(failed);
        }
        self.printer.error(&failed);
        self.tell("The way back from there", "What `rehelm rollback` does then.");
        self.back(plan, &mut Account::of(plan)).await?;
        self.judge(&compare::differences(before, &self.picture()), before.len())?;
        let message = format!("the rehearsed migration failed: {}", failed.message());
        Err(Error::new(failed.exit(), message).hint("the way back works: the old install runs as before"))
    }

    fn stopped_by_hand(&self, failed: &Error) -> bool {
        failed.exit() == Exit::Stopped && failed.message() == "stopped on request"
    }

    /// Steps up to one, and no further.
    async fn until(&self, plan: &Plan, number: u32) -> Result<()> {
        let last = plan
            .steps
            .iter()
            .find(|step| step.number == number)
            .map(|step| step.phase);
        for phase in [Phase::Prepare, Phase::Migrate, Phase::Cleanup] {
            let name = phase.to_string();
            self.tell(&name, "");
            let reached = self.command(&name, async |session| {
                let how = How {
                    timeouts: self.timeouts,
                    rollback_on_failure: false,
                };
                if phase == Phase::Cleanup {
                    verify::carry(self.printer, &self.quiet(), session, plan).await?;
                    self.stage.soak();
                    return cleanup::carry(self.printer, &self.quiet(), session, plan, true).await;
                }
                phase::carry(self.printer, &self.records(), session, plan, true, phase, how).await
            });
            match reached.await {
                Err(failed) if self.stopped_by_hand(&failed) => return Ok(()),
                other => other?,
            }
            if last == Some(phase) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Number of the step that `until` names.
    fn last_step(&self, plan: &Plan) -> Result<Option<u32>> {
        let Some(wanted) = &self.until else { return Ok(None) };
        crate::cli::show::find(plan, wanted).map(|step| Some(step.number))
    }

    /// Runs a command as a process of its own; one that is killed is followed by another.
    async fn command(&self, name: &str, work: impl AsyncFn(&Session) -> Result<Exit>) -> Result<()> {
        loop {
            let mut session = self.stage.session().await?;
            session.stop_after = self.stop_after.get().map(|step| Event::StepDone { step });
            tokio::select! {
                biased;
                () = self.stage.shut.died() => {}
                outcome = work(&session) => {
                    if !self.stage.shut.is_dead() {
                        return outcome.map(drop);
                    }
                }
            }
            let record = self.stage.shut.records();
            self.printer.insist(&format!(
                "{BOLD}Killed after record {record} of the journal, in {name}.{BOLD:#} A new process goes on with the same command."
            ));
            self.stage.shut.revive();
        }
    }

    async fn plan(&self, decisions: &Decisions) -> Result<Plan> {
        let session = self.stage.session().await?;
        let asked = session.request(decisions).await?;
        let (plan, _) = session.plan(&asked).await?;
        Ok(plan)
    }

    fn show(&self, plan: &Plan) -> Result<()> {
        let text = plan_text::plan(&self.stage.words, &PlanView::of(plan), false);
        self.printer.say(text.trim_end());
        if blocking(plan).is_empty() {
            return Ok(());
        }
        Err(Error::new(Exit::Blocked, "blocked by checks; nothing was rehearsed")
            .hint("mend it, or waive an error with --accept ID; --fill-values and --confirm are decisions, too"))
    }

    fn picture(&self) -> Picture {
        compare::picture(self.stage.sim.shared_objects())
    }

    fn judge(&self, differ: &[String], objects: usize) -> Result<()> {
        if differ.is_empty() {
            self.printer.say(&format!(
                "{GOOD}Everything is as before:{GOOD:#} {objects} objects compared."
            ));
            return Ok(());
        }
        let shown: Vec<String> = differ.iter().take(SHOWN).map(|line| format!("  ≠ {line}")).collect();
        self.printer.insist(&shown.join("\n"));
        Err(Error::new(
            Exit::VerificationFailed,
            format!("the way back leaves {} differences", differ.len()),
        ))
    }

    /// A heading, and a sentence for who sees it for the first time.
    fn tell(&self, what: &str, sentence: &str) {
        self.printer.say("");
        self.printer.say(&format!("{BOLD}{what}{BOLD:#}"));
        if self.narrate && !sentence.is_empty() {
            self.printer.say(sentence);
        }
    }

    /// Flags for verbs whose records may go to stdout.
    fn records(&self) -> Global {
        let output = self.global.output.filter(|output| *output == Output::Jsonl);
        Global {
            output,
            ..self.global.clone()
        }
    }

    /// Flags for verbs that print nothing to stdout here.
    fn quiet(&self) -> Global {
        self.records()
    }
}

/// The decisions of a plan, for another one like it.
fn decided(plan: &Plan, beside: &Decisions) -> Decisions {
    let fills = plan.target.fills.iter();
    let from_secrets = fills
        .into_iter()
        .any(|fill| matches!(fill.from, FillFrom::Secret { .. }));
    Decisions {
        accepted: plan.accepted.clone(),
        confirmed: plan.confirmed.clone(),
        fill_secrets: from_secrets || beside.fill_secrets,
        groups: beside.groups.clone(),
    }
}
