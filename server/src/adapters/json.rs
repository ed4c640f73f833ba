//! A GET that answers JSON, bounded in time and size.

use std::time::Duration;

use serde::de::DeserializeOwned;
use url::Url;

use super::failure::{Failure, one_line};

/// The most that is read of an answer.
const LARGEST: usize = 1_000_000;

/// A client that keeps its connections.
#[derive(Clone)]
pub(super) struct Json {
    client: Result<reqwest::Client, Failure>,
    wait: Duration,
}

impl Json {
    /// A client whose every answer is complete within `wait`. It follows no redirect and knows no proxy: what is asked is what the estate names.
    pub(super) fn new(wait: Duration) -> Self {
        let client = reqwest::Client::builder()
            .timeout(wait)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(1)
            .user_agent(concat!("quarterdeck/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { client: client.map_err(|error| Failure::Unreachable(one_line(&error.to_string()))), wait }
    }

    /// Asks for `url`. Any status is an answer if its body is what was asked for.
    pub(super) async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, Failure> {
        let mut answer = self.client.clone()?.get(url).send().await.map_err(|error| self.failure(&error))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.failure(&error))? {
            if body.len() + chunk.len() > LARGEST {
                return Err(Failure::Garbled(format!("more than {LARGEST} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|error| match status.as_u16() {
            401 | 403 => Failure::Denied(format!("status {status}")),
            200..300 => Failure::Garbled(one_line(&error.to_string())),
            _ => Failure::Garbled(format!("status {status}")),
        })
    }

    fn failure(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() {
            return Failure::Silent(self.wait);
        }
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            if let Some(io) = inner.downcast_ref::<std::io::Error>() {
                return super::trust::failure(io);
            }
            if inner.downcast_ref::<hyper::Error>().is_some_and(|inner| inner.is_incomplete_message() || inner.is_closed()) {
                return Failure::HungUp;
            }
            source = inner.source();
        }
        // The URL is left out: it may hold a password.
        Failure::Unreachable("the request came to nothing".into())
    }
}
