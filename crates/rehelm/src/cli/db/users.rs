//! `rehelm db users`: users and roles, held against what the product expects; with `--apply` they are made.

use rehelm_core::ports::{DatabaseUser, UserFacts};
use rehelm_core::profile::DatabaseRename;
use rehelm_core::steps::copy::CopiedDatabase;
use rehelm_report::table;
use serde::Serialize;

use super::place::{Place, Where, failed, product};
use crate::cli::global::{Global, Output};
use crate::errors::{Context, Result};
use crate::exit::Exit;
use crate::printer::Printer;

const HELP: &str = "\
Without names, the databases that the product gets under new names: is the user there that the chart's own
initialisation would make, with at least its roles? Exit code 7 when not.

With --apply each of those users is made, or brought up to date, with the password that the secret in the release's
namespace holds, then proven by a login and its privileges. Roles that somebody gave beyond the expected ones stay.";

/// Arguments of `rehelm db users`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// Databases to look at
    pub databases: Vec<String>,
    /// Make the users that the product expects
    #[arg(long, env = "REHELM_APPLY", hide_env = true, conflicts_with = "databases")]
    pub apply: bool,
    /// Which server.
    #[command(flatten)]
    pub place: Where,
}

#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    user: UserFacts,
    /// `as expected`, or what is missing; nothing for users that the product says nothing of.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    good: bool,
}

/// Shows users, or makes them.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let rows = global.block_on(async {
        let place = args.place.open(global).await?;
        if args.apply {
            apply(printer, global, &place).await?;
        }
        rows(&place, &args.databases).await
    })?;
    match output {
        Output::Json => printer.json(&rows)?,
        Output::Yaml => printer.yaml(&rows)?,
        _ => {
            let mut lines = vec![["DATABASE", "USER", "ROLES", ""].map(str::to_owned).to_vec()];
            lines.extend(rows.iter().map(|row| {
                vec![
                    row.user.database.clone(),
                    row.user.name.clone(),
                    row.user.roles.join(", "),
                    row.state.clone().unwrap_or_default(),
                ]
            }));
            printer.data(&table::table(&lines))?;
        }
    }
    let good = rows.iter().all(|row| row.good);
    Ok(if good { Exit::Done } else { Exit::VerificationFailed })
}

/// Roles that the chart's initialisation gives the user of a database.
fn expected(rename: &DatabaseRename) -> Vec<String> {
    let own = rename.roles.iter().map(|role| role.name.as_str());
    std::iter::once("readWrite")
        .chain(own)
        .map(|role| format!("{role}@{}", rename.to))
        .collect()
}

async fn rows(place: &Place, named: &[String]) -> Result<Vec<Row>> {
    let renames: Vec<&DatabaseRename> = place
        .product
        .iter()
        .flat_map(|own| &own.profile.databases.renames)
        .collect();
    let databases: Vec<String> = match named {
        [] if !renames.is_empty() => renames.iter().map(|own| own.to.clone()).collect(),
        [] => place
            .server
            .list()
            .await
            .context(|| "cannot list the databases".to_owned())?,
        named => named.to_vec(),
    };
    let mut rows = Vec::new();
    for database in databases {
        let users = place.server.users(&database).await;
        let users = users.map_err(|error| failed(format!("cannot list the users of {database}"), error))?;
        let rename = renames.iter().find(|own| own.to == database);
        // The user is called as its database is.
        if let Some(rename) = rename.filter(|own| !users.iter().any(|user| user.name == own.to)) {
            rows.push(Row {
                user: UserFacts {
                    name: rename.to.clone(),
                    database: rename.to.clone(),
                    roles: Vec::new(),
                    mechanisms: Vec::new(),
                },
                state: Some("missing".to_owned()),
                good: false,
            });
        }
        rows.extend(users.into_iter().map(|user| {
            let rename = rename.filter(|own| own.to == user.name);
            let lacks: Vec<String> = rename
                .map(|own| {
                    expected(own)
                        .into_iter()
                        .filter(|role| !user.roles.contains(role))
                        .collect()
                })
                .unwrap_or_default();
            Row {
                state: rename.map(|_| match lacks.is_empty() {
                    true => "as expected".to_owned(),
                    false => format!("lacks {}", lacks.join(", ")),
                }),
                good: lacks.is_empty(),
                user,
            }
        }));
    }
    Ok(rows)
}

async fn apply(printer: &Printer, global: &Global, place: &Place) -> Result<()> {
    let product = product(place)?;
    let cluster = product.cluster(global).await?;
    for rename in &product.profile.databases.renames {
        let database = CopiedDatabase {
            from: rename.from.clone(),
            to: rename.to.clone(),
            secret: rename.secret.clone(),
            key: rename.key.clone(),
            bytes: 0,
            roles: rename.roles.clone(),
        };
        let user: DatabaseUser = database
            .user_of(&*cluster, &product.settings.namespace)
            .await
            .context(|| {
                format!(
                    "cannot read the password of {} from the secret {}",
                    rename.to, rename.secret
                )
            })?;
        let cannot = |error| failed(format!("cannot make the user {}", user.name), error);
        place.server.ensure_user(&user).await.map_err(cannot)?;
        place.server.try_login(&user).await.map_err(cannot)?;
        printer.say(&format!("{}: made or brought up to date, and logged in.", user.name));
    }
    Ok(())
}
