//! The one style sheet: `style/*.css` in a stated order, shrunk by esbuild.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::publish::Piece;
use crate::files::{all_under, read, write};
use crate::process::Program;
use crate::workspace::Workspace;

/// These come first, in this order; every other file is a component's and comes after, by name.
const FIRST: [&str; 3] = ["tokens.css", "base.css", "layout.css"];

/// Joins and shrinks the style sheets.
pub fn bundle(workspace: &Workspace, modules: &Path, work: &Path) -> Result<Piece> {
    let folder = workspace.root.join("style");
    let mut joined = String::new();
    for file in in_order(&folder)? {
        joined.push_str(&read(&file)?);
        joined.push('\n');
    }
    let whole = work.join("joined.css");
    write(&whole, &joined)?;
    let small = work.join("small.css");
    // `esnext`: what the style sheets use is what today's browsers have, so nothing is rewritten for older ones.
    Program::new(modules.join(".bin/esbuild"))
        .args([whole.as_path()])
        .args(["--minify", "--target=esnext", "--legal-comments=none", "--log-level=warning", "--log-override:css-syntax-error=error"])
        .args([format!("--outfile={}", small.display())])
        .dir(&workspace.root)
        .run()?;
    Ok(Piece::new("quarterdeck", "css", std::fs::read(&small)?))
}

/// All style sheets of `folder` (and of the folders in it, except `static`) in the order in which they are joined.
fn in_order(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut sheets: Vec<PathBuf> = all_under(folder)?
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "css"))
        .filter(|file| !file.starts_with(folder.join("static")))
        .collect();
    if sheets.is_empty() {
        bail!("{} has no style sheet: tokens.css, base.css, layout.css and one file a component belong there", folder.display());
    }
    sheets.sort_by_key(|file| {
        let name = file.strip_prefix(folder).unwrap_or(file).to_string_lossy().into_owned();
        (FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len()), name)
    });
    Ok(sheets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_base_layout_come_first_and_components_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["strip.css", "layout.css", "tokens.css", "base.css", "button.css", "note.txt", "static/icon.css"] {
            write(&folder.path().join(name), "").unwrap();
        }
        let names: Vec<String> =
            in_order(folder.path()).unwrap().iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["tokens.css", "base.css", "layout.css", "button.css", "strip.css"]);
    }

    #[test]
    fn no_style_sheet_at_all_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert!(in_order(folder.path()).unwrap_err().to_string().contains("has no style sheet"));
    }
}
