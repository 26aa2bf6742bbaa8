//! Faults that tests order: through [`super::Server::inject`], or over the wire by `configureFailPoint: "failCommand"`
//! as on a real server started with test commands.
//!
//! Beyond a real server's, `data.closeAfter` closes the connection when the command has been applied, and `data.skip`
//! lets that many matching commands pass first.

use std::time::Duration;

use bson::{Bson, Document};

/// What happens to a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The connection is closed, nothing is applied.
    CloseBefore,
    /// The command is applied, its reply never arrives.
    CloseAfter,
    /// The command is refused with this code, nothing is applied.
    Error(i32),
    /// The command waits, then goes on.
    Delay(Duration),
}

/// One ordered fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Name of the command, as drivers send it.
    pub command: String,
    /// Only commands on this database; None for all.
    pub database: Option<String>,
    /// So many matching commands pass first.
    pub skip: u32,
    /// So many then fail.
    pub times: u32,
    /// How.
    pub effect: Effect,
}

impl Fault {
    /// The `nth` (from 1) command of that name fails, once.
    pub fn nth(command: &str, nth: u32, effect: Effect) -> Self {
        Self {
            command: command.into(),
            database: None,
            skip: nth.saturating_sub(1),
            times: 1,
            effect,
        }
    }

    /// The same, on one database only.
    pub fn on(self, database: &str) -> Self {
        Self {
            database: Some(database.into()),
            ..self
        }
    }
}

/// The effect that this command meets, which counts it.
pub(super) fn meet(faults: &mut Vec<Fault>, command: &str, database: &str) -> Option<Effect> {
    let on_it = |fault: &&mut Fault| fault.database.as_deref().is_none_or(|only| only == database);
    let mut matching = faults
        .iter_mut()
        .filter(on_it)
        .filter(|fault| fault.command.eq_ignore_ascii_case(command));
    let fault = matching.next()?;
    if fault.skip > 0 {
        fault.skip -= 1;
        return None;
    }
    fault.times -= 1;
    let effect = fault.effect.clone();
    faults.retain(|fault| fault.times > 0);
    Some(effect)
}

/// Reads `configureFailPoint: "failCommand"`; an empty list turns all off. None when it is malformed.
pub(super) fn parse(body: &Document) -> Option<Vec<Fault>> {
    let number = |value: &Bson| {
        value
            .as_i64()
            .or(value.as_i32().map(i64::from))
            .or(value.as_f64().map(|f| f as i64))
    };
    let times = match body.get("mode")? {
        Bson::String(mode) if mode == "off" => return Some(Vec::new()),
        Bson::String(mode) if mode == "alwaysOn" => u32::MAX,
        Bson::Document(mode) => u32::try_from(number(mode.get("times")?)?)
            .ok()
            .filter(|times| *times > 0)?,
        _ => return None,
    };
    let data = body.get_document("data").ok()?;
    let get = |name: &str| data.get(name).and_then(number);
    let yes = |name: &str| data.get_bool(name).unwrap_or(false);
    let effect = match get("errorCode") {
        Some(code) => Effect::Error(i32::try_from(code).ok()?),
        None if yes("closeAfter") => Effect::CloseAfter,
        None if yes("closeConnection") => Effect::CloseBefore,
        None => Effect::Delay(Duration::from_millis(u64::try_from(get("blockTimeMS")?).ok()?)),
    };
    let skip = get("skip").and_then(|skip| u32::try_from(skip).ok()).unwrap_or(0);
    let commands = data.get_array("failCommands").ok()?.iter().filter_map(Bson::as_str);
    let fault = |command: &str| Fault {
        command: command.into(),
        database: None,
        skip,
        times,
        effect: effect.clone(),
    };
    Some(commands.map(fault).collect())
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn the_nth_matching_command_fails_once() {
        let mut faults = vec![Fault::nth("insert", 2, Effect::Error(11600)).on("a")];
        assert_eq!(meet(&mut faults, "find", "a"), None);
        assert_eq!(meet(&mut faults, "insert", "a"), None);
        assert_eq!(meet(&mut faults, "insert", "b"), None);
        assert_eq!(meet(&mut faults, "insert", "a"), Some(Effect::Error(11600)));
        assert_eq!((meet(&mut faults, "insert", "a"), faults.len()), (None, 0));
    }

    #[test]
    fn reads_what_real_servers_read() {
        let data = doc! { "failCommands": ["getMore"], "closeConnection": true };
        let body = doc! { "configureFailPoint": "failCommand", "mode": { "times": 1 }, "data": data };
        assert_eq!(parse(&body), Some(vec![Fault::nth("getMore", 1, Effect::CloseBefore)]));
        assert_eq!(
            parse(&doc! { "configureFailPoint": "failCommand", "mode": "off" }),
            Some(vec![])
        );
        assert_eq!(parse(&doc! { "configureFailPoint": "failCommand", "mode": {} }), None);
    }
}
