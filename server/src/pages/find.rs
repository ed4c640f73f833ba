//! Finding things, and the help.

use app::model::{Help, Me, Place};
use axum::{
    Extension,
    extract::{Query, State},
    http::StatusCode,
};
use serde::Deserialize;

use crate::console::{Answer, Asked, Console, html};

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Words {
    q: String,
    /// `found`: only what was found, for the palette.
    part: String,
}

/// `GET /search?q=…`
pub async fn search(State(console): State<Console>, Extension(asked): Extension<Asked>, Query(words): Query<Words>) -> Answer {
    let caller = asked.me(&console)?;
    let found = console.drawing.find(&words.q, caller.role, console.clock.now()).await;
    if words.part == "found" {
        return Ok(html(StatusCode::OK, app::pages::found_alone(&found)));
    }
    Ok(console.page(StatusCode::OK, console.frame(&asked, Place::Outside, "Find"), &found))
}

/// `GET /help`
pub async fn help(State(console): State<Console>, Extension(asked): Extension<Asked>) -> Answer {
    let caller = asked.me(&console)?;
    let frame = console.frame(&asked, Place::Help, "Help");
    let me = Some(Me { name: caller.name.clone(), role: caller.role });
    let help = Help { places: frame.places().collect(), me, keys: frame.keys };
    Ok(console.page(StatusCode::OK, frame, &help))
}
