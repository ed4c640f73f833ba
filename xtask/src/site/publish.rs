//! Hashed names, compressed forms and the manifest.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

use crate::files::{all_under, short_hash, write};
use crate::workspace::Workspace;

/// One file that a page may ask for.
pub struct Piece {
    /// What the manifest calls it: `quarterdeck.wasm`, `favicon.svg`.
    pub name: String,
    file: String,
    content: Vec<u8>,
}

impl Piece {
    /// `stem.extension`, published as `stem.HASH.extension`.
    pub fn new(stem: &str, extension: &str, content: Vec<u8>) -> Self {
        let file = format!("{stem}.{}.{extension}", short_hash(&content));
        Self { name: format!("{stem}.{extension}"), file, content }
    }

    /// Where a browser finds it.
    pub fn url(&self) -> String {
        format!("/pkg/{}", self.file)
    }
}

/// Writes everything to `site` and takes away what an earlier build left there. The manifest comes last: it is what
/// the server's build looks at, and it is left alone when it says the same.
pub fn publish(workspace: &Workspace, site: &Path, wasm: Piece, script: Piece, styles: Piece) -> Result<()> {
    let mut pieces = vec![wasm, script, styles];
    let folder = workspace.root.join("style/static");
    for file in all_under(&folder)? {
        let (stem, extension) = (file.file_stem(), file.extension());
        if let (Some(stem), Some(extension)) = (stem, extension) {
            pieces.push(Piece::new(&stem.to_string_lossy(), &extension.to_string_lossy(), std::fs::read(&file)?));
        }
    }

    std::fs::create_dir_all(site).with_context(|| format!("cannot create {}", site.display()))?;
    let mut written = vec!["manifest.json".to_owned()];
    let mut files = BTreeMap::new();
    for piece in &pieces {
        let brotli = brotli(&piece.content)?;
        let gzip = gzip(&piece.content)?;
        println!("    {:<34} {:>8} B, brotli {:>7} B, gzip {:>7} B", piece.file, piece.content.len(), brotli.len(), gzip.len());
        for (suffix, content) in [("", piece.content.as_slice()), (".br", &brotli), (".gz", &gzip)] {
            let name = format!("{}{suffix}", piece.file);
            write(&site.join(&name), content)?;
            written.push(name);
        }
        files.insert(
            piece.name.clone(),
            serde_json::json!({
                "file": piece.file,
                "bytes": piece.content.len(),
                "brotli": brotli.len(),
                "gzip": gzip.len(),
            }),
        );
    }

    let manifest = format!("{:#}\n", serde_json::json!({ "files": files }));
    let path = site.join("manifest.json");
    if std::fs::read_to_string(&path).ok().as_deref() != Some(manifest.as_str()) {
        write(&path, manifest)?;
    }
    for file in all_under(site)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !written.contains(&name) {
            std::fs::remove_file(&file)?;
        }
    }
    Ok(())
}

/// Quality 11, the window as large as the format has without its large-window extension.
fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let mut small = Vec::new();
    brotli::CompressorWriter::new(&mut small, 4096, 11, 24).write_all(content)?;
    Ok(small)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_changes_with_the_content_and_only_with_it() {
        let one = Piece::new("quarterdeck", "css", b"a{}".to_vec());
        let same = Piece::new("quarterdeck", "css", b"a{}".to_vec());
        let other = Piece::new("quarterdeck", "css", b"b{}".to_vec());
        assert_eq!(one.url(), same.url());
        assert_ne!(one.url(), other.url());
        assert!(one.url().starts_with("/pkg/quarterdeck.") && one.url().ends_with(".css"));
    }

    #[test]
    fn compressed_forms_unpack_to_the_content() {
        let text = b"the same words, the same words, the same words".as_slice();
        let mut unpacked = Vec::new();
        brotli::BrotliDecompress(&mut brotli(text).unwrap().as_slice(), &mut unpacked).unwrap();
        assert_eq!(unpacked, text);
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(gzip(text).unwrap().as_slice()), &mut unpacked).unwrap();
        assert_eq!(unpacked, text);
    }
}
