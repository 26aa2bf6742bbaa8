//! `rehelm db list`: databases with what is in them; reads only.

use rehelm_core::ports::{DatabaseFacts, DatabaseOutline};
use rehelm_report::{human, table};
use serde::Serialize;

use super::place::{Where, failed};
use crate::cli::global::{Global, Output};
use crate::errors::Result;
use crate::exit::Exit;
use crate::printer::Printer;

/// Arguments of `rehelm db list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show the server's own databases as well
    #[arg(long, env = "REHELM_ALL", hide_env = true)]
    pub all: bool,
    /// Which server.
    #[command(flatten)]
    pub place: Where,
}

#[derive(Serialize)]
struct Listed {
    server: DatabaseFacts,
    databases: Vec<One>,
}

#[derive(Serialize)]
struct One {
    name: String,
    documents: u64,
    #[serde(flatten)]
    outline: DatabaseOutline,
    /// What the profile says about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Lists.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let listed = global.block_on(read(global, args))?;
    match output {
        Output::Json => printer.json(&listed)?,
        Output::Yaml => printer.yaml(&listed)?,
        _ => {
            let mut rows = vec![
                ["DATABASE", "COLLECTIONS", "DOCUMENTS", "SIZE", ""]
                    .map(str::to_owned)
                    .to_vec(),
            ];
            rows.extend(listed.databases.iter().map(|one| {
                vec![
                    one.name.clone(),
                    one.outline.collections.len().to_string(),
                    one.documents.to_string(),
                    human::size(one.outline.bytes),
                    one.note.clone().unwrap_or_default(),
                ]
            }));
            printer.data(&table::table(&rows))?;
        }
    }
    Ok(Exit::Done)
}

async fn read(global: &Global, args: &Args) -> Result<Listed> {
    let place = args.place.open(global).await?;
    let cannot = |what: &str, error| failed(format!("cannot read {what}"), error);
    let server = place
        .server
        .facts()
        .await
        .map_err(|e| cannot("the server's version", e))?;
    let names = place
        .server
        .list()
        .await
        .map_err(|e| cannot("the list of databases", e))?;
    let mut databases = Vec::new();
    for name in names {
        if !args.all && ["admin", "config", "local"].contains(&name.as_str()) {
            continue;
        }
        let outline = place.server.outline(&name).await.map_err(|e| cannot(&name, e))?;
        let renames = place.product.iter().flat_map(|own| &own.profile.databases.renames);
        let note = renames
            .clone()
            .find(|own| own.from == name)
            .map(|own| format!("becomes {}", own.to));
        let copy = renames
            .clone()
            .find(|own| own.to == name)
            .map(|own| format!("copy of {}", own.from));
        databases.push(One {
            documents: outline.collections.iter().map(|own| own.documents).sum(),
            name,
            outline,
            note: note.or(copy),
        });
    }
    Ok(Listed { server, databases })
}
