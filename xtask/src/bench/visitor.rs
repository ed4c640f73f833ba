//! Somebody who is signed in, by curl: what a browser would load, in bytes on the wire.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process::Program;

/// A signed-in visitor.
pub struct Visitor {
    url: String,
    jar: PathBuf,
}

impl Visitor {
    /// Signs in by the form.
    pub fn sign_in(url: &str, user: &str, password: &str, folder: &Path) -> Result<Self> {
        let jar = folder.join("cookies");
        let visitor = Self { url: url.to_owned(), jar };
        visitor
            .curl()
            .args(["--cookie-jar".as_ref(), visitor.jar.as_os_str()])
            .args(["--header", &format!("origin: {url}"), "--data-urlencode", &format!("name={user}")])
            .args(["--data-urlencode", &format!("password={password}"), "--data", "next=/", &format!("{url}/sign-in")])
            .output()?;
        Ok(visitor)
    }

    fn curl(&self) -> Program {
        Program::new("curl").args(["--silent", "--show-error", "--fail", "--max-time", "120", "--cookie"]).args([&self.jar])
    }

    /// A page as text.
    pub fn page(&self, path: &str) -> Result<String> {
        self.curl().args([format!("{}{path}", self.url)]).output()
    }

    /// A page's bytes on the wire in this encoding.
    pub fn bytes(&self, path: &str, encoding: &str) -> Result<f64> {
        let size = self
            .curl()
            .args(["--output", "/dev/null", "--write-out", "%{size_download}", "--header", &format!("accept-encoding: {encoding}")])
            .args([format!("{}{path}", self.url)])
            .output()?;
        size.trim().parse().with_context(|| format!("curl says `{size}` for a size"))
    }

    /// The bytes that a live view sends in this time, compressed as a browser gets them.
    pub fn stream(&self, topic: &str, page: &str, time: Duration) -> Result<f64> {
        let html = self.page(page)?;
        let attribute =
            |name: &str| html.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| rest.split('"').next()).map(str::to_owned);
        let since = attribute("data-since").context("the page has no number to follow from")?;
        let file = self.jar.with_file_name("stream");
        let ended = Program::new("curl")
            .args(["--silent", "--no-buffer", "--max-time", &time.as_secs().to_string(), "--header", "accept-encoding: gzip", "--cookie"])
            .args([&self.jar])
            .args(["--output".as_ref(), file.as_os_str()])
            .args([format!("{}/live?topic={topic}&since={since}", self.url)])
            .watch(|_| {})?;
        // 28, out of time, is how a stream without an end is left.
        anyhow::ensure!(!ended, "the stream of {topic} ended by itself");
        Ok(std::fs::metadata(&file).with_context(|| format!("no stream of {topic}"))?.len() as f64)
    }

    /// The cookie's line for a load generator's header.
    pub fn cookie(&self) -> Result<String> {
        let text = crate::files::read(&self.jar)?;
        let pairs: Vec<_> = text
            .lines()
            .map(|line| line.trim_start_matches("#HttpOnly_"))
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let fields: Vec<_> = line.split('\t').collect();
                Some(format!("{}={}", fields.get(5)?, fields.get(6)?))
            })
            .collect();
        Ok(pairs.join("; "))
    }
}
