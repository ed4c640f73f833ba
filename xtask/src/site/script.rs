//! The one script: our loader and wasm-bindgen's script, joined and shrunk by esbuild.

use std::path::Path;

use anyhow::Result;

use super::publish::Piece;
use super::wasm::Module;
use crate::files::write;
use crate::process::Program;
use crate::workspace::Workspace;

/// Joins the scripts; `wasm_url` is where a page finds the module.
pub fn bundle(workspace: &Workspace, modules: &Path, work: &Path, module: &Module, wasm_url: &str) -> Result<Piece> {
    let loader = work.join("loader.js");
    write(&loader, include_str!("loader.js"))?;
    let joined = work.join("joined.js");
    Program::new(modules.join(".bin/esbuild"))
        .args([loader.as_path()])
        .args(["--bundle", "--minify", "--format=esm", "--target=es2022", "--legal-comments=none", "--log-level=warning"])
        .args([
            format!("--alias:quarterdeck-glue={}", module.glue.display()),
            format!("--define:WASM_URL={}", serde_json::Value::from(wasm_url)),
            format!("--outfile={}", joined.display()),
        ])
        .dir(&workspace.root)
        .run()?;
    Ok(Piece::new("quarterdeck", "js", std::fs::read(&joined)?))
}
