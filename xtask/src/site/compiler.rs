//! Which Rust compiles for the browser: the active toolchain, or Debian's with a standard library built here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::files::{short_hash, write};
use crate::packages;
use crate::process::{Program, find_on_path, on_path};
use crate::workspace::{Workspace, cargo};

/// The target that browsers run.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Set to `debian` to skip the first two ways, to try the third where the first would do.
const FORCE: &str = "QUARTERDECK_WASM_COMPILER";

/// Debian 12's packages with a compiler for the web; they are newer than its `rustc`.
const DEBIAN: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];

/// The crate whose only purpose is that its standard library is built; ours is optimised for size throughout.
const SCRATCH: &str = "[package]\nname = \"scratch\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n\
                       [profile.release]\nopt-level = \"z\"\n[workspace]\n";

/// Without bitcode in it the library could not take part in link-time optimisation.
const SCRATCH_FLAGS: &str = "-C embed-bitcode=yes";

/// A way to compile for the browser.
pub struct Compiler {
    /// The words for the person who waits.
    pub described: String,
    /// `rustc -vV`: part of what decides whether the module is out of date.
    pub version: String,
    cargo: PathBuf,
    rustc: PathBuf,
    /// Where the target's standard library is, when it is not the compiler's own.
    sysroot: Option<PathBuf>,
}

impl Compiler {
    /// `cargo ARGUMENTS` with this compiler.
    pub fn cargo(&self, arguments: &[&str]) -> Program {
        let mut program = Program::new(&self.cargo)
            .args(arguments)
            .env("RUSTC", &self.rustc)
            .without("RUSTFLAGS")
            .without("CARGO_ENCODED_RUSTFLAGS")
            .without("RUSTUP_TOOLCHAIN");
        if let Some(sysroot) = &self.sysroot {
            program = program.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", format!("--sysroot={}", sysroot.display()));
        }
        program
    }
}

/// Takes the first way that works, preparing it when that needs no person.
pub fn find(workspace: &Workspace) -> Result<Compiler> {
    let debian_only = std::env::var(FORCE).is_ok_and(|way| way == "debian");
    if !debian_only {
        if has_target()? {
            return active("the active toolchain");
        }
        if on_path("rustup") && add_target() {
            return active("the active toolchain, target added by rustup");
        }
    }
    debian(workspace).context(format!(
        "no Rust here compiles for {TARGET}: either `rustup target add {TARGET}`, or on Debian 12 \
         `apt-get install {}`",
        DEBIAN.join(" ")
    ))
}

fn active(described: &str) -> Result<Compiler> {
    let rustc = active_rustc()?;
    Ok(Compiler { described: described.to_owned(), version: version(&rustc)?, cargo: PathBuf::from(cargo()), rustc, sysroot: None })
}

/// The real compiler behind the name: rustup's shim answers differently by folder.
fn active_rustc() -> Result<PathBuf> {
    let sysroot = Program::new("rustc").args(["--print", "sysroot"]).output().context("rustc is missing")?;
    Ok(Path::new(sysroot.trim()).join("bin").join("rustc"))
}

fn has_target() -> Result<bool> {
    let folder = Program::new(active_rustc()?).args(["--print", "target-libdir", "--target", TARGET]).output()?;
    Ok(has_standard_library(Path::new(folder.trim())))
}

fn has_standard_library(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}

/// A machine without the way out to Rust's servers is no error: there is another way.
fn add_target() -> bool {
    println!("    rustup target add {TARGET} (usually 10 s)");
    match Program::new("rustup").args(["target", "add", TARGET]).limit(Duration::from_secs(180)).output() {
        Ok(_) => has_target().unwrap_or(false),
        Err(error) => {
            println!("    rustup cannot add it ({}), trying Debian's compiler", first_line(&error.to_string()));
            false
        }
    }
}

/// Debian ships the compiler and the sources of its standard library; the library itself is built once, into the
/// cache: nothing under `/usr` is touched.
fn debian(workspace: &Workspace) -> Result<Compiler> {
    packages::ensure(&DEBIAN)?;
    let (cargo, rustc) = (PathBuf::from("/usr/bin/cargo"), PathBuf::from("/usr/bin/rustc"));
    if find_on_path("rust-lld").is_none() {
        bail!("rust-lld is missing, it links for the browser: `apt-get install lld-22`");
    }
    let version = version(&rustc)?;
    let sysroot = workspace.cache.join("wasm-std").join(short_hash(format!("{version}{SCRATCH}{SCRATCH_FLAGS}").as_bytes()));
    let library = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    if !has_standard_library(&library) {
        println!("    standard library for {TARGET}, once (usually 45 s)");
        build_standard_library(&cargo, &rustc, &sysroot, &library)?;
    }
    Ok(Compiler { described: format!("Debian's {}", first_line(&version)), version, cargo, rustc, sysroot: Some(sysroot) })
}

fn build_standard_library(cargo: &Path, rustc: &Path, sysroot: &Path, library: &Path) -> Result<()> {
    let scratch = sysroot.join("scratch");
    write(&scratch.join("Cargo.toml"), SCRATCH)?;
    write(&scratch.join("src/lib.rs"), "")?;
    Program::new(cargo)
        .args(["build", "--release", "--quiet", "-Z", "build-std=std,panic_abort", "--target", TARGET])
        .env("RUSTC", rustc)
        // Debian's compiler is a stable one; building its own library is what this switch is for.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", SCRATCH_FLAGS)
        .env("CARGO_TARGET_DIR", scratch.join("target"))
        .without("RUSTUP_TOOLCHAIN")
        .dir(&scratch)
        .limit(Duration::from_secs(900))
        .run()?;

    // rustc looks for its own tools (the linker) in the same tree, so the host's part is linked in.
    let host =
        version(rustc)?.lines().find_map(|line| line.strip_prefix("host: ").map(str::to_owned)).context("rustc -vV names no host")?;
    let own = Program::new(rustc).args(["--print", "sysroot"]).output()?;
    let link = sysroot.join("lib/rustlib").join(&host);
    std::fs::create_dir_all(sysroot.join("lib/rustlib"))?;
    std::fs::remove_file(&link).ok();
    std::os::unix::fs::symlink(Path::new(own.trim()).join("lib/rustlib").join(&host), &link)?;

    // Filled under another name and renamed: half a library would look like a whole one the next time.
    let partial = library.with_extension("partial");
    std::fs::remove_dir_all(&partial).ok();
    std::fs::create_dir_all(&partial)?;
    let built = scratch.join("target").join(TARGET).join("release/deps");
    for entry in std::fs::read_dir(&built).with_context(|| format!("cannot list {}", built.display()))? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "rlib") {
            std::fs::copy(&file, partial.join(file.file_name().unwrap_or_default()))?;
        }
    }
    std::fs::rename(&partial, library)?;
    std::fs::remove_dir_all(&scratch)?;
    Ok(())
}

fn version(rustc: &Path) -> Result<String> {
    Program::new(rustc).args(["-vV"]).output()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
