//! The browser half as a module: compiled, given its script by wasm-bindgen, shrunk by wasm-opt.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::compiler::{Compiler, TARGET};
use crate::files::{Fingerprint, all_under, read, write};
use crate::process::Program;
use crate::workspace::{Workspace, cargo};

/// What rustc is allowed to emit for today's browsers, so that wasm-opt may read and write it too.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// The module and the script that wasm-bindgen wrote for it.
pub struct Module {
    /// The shrunk module.
    pub wasm: PathBuf,
    /// The ES module that instantiates it.
    pub glue: PathBuf,
    /// The hash of what it was made from.
    pub inputs: String,
}

/// The hash of everything that can change the module's bytes. Of the crate only the files count that the compiler read the last
/// time: most of its pages are the server's alone, and their changes must not cost a build.
pub fn inputs(workspace: &Workspace, compiler: &Compiler, work: &Path) -> Result<String> {
    let root = &workspace.root;
    let mut fingerprint = Fingerprint::default();
    fingerprint.add(&compiler.version);
    for file in ["Cargo.toml", "Cargo.lock", "app/Cargo.toml", "end2end/package-lock.json"] {
        fingerprint.add_file(root, &root.join(file))?;
    }
    for file in ["xtask/bundler/src/main.rs", "xtask/src/site/wasm.rs"] {
        fingerprint.add_file(root, &root.join(file))?;
    }
    match read(&work.join(SOURCES)) {
        Ok(list) => list.lines().try_for_each(|file| fingerprint.add_file(root, &root.join(file)))?,
        Err(_) => all_under(&root.join("app/src"))?.iter().try_for_each(|file| fingerprint.add_file(root, file))?,
    }
    Ok(fingerprint.finish())
}

/// The list of the crate's files that the compiler read, one a line, as seen from the clone's top.
const SOURCES: &str = "wasm-sources";

/// Builds the module, unless its inputs are those of the last time.
pub fn module(workspace: &Workspace, compiler: &Compiler, modules: &Path, work: &Path) -> Result<Module> {
    let now = inputs(workspace, compiler, work)?;
    let module = Module { wasm: work.join("quarterdeck.wasm"), glue: work.join("bound/quarterdeck.js"), inputs: now };
    let stamp = work.join("wasm-inputs");
    if module.wasm.is_file() && module.glue.is_file() && read(&stamp).is_ok_and(|made| made == module.inputs) {
        println!("    browser half: unchanged");
        return Ok(module);
    }

    println!("    browser half to WebAssembly (usually 90 s the first time, 25 s later)");
    // A folder of its own: two compilers that share one throw away each other's host artefacts.
    let target = workspace.target.join("wasm-build");
    let folder = target.to_str().context("the target folder's name is not UTF-8")?;
    compiler
        .cargo(&["rustc", "--quiet", "--locked", "--package", "app", "--lib", "--crate-type", "cdylib"])
        .args(["--no-default-features", "--features", "hydrate", "--profile", "wasm"])
        .args(["--target", TARGET, "--target-dir", folder])
        .dir(&workspace.root)
        .limit(Duration::from_secs(3600))
        .run()?;

    println!("    wasm-bindgen (usually 40 s the first time, 2 s later)");
    let bound = work.join("bound");
    std::fs::remove_dir_all(&bound).ok();
    std::fs::create_dir_all(&bound)?;
    Program::new(cargo())
        .args(["run", "--quiet", "--locked", "--package", "bundler", "--"])
        .args([target.join(TARGET).join("wasm").join("app.wasm").as_path(), bound.as_path()])
        .dir(&workspace.root)
        .limit(Duration::from_secs(3600))
        .run()?;

    println!("    wasm-opt (usually 10 s)");
    Program::new("node")
        .args([modules.join("binaryen/bin/wasm-opt")])
        .args(["-Oz"])
        .args(FEATURES)
        .args([bound.join("quarterdeck_bg.wasm").as_os_str(), "-o".as_ref(), module.wasm.as_os_str()])
        .limit(Duration::from_secs(600))
        .run()?;
    let listed = read(&target.join(TARGET).join("wasm").join("app.d"))?;
    write(&work.join(SOURCES), sources(&listed, &workspace.root).join("\n"))?;
    let made_from = inputs(workspace, compiler, work)?;
    write(&stamp, &made_from)?;
    Ok(Module { inputs: made_from, ..module })
}

/// The files of cargo's `OUTPUT: FILE FILE …`, a space in a name as `\ `; those of the clone, as seen from its top.
fn sources(listed: &str, root: &Path) -> Vec<String> {
    let Some((_, files)) = listed.lines().next().and_then(|line| line.split_once(": ")) else { return vec![] };
    let mut found: Vec<String> = files
        .replace("\\ ", "\0")
        .split_whitespace()
        .map(|file| PathBuf::from(file.replace('\0', " ")))
        .filter_map(|file| Some(file.strip_prefix(root).unwrap_or(&file).to_str()?.to_owned()))
        .filter(|file| !file.starts_with('/'))
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clone_s_files_are_listed_from_its_top() {
        let listed = "/t/app.wasm: /a\\ b/app/src/lib.rs /a\\ b/app/src/islands/mod.rs /elsewhere/x.rs\n";
        assert_eq!(sources(listed, Path::new("/a b")), ["app/src/islands/mod.rs", "app/src/lib.rs"]);
    }

    #[test]
    fn a_list_of_another_form_lists_nothing() {
        assert!(sources("", Path::new("/")).is_empty());
    }
}
