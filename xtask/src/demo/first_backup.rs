//! The demo's first backup, made as its operator makes one: by the forms. An estate that was never backed up is not well, and would say so.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::interrupted;
use crate::visitor::{Visitor, text_of, value_of};

/// What the estate file calls the backups of AIA's database.
const TARGET: &str = "backup/aia_production";
/// The demo's database has some megabytes.
const MADE_WITHIN: Duration = Duration::from_secs(120);
/// The console looks into the store every few seconds.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

/// Plans, confirms and waits for the end; then until the console has seen it.
pub fn make(url: &str, user: &str, password: &str, folder: &Path) -> Result<()> {
    let operator = Visitor::sign_in(url, user, password, folder)?;
    let plan = operator.post("/runbooks/back-up-database/plan", &[("target", TARGET)])?;
    let page = operator.page(&plan)?;
    let key = value_of(&page, "request_key").with_context(|| format!("the plan may not be run: {}", text_of(&page)))?;
    let run = operator.post(&format!("{plan}/run"), &[("request_key", key), ("reason", "The first backup of this demo")])?;
    let began = Instant::now();
    loop {
        let page = operator.page(&run)?;
        if page.contains(">succeeded<") {
            break;
        }
        if page.contains(">failed<") || page.contains(">refused<") || began.elapsed() > MADE_WITHIN {
            bail!("the first backup was not made: {}", text_of(&page));
        }
        pause()?;
    }
    let began = Instant::now();
    while operator.page("/")?.contains("has no backup of") {
        if began.elapsed() > SEEN_WITHIN {
            bail!("the first backup was made, and the console does not see it");
        }
        pause()?;
    }
    Ok(())
}

fn pause() -> Result<()> {
    if interrupted() {
        bail!("interrupted");
    }
    thread::sleep(Duration::from_millis(200));
    Ok(())
}
