//! Requests that go wrong on purpose, and an account of all requests.

use std::collections::VecDeque;
use std::time::Duration;

use crate::refusal::Refusal;

/// Requests that are kept in the account.
const KEPT: usize = 100_000;

/// One request that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the method for what is no resource.
    pub verb: String,
    /// `plural.group`, or `plural` for the core group, with `/subresource`; the path of what is no resource.
    pub resource: String,
    /// Empty for all namespaces and for what has none.
    pub namespace: String,
    /// Empty for a collection.
    pub name: String,
    /// Status of the answer; 0 when there was none.
    pub code: u16,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interference {
    /// It is not carried out; the answer has this status (401, 403, 404, 409, 410, 422, 429, 500, 503 …).
    Refuse(u16),
    /// The connection breaks before it is carried out.
    Drop,
    /// It is carried out, and the connection breaks before the answer.
    LoseAnswer,
    /// It is carried out after this virtual time.
    Slow(Duration),
}

/// Which requests something happens to. Empty texts fit all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// As in [`RequestRecord::verb`].
    pub verb: String,
    /// As in [`RequestRecord::resource`].
    pub resource: String,
    /// Namespace.
    pub namespace: String,
    /// Start of the name in the path; created objects have none there.
    pub name: String,
    /// The first of the requests that fit, counted from 1, that something happens to.
    pub nth: usize,
    /// To how many of them it happens, from that one on.
    pub times: usize,
    /// What happens.
    pub interference: Interference,
}

impl Rule {
    /// The `nth` request of a verb (counted from 1) for a resource; both may be empty for any.
    pub fn nth(nth: usize, verb: &str, resource: &str, interference: Interference) -> Self {
        Self {
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            namespace: String::new(),
            name: String::new(),
            nth,
            times: 1,
            interference,
        }
    }

    /// Every request of a verb for a resource.
    pub fn every(verb: &str, resource: &str, interference: Interference) -> Self {
        Self {
            times: usize::MAX,
            ..Self::nth(1, verb, resource, interference)
        }
    }

    fn fits(&self, request: &RequestRecord) -> bool {
        let same = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        same(&self.verb, &request.verb)
            && same(&self.resource, &request.resource)
            && same(&self.namespace, &request.namespace)
            && request.name.starts_with(&self.name)
    }
}

/// Rules, how often each fitted, and the account.
#[derive(Default)]
pub(crate) struct Requests {
    rules: Vec<(Rule, usize)>,
    made: VecDeque<RequestRecord>,
}

impl Requests {
    /// What happens to a request; the first rule whose turn it is decides, and all count.
    pub fn meet(&mut self, request: &RequestRecord) -> Option<Interference> {
        let mut decided = None;
        for (rule, met) in self.rules.iter_mut().filter(|(rule, _)| rule.fits(request)) {
            *met += 1;
            let turn = *met >= rule.nth && *met - rule.nth < rule.times;
            if turn && decided.is_none() {
                decided = Some(rule.interference.clone());
            }
        }
        decided
    }

    pub fn note(&mut self, request: RequestRecord) {
        if self.made.len() == KEPT {
            self.made.pop_front();
        }
        self.made.push_back(request);
    }
}

/// The refusal of a status, in words that say that it is on purpose.
pub(crate) fn refusal(code: u16, request: &RequestRecord) -> Refusal {
    let id = request.resource.split('/').next().unwrap_or_default();
    let name = request.name.as_str();
    let why = "simulated fault";
    match code {
        401 => Refusal::unauthorized(),
        403 => Refusal::forbidden(id, name, why),
        404 => Refusal::not_found(id, name),
        409 => Refusal::conflict(id, name, why),
        410 => Refusal::gone(why),
        429 => Refusal {
            details: Some(serde_json::json!({"retryAfterSeconds": 1})),
            ..Refusal::too_many_requests(why)
        },
        _ => Refusal {
            code,
            reason: match code {
                400 => "BadRequest",
                422 => "Invalid",
                500 => "InternalError",
                503 => "ServiceUnavailable",
                504 => "Timeout",
                _ => "",
            },
            message: why.to_owned(),
            details: None,
        },
    }
}

impl crate::Sim {
    /// Lets something happen to requests from now on.
    pub fn interfere(&self, rule: Rule) {
        self.shared.with(|world| world.faults.requests.rules.push((rule, 0)));
    }

    /// Nothing happens to requests any more.
    pub fn leave_requests_alone(&self) {
        self.shared.with(|world| world.faults.requests.rules.clear());
    }

    /// All requests that were answered or lost so far, oldest first (the newest 100,000).
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.world().faults.requests.made.iter().cloned().collect()
    }

    /// Forgets the requests that were made.
    pub fn forget_requests(&self) {
        self.shared.world().faults.requests.made.clear();
    }
}
