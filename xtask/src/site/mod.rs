//! What a browser loads: one WebAssembly module, one script, one style sheet, the files of `style/static`.
//!
//! All of it lands in `target/site/pkg` under names that carry a hash of the content, each text or module with its
//! brotli and gzip form beside it, listed in `manifest.json`. The server's build script embeds that folder.

mod compiler;
mod publish;
mod script;
mod styles;
mod wasm;

use std::path::PathBuf;

use anyhow::Result;

use crate::files::{Fingerprint, all_under, read, write};
use crate::node;
use crate::workspace::Workspace;

/// Builds what is out of date; returns the folder that the server embeds.
pub fn build(workspace: &Workspace) -> Result<PathBuf> {
    let work = workspace.target.join("site").join("work");
    let site = workspace.site();
    let compiler = compiler::find(workspace)?;
    println!("    WebAssembly by {}", compiler.described);

    let stamp = work.join("site-inputs");
    let inputs = site_inputs(workspace, &wasm::inputs(workspace, &compiler, &work)?)?;
    if site.join("manifest.json").is_file() && read(&stamp).is_ok_and(|made| made == inputs) {
        println!("    nothing has changed since the last time");
        return Ok(site);
    }

    let modules = node::modules(workspace)?;
    let module = wasm::module(workspace, &compiler, &modules, &work)?;
    let wasm = publish::Piece::new("quarterdeck", "wasm", std::fs::read(&module.wasm)?);
    let script = script::bundle(workspace, &modules, &work, &module, &wasm.url())?;
    let styles = styles::bundle(workspace, &modules, &work)?;
    publish::publish(workspace, &site, wasm, script, styles)?;
    write(&stamp, site_inputs(workspace, &module.inputs)?)?;
    Ok(site)
}

/// The module's inputs and those of the script and the styles.
fn site_inputs(workspace: &Workspace, wasm_inputs: &str) -> Result<String> {
    let root = &workspace.root;
    let mut fingerprint = Fingerprint::default();
    fingerprint.add(wasm_inputs);
    for folder in ["style", "xtask/src/site"] {
        for file in all_under(&root.join(folder))? {
            fingerprint.add_file(root, &file)?;
        }
    }
    Ok(fingerprint.finish())
}
