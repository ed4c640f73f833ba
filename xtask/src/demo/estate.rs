//! The demo's estate file, made from the template for what the bed has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::files::{read, write};

/// Lines of the template from this one on are for a bed that has a cluster …
const CLUSTER_ONLY: &str = "#if cluster";
/// … up to this one.
const END: &str = "#end";

/// An estate file and the variables that it names.
pub struct Estate {
    /// The file.
    pub file: PathBuf,
    /// What its `${…}` stand for.
    pub variables: BTreeMap<String, String>,
}

/// Writes `folder/estate.yaml`.
pub fn write_for(template: &Path, bed: &BTreeMap<String, String>, folder: &Path) -> Result<Estate> {
    let text = for_bed(&read(template)?, bed.contains_key("KUBECONFIG"))?;
    let mut variables = BTreeMap::new();
    let mut missing = Vec::new();
    for name in named(&text) {
        match bed.get(&name) {
            Some(value) => {
                variables.insert(name, value.clone());
            }
            None => missing.push(name),
        }
    }
    if !missing.is_empty() {
        bail!("{} names what the test bed does not have: {}", template.display(), missing.join(", "));
    }
    let file = folder.join("estate.yaml");
    write(&file, text)?;
    Ok(Estate { file, variables })
}

/// The template with or without what needs a cluster.
fn for_bed(template: &str, cluster: bool) -> Result<String> {
    let mut text = String::new();
    let mut inside = false;
    for line in template.lines() {
        match line.trim() {
            CLUSTER_ONLY if !inside => inside = true,
            END if inside => inside = false,
            CLUSTER_ONLY | END => bail!("`{CLUSTER_ONLY}` and `{END}` do not match"),
            _ if inside && !cluster => {}
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    if inside {
        bail!("`{CLUSTER_ONLY}` has no `{END}`");
    }
    Ok(text)
}

/// The names in `${…}`, comments left out.
fn named(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default();
        if line.trim_start().starts_with('#') {
            continue;
        }
        for piece in line.split("${").skip(1) {
            if let Some((name, _)) = piece.split_once('}')
                && !names.iter().any(|known| known == name)
            {
                names.push(name.to_owned());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "a: ${A} # ${NOT}\n#if cluster\nb: ${B}\n#end\n# ${NEITHER}\nc: [\"${A}\", \"${C}\"]\n";

    fn bed(keys: &[&str]) -> BTreeMap<String, String> {
        keys.iter().map(|key| ((*key).to_owned(), key.to_lowercase())).collect()
    }

    #[test]
    fn a_bed_without_a_cluster_leaves_its_lines_out() {
        let without = for_bed(TEMPLATE, false).unwrap();
        assert!(!without.contains("${B}") && without.contains("${C}"));
        assert!(for_bed(TEMPLATE, true).unwrap().contains("b: ${B}\n"));
    }

    #[test]
    fn only_what_the_file_names_is_handed_on() {
        let folder = tempfile::tempdir().unwrap();
        let template = folder.path().join("template.yaml");
        write(&template, TEMPLATE).unwrap();
        let estate = write_for(&template, &bed(&["A", "C", "STORE_OWNER_DSN"]), folder.path()).unwrap();
        assert_eq!(estate.variables.into_keys().collect::<Vec<_>>(), ["A", "C"]);
    }

    #[test]
    fn what_the_bed_lacks_is_named_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let template = folder.path().join("template.yaml");
        write(&template, TEMPLATE).unwrap();
        let words = write_for(&template, &bed(&["KUBECONFIG"]), folder.path()).err().unwrap().to_string();
        assert!(words.contains("A, B, C"), "{words}");
    }

    #[test]
    fn marks_must_match() {
        assert!(for_bed("#if cluster\n", true).is_err());
        assert!(for_bed("#end\n", true).is_err());
    }
}
