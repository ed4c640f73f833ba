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

    /// Comes in by a link that signs in by itself, as a wall's does.
    pub fn by_link(url: &str, link: &str, folder: &Path) -> Result<Self> {
        let visitor = Self { url: url.to_owned(), jar: folder.join("wall-cookies") };
        visitor.curl().args(["--cookie-jar".as_ref(), visitor.jar.as_os_str()]).args(["--location", link]).output()?;
        Ok(visitor)
    }

    fn curl(&self) -> Program {
        Program::new("curl").args(["--silent", "--show-error", "--fail", "--max-time", "120", "--cookie"]).args([&self.jar])
    }

    /// A page as text.
    pub fn page(&self, path: &str) -> Result<String> {
        self.curl().args([format!("{}{path}", self.url)]).output()
    }

    /// Sends a form as the console's own page does; the path that it leads to. What is refused is an error with the page's words.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<String> {
        let answer = Program::new("curl")
            .args(["--silent", "--show-error", "--max-time", "120", "--write-out", "\n%{redirect_url}", "--cookie"])
            .args([&self.jar])
            .args(["--header", &format!("origin: {}", self.url)])
            .args(fields.iter().flat_map(|(name, value)| ["--data-urlencode".to_owned(), format!("{name}={value}")]))
            .args([format!("{}{path}", self.url)])
            .output()?;
        let (page, led) = answer.trim_end().rsplit_once('\n').unwrap_or(("", answer.trim_end()));
        match led.strip_prefix(&self.url) {
            Some(path) => Ok(path.to_owned()),
            None => anyhow::bail!("{path} was not accepted: {}", text_of(if page.is_empty() { led } else { page })),
        }
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

    /// Where a page's live view goes on from what the page shows.
    pub fn stream_path(&self, topic: &str, page: &str) -> Result<String> {
        let html = self.page(page)?;
        let attribute = |name: &str| html.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| rest.split('"').next());
        let since = attribute("data-since").context("the page has no number to follow from")?;
        Ok(format!("/live?topic={topic}&since={since}"))
    }

    /// The bytes that a live view sends in this time, compressed as a browser gets them.
    pub fn stream(&self, topic: &str, page: &str, time: Duration) -> Result<f64> {
        let path = self.stream_path(topic, page)?;
        let file = self.jar.with_file_name("stream");
        let ended = Program::new("curl")
            .args(["--silent", "--no-buffer", "--max-time", &time.as_secs().to_string(), "--header", "accept-encoding: gzip", "--cookie"])
            .args([&self.jar])
            .args(["--output".as_ref(), file.as_os_str()])
            .args([format!("{}{path}", self.url)])
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

/// The value of a form's field as it stands in a page.
pub fn value_of<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let tag = html.split('<').find(|tag| tag.starts_with("input") && tag.contains(&format!("name=\"{name}\"")))?;
    tag.split_once("value=\"")?.1.split_once('"').map(|(value, _)| value)
}

/// What a person reads of a page's content: no tags, one space between words, the beginning of it.
pub fn text_of(html: &str) -> String {
    let main = html.split_once("<main").map_or(html, |(_, main)| main);
    let mut text = String::new();
    let mut inside = false;
    for c in main.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(600).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_a_person_reads_it() {
        let html = "<body><p>x</p><main id=\"main\"><h1>Refused</h1>\n<p>No  room.</p><input type=\"hidden\" name=\"request_key\" value=\"ab\"></main>";
        assert_eq!(value_of(html, "request_key"), Some("ab"));
        assert_eq!(value_of(html, "reason"), None);
        assert!(text_of(html).ends_with("Refused No room."), "{}", text_of(html));
    }
}
