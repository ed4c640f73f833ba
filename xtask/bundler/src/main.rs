//! `bundler INPUT.wasm FOLDER`: writes `FOLDER/quarterdeck.js` and `FOLDER/quarterdeck_bg.wasm`.
//!
//! A crate of its own, so that the other commands do not wait for wasm-bindgen's library to be compiled.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [input, folder] = arguments.as_slice() else {
        bail!("usage: bundler INPUT.wasm FOLDER");
    };
    Bindgen::new()
        .input_path(input)
        .out_name("quarterdeck")
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)
        .with_context(|| format!("wasm-bindgen cannot read {}", input.display()))
}
