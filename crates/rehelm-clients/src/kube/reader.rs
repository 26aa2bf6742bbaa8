//! Reading any URL of the API server, as the proxy for Helm does.

use ::http::header::{self, HeaderValue};
use ::http::{Method, StatusCode};
use rehelm_core::ports::{PortError, PortResult};
use serde_json::Value;

use super::error;
use super::http::{Wire, request};

/// A way to the API server that can only read.
#[derive(Clone)]
pub(crate) struct Reader(pub(super) Wire);

impl Reader {
    /// The answer to a GET: status, content type, body.
    pub async fn read(&self, path_and_query: &str, accept: HeaderValue) -> PortResult<(StatusCode, String, Vec<u8>)> {
        let mut asked = request(Method::GET, path_and_query, None::<(&str, &Value)>, path_and_query)?;
        asked.headers_mut().insert(header::ACCEPT, accept);
        let answer = match self.0.limit().within(self.0.raw(asked)).await {
            Ok(answer) => answer.map_err(|e| error::from_client(path_and_query, &e))?,
            Err(_) => return Err(PortError::Unavailable(format!("{path_and_query}: no answer"))),
        };
        let kind = answer
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or("application/json").to_owned();
        Ok((answer.status, kind, answer.body))
    }
}
