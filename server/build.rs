//! Writes the list of embedded files: what `cargo xtask build` left in `target/site/pkg`.
//!
//! Without a site the server compiles all the same, and its pages say which command builds one; so `cargo check`
//! needs no browser tools.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    // The macro that embeds the migrations only sees the files that were there.
    println!("cargo::rerun-if-changed=../migrations");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo::rerun-if-env-changed=QUARTERDECK_SITE_DIR");
    let site = match std::env::var_os("QUARTERDECK_SITE_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => target_folder(&out)?.join("site").join("pkg"),
    };
    let manifest = site.join("manifest.json");
    if !manifest.exists() {
        // Cargo runs a build script again and again while a file that it names is missing, and the server would be
        // compiled each time. An empty manifest can be named; `cargo xtask build` replaces it.
        std::fs::create_dir_all(&site)?;
        std::fs::write(&manifest, "{}\n")?;
    }
    println!("cargo::rerun-if-changed={}", manifest.display());
    let list = list(&site, &serde_json::from_slice(&std::fs::read(&manifest)?)?)?;
    std::fs::write(out.join("embedded.rs"), list)?;
    Ok(())
}

/// `target/PROFILE/build/server-HASH/out` or `target/TRIPLE/PROFILE/build/…`: the nearest folder above `build` that
/// holds the profiles. Cargo marks it with a `CACHEDIR.TAG`.
fn target_folder(out: &Path) -> Result<&Path, String> {
    out.ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .or_else(|| out.ancestors().nth(4))
        .ok_or_else(|| format!("{} is not inside a target folder; set QUARTERDECK_SITE_DIR", out.display()))
}

/// A Rust slice with one entry a file, sorted by file name.
fn list(site: &Path, manifest: &serde_json::Value) -> Result<String, Box<dyn Error>> {
    let mut entries: Vec<(String, String)> = Vec::new();
    for (name, entry) in manifest["files"].as_object().into_iter().flatten() {
        let file = entry["file"].as_str().ok_or("manifest.json: an entry has no `file`")?;
        entries.push((file.to_owned(), name.clone()));
    }
    entries.sort();

    let mut text = String::from("&[\n");
    for (file, name) in &entries {
        let path = |suffix: &str| format!("{:?}", site.join(format!("{file}{suffix}")));
        writeln!(
            text,
            "    Embedded {{ name: {name:?}, file: {file:?}, url: {:?}, identity: include_bytes!({}), \
             brotli: include_bytes!({}), gzip: include_bytes!({}) }},",
            format!("/pkg/{file}"),
            path(""),
            path(".br"),
            path(".gz"),
        )?;
    }
    text.push(']');
    Ok(text)
}
