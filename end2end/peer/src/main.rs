//! `peer PORT FILE`: serves the page in FILE as somebody would write it by hand: fixed markup, and each figure and age escaped and put in at
//! every request. No session, no store, no cache: the least that such a page can cost.

use std::{net::Ipv4Addr, process::ExitCode, sync::Arc};

use axum::{Router, extract::State, response::Html, routing::get};

/// What one request puts together: markup, and after each piece of it a value.
struct Template {
    pieces: Vec<String>,
    values: Vec<String>,
}

impl Template {
    /// Takes the text of every figure and every age out of a page.
    fn of(page: &str) -> Self {
        let (mut pieces, mut values) = (vec![String::new()], Vec::new());
        let mut rest = page;
        while let Some(end) = rest.find('>') {
            let (tag, after) = rest.split_at(end + 1);
            let text = after.split('<').next().unwrap_or_default();
            let is_value = !text.is_empty() && (tag.contains("<time") || tag.contains("class=\"fig\""));
            if let Some(piece) = pieces.last_mut() {
                piece.push_str(tag);
                if !is_value {
                    piece.push_str(text);
                }
            }
            if is_value {
                values.push(text.to_owned());
                pieces.push(String::new());
            }
            rest = after.get(text.len()..).unwrap_or_default();
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(rest);
        }
        Self { pieces, values }
    }

    fn page(&self) -> String {
        let length = self.pieces.iter().chain(&self.values).map(String::len).sum::<usize>();
        let mut page = String::with_capacity(length + 256);
        for (at, piece) in self.pieces.iter().enumerate() {
            page.push_str(piece);
            if let Some(value) = self.values.get(at) {
                escape(&mut page, value);
            }
        }
        page
    }
}

fn escape(page: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&quot;"),
            letter => page.push(letter),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(port), Some(file)) = (arguments.next().and_then(|port| port.parse().ok()), arguments.next()) else {
        eprintln!("peer PORT FILE");
        return ExitCode::FAILURE;
    };
    match serve(port, &file).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{file} on port {port}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(port: u16, file: &str) -> std::io::Result<()> {
    let template = Arc::new(Template::of(&std::fs::read_to_string(file)?));
    let page = async |State(template): State<Arc<Template>>| Html(template.page());
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    axum::serve(listener, Router::new().route("/", get(page)).with_state(template)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_put_together_as_it_was() {
        let page = "<p>a</p><span class=\"fig\">84<i>ms</i></span> <time>8 s</time>, <b>x</b>";
        let template = Template::of(page);
        assert_eq!(template.values, ["84", "8 s"]);
        assert_eq!(template.page(), page);
    }
}
