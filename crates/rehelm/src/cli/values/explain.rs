//! `rehelm values explain OBJECT FIELD`: which value makes a field.

use rehelm_core::object::{ObjRef, Object};
use rehelm_core::values::map::is_same;
use rehelm_core::values::render::Renderer as _;
use rehelm_core::values::{Entry, FieldPath, Reach, ValueMap};
use serde::Serialize;
use serde_json::Value;

use super::map::how;
use super::{Sides, learned, open};
use crate::cli::global::{Global, Output};
use crate::doors;
use crate::errors::{Error, Result, nearest};
use crate::exit::Exit;
use crate::printer::Printer;

/// Flags of `rehelm values explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  rehelm values explain Deployment/api spec.replicas\n  \
    rehelm values explain Deployment/api 'spec.template.spec.containers[name=api].image' --chart ./chart")]
pub struct Args {
    /// The object: KIND/NAME
    #[arg(value_name = "KIND/NAME")]
    pub object: String,
    /// The field: keys with dots, items of lists as [name=x] or [0]
    #[arg(value_name = "FIELD")]
    pub field: String,
    /// What is looked at.
    #[command(flatten)]
    pub sides: Sides,
}

/// What is known of one field.
#[derive(Serialize)]
struct Known<'a> {
    object: String,
    field: &'a FieldPath,
    /// What the Kustomize side has; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    today: Option<Value>,
    /// What the chart makes with the values that were given.
    chart: Option<Value>,
    values: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    value: String,
    default: &'a Value,
    reach: &'a Reach,
}

/// Learns and looks it up.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let field: FieldPath = args.field.parse().map_err(|e| {
        Error::usage(format!("cannot read the field: {e}"))
            .hint("write it like spec.template.spec.containers[name=x].image")
    })?;
    let (kind, name) = args
        .object
        .split_once('/')
        .ok_or_else(|| Error::usage(format!("`{}` is no KIND/NAME", args.object)).hint("such as Deployment/api"))?;
    let setup = args.sides.resolve(global)?;
    let (map, rendered, today) = doors::block_on(async {
        let helm = open(setup.task.clone()).await?;
        let map = learned(printer, &helm).await?;
        let rendered = helm.render(&Value::Object(serde_json::Map::new()), 0).await;
        let rendered = rendered.map_err(|e| Error::failed("the chart does not render").because(e))?;
        let mut today = Vec::new();
        for source in &setup.kustomize {
            today.extend(doors::build(source.as_str()).await?.0);
        }
        Ok((map, rendered, today))
    })?;
    let chart: Vec<Object> = rendered.into_iter().map(|r| r.object).collect();
    let known = objects(&map, &chart);
    let object = known
        .iter()
        .find(|o| o.kind.eq_ignore_ascii_case(kind) && o.name == name);
    let Some(object) = object else {
        let names: Vec<String> = known.iter().map(|o| format!("{}/{}", o.kind, o.name)).collect();
        let failed = Error::failed(format!("the chart makes no {kind}/{name}"));
        return Err(match nearest(&args.object, names.iter().map(String::as_str)) {
            Some(name) => failed.hint(format!("did you mean {name}?")),
            None => failed.hint("`rehelm values map` shows what it makes"),
        });
    };
    let content = |objects: &[Object]| {
        let found = objects
            .iter()
            .find(|o| is_same(&o.reference(), object) || o.kind() == object.kind && o.name() == object.name);
        found.and_then(|o| field.get(&o.0)).cloned()
    };
    let found = map.reaching(object, &field);
    let known = Known {
        object: format!("{}/{}", object.kind, object.name),
        field: &field,
        today: (!setup.kustomize.is_empty()).then(|| content(&today).unwrap_or_default()),
        chart: content(&chart),
        values: found.iter().map(|(entry, reach)| one(entry, reach)).collect(),
    };
    match output {
        Output::Json => printer.json(&known)?,
        Output::Yaml => printer.yaml(&known)?,
        _ => printer.data(&told(&known))?,
    }
    // A switch of the whole object says nothing about one field of it.
    if found.iter().any(|(_, reach)| !reach.field.0.is_empty()) {
        return Ok(Exit::Done);
    }
    let below: Vec<String> = fields(&map, object).map(ToString::to_string).collect();
    let failed = Error::failed(format!(
        "no value makes this field; the chart {}",
        if known.chart.is_some() {
            "fixes it"
        } else {
            "does not have it"
        }
    ));
    Err(match nearest(&args.field, below.iter().map(String::as_str)) {
        Some(near) => failed.hint(format!("nearest field that a value makes: {near}")),
        None => failed.hint(format!("fields of this object that values make: {}", below.len())),
    })
}

/// Every object that the chart makes or could make.
fn objects(map: &ValueMap, chart: &[Object]) -> Vec<ObjRef> {
    let reached = map
        .entries
        .iter()
        .flat_map(|entry| entry.reaches.iter().map(|reach| reach.object.clone()));
    let mut all: Vec<ObjRef> = chart.iter().map(Object::reference).chain(reached).collect();
    all.sort();
    all.dedup();
    all
}

fn fields<'a>(map: &'a ValueMap, object: &'a ObjRef) -> impl Iterator<Item = &'a FieldPath> {
    let reaches = map.entries.iter().flat_map(|entry| &entry.reaches);
    reaches
        .filter(|reach| is_same(&reach.object, object) && !reach.field.0.is_empty())
        .map(|reach| &reach.field)
}

fn one<'a>(entry: &'a Entry, reach: &'a Reach) -> One<'a> {
    One {
        value: entry.path.to_string(),
        default: &entry.default,
        reach,
    }
}

fn told(known: &Known<'_>) -> String {
    let mut text = format!("{} {}\n", known.object, known.field);
    if let Some(today) = &known.today {
        text.push_str(&format!("  today    {today}\n"));
    }
    let chart = known
        .chart
        .as_ref()
        .map_or_else(|| "(absent)".to_owned(), Value::to_string);
    text.push_str(&format!("  chart    {chart}\n"));
    for one in &known.values {
        let place = if one.reach.field.0.is_empty() {
            "the object".to_owned()
        } else {
            one.reach.field.to_string()
        };
        text.push_str(&format!(
            "  value    {} (default {})\n           {place}: {}\n",
            one.value,
            one.default,
            how(&one.reach.how)
        ));
        for (path, value) in &one.reach.given {
            text.push_str(&format!("           with {path}: {value}\n"));
        }
    }
    text
}
