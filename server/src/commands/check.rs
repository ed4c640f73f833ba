//! `quarterdeck check FILE`: everything that is wrong with an estate file.

use std::path::Path;

use super::Words;
use crate::{
    actions,
    config::{self, Estate},
};

pub(super) fn check(file: &Path) -> Result<(), Words> {
    let specs: Vec<_> = actions::all().iter().map(|action| action.spec()).collect();
    let estate = Estate::from_file(file, &config::variable, &specs).map_err(|faults| faults.to_string())?;
    println!("{}: ok, {}, {}", file.display(), count(estate.systems().len(), "system"), count(estate.runbooks.len(), "runbook"));
    Ok(())
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
