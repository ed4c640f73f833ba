//! Plain HTTP questions to the bed's own servers, over loopback.

use std::{sync::OnceLock, time::Duration};

/// Everything is on this machine: what has not answered by then is not well.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// Its text.
    pub(crate) text: String,
}

impl Answer {
    /// Holds when it is a success that contains these words.
    pub(crate) fn expect_text(&self, words: &str) -> Result<(), String> {
        if self.is_success() && self.text.contains(words) { Ok(()) } else { Err(self.told()) }
    }

    /// Holds when it is a success.
    pub(crate) fn expect_success(&self) -> Result<(), String> {
        if self.is_success() { Ok(()) } else { Err(self.told()) }
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn told(&self) -> String {
        format!("status {}: {}", self.status, self.text.chars().take(200).collect::<String>())
    }
}

/// Asks for a page.
pub(crate) async fn get(url: &str) -> Result<Answer, String> {
    let answer = client()?.get(url).send().await.map_err(|error| error.to_string())?;
    let status = answer.status().as_u16();
    Ok(Answer { status, text: answer.text().await.map_err(|error| error.to_string())? })
}

fn client() -> Result<reqwest::Client, String> {
    static CLIENT: OnceLock<Result<reqwest::Client, String>> = OnceLock::new();
    CLIENT
        .get_or_init(|| {
            // Its builder wants a provider even where only plain HTTP is spoken; a second install changes nothing.
            rustls::crypto::ring::default_provider().install_default().ok();
            reqwest::Client::builder()
                .timeout(ANSWER_WITHIN)
                .no_proxy()
                .pool_max_idle_per_host(0)
                .build()
                .map_err(|error| error.to_string())
        })
        .clone()
}
