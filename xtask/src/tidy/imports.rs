//! What a Rust file uses: its `use` statements as single paths, and the code without them.

use super::pattern;

/// The imports of one file.
pub struct Imports {
    /// Line and full path of each import: `crate::adapters::redis::Info`.
    pub paths: Vec<(usize, String)>,
    /// The code with all `use` statements blanked out; the same lines.
    pub rest: String,
    /// Names that stand for a module of ours in this file, though a library may be called the same.
    local: Vec<String>,
}

impl Imports {
    /// Reads code that has no comments and no strings.
    pub fn read(code: &str) -> Self {
        let statement = pattern(r"\buse\s+([^;<]+);");
        let mut paths = Vec::new();
        let mut rest = code.to_owned();
        for found in statement.captures_iter(code) {
            let (whole, tree) = (found.get(0).map(|whole| whole.range()).unwrap_or_default(), &found[1]);
            let line = code[..whole.start].matches('\n').count() + 1;
            flatten("", tree, line, &mut paths);
            let blank: String = code[whole.clone()].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
            rest.replace_range(whole.clone(), &pad(&blank, whole.len()));
        }
        let declared = pattern(r"\bmod\s+([a-z_][a-z0-9_]*)");
        let mut local: Vec<String> = declared.captures_iter(code).map(|found| found[1].to_owned()).collect();
        let own = |path: &str| ["crate::", "super::", "self::"].iter().any(|root| path.starts_with(root));
        local.extend(paths.iter().filter(|(_, path)| own(path)).filter_map(|(_, path)| path.rsplit("::").next().map(str::to_owned)));
        Self { paths, rest, local }
    }

    /// Lines that use one of these libraries, and which.
    pub fn libraries(&self, names: &[&str]) -> Vec<(usize, String)> {
        let wanted = |name: &str| names.contains(&name) && !self.local.iter().any(|local| local == name);
        let root = pattern(r"(?:^|[^:\w.$])(?:::)?([a-z_][a-z0-9_]*)::");
        let mut found: Vec<(usize, String)> = self
            .paths
            .iter()
            .filter_map(|(line, path)| {
                let root = path.split("::").next().unwrap_or_default();
                wanted(root).then(|| (*line, root.to_owned()))
            })
            .collect();
        for (index, line) in self.rest.lines().enumerate() {
            let hit = root.captures_iter(line).map(|hit| hit[1].to_owned()).find(|name| wanted(name));
            found.extend(hit.map(|name| (index + 1, name)));
        }
        found
    }

    /// Lines that use one of these modules of the same crate, and which.
    pub fn modules(&self, names: &[&str]) -> Vec<(usize, String)> {
        let path = pattern(r"\bcrate::([a-z_][a-z0-9_]*)");
        let mut found: Vec<(usize, String)> = self
            .paths
            .iter()
            .filter_map(|(line, path)| {
                let name = path.strip_prefix("crate::")?.split("::").next()?;
                names.contains(&name).then(|| (*line, name.to_owned()))
            })
            .collect();
        for (index, line) in self.rest.lines().enumerate() {
            let hit = path.captures_iter(line).map(|hit| hit[1].to_owned()).find(|name| names.contains(&name.as_str()));
            found.extend(hit.map(|name| (index + 1, name)));
        }
        found
    }
}

/// `a::{b, c::{d, e as f}}` to `a::b`, `a::c::d`, `a::c::f`: a new name counts as the last part.
fn flatten(prefix: &str, tree: &str, line: usize, paths: &mut Vec<(usize, String)>) {
    let tree = tree.trim().trim_start_matches("::");
    let join = |part: &str| if prefix.is_empty() { part.to_owned() } else { format!("{prefix}::{part}") };
    let Some((head, inside)) = tree.split_once('{') else {
        let (path, renamed) = tree.split_once(" as ").unwrap_or((tree, ""));
        let mut parts: Vec<&str> = path.split("::").map(str::trim).filter(|part| *part != "self" || prefix.is_empty()).collect();
        if !renamed.is_empty() {
            parts.push(renamed.trim());
        }
        let path = parts.join("::");
        if !path.is_empty() || !prefix.is_empty() {
            paths.push((line, if path.is_empty() { prefix.to_owned() } else { join(&path) }));
        }
        return;
    };
    let prefix = match head.trim().trim_end_matches("::") {
        "" => prefix.to_owned(),
        head => join(head),
    };
    let inside = inside.trim_end().strip_suffix('}').unwrap_or(inside);
    let (mut depth, mut start, mut at) = (0_i32, 0, line + head.matches('\n').count());
    let mut counted = 0;
    for (index, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let item = &inside[start..index];
                let leading = item.len() - item.trim_start().len();
                at += inside[counted..start + leading].matches('\n').count();
                counted = start + leading;
                if !item.trim().is_empty() {
                    flatten(&prefix, item, at, paths);
                }
                start = (index + 1).min(inside.len());
            }
            _ => {}
        }
    }
}

/// A blanked statement has as many bytes as before, so that later ranges hold.
fn pad(blank: &str, bytes: usize) -> String {
    format!("{blank}{}", " ".repeat(bytes.saturating_sub(blank.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(code: &str) -> Vec<(usize, String)> {
        Imports::read(code).paths
    }

    #[test]
    fn nested_braces_become_single_paths_with_their_lines() {
        let code = "use std::fmt;\nuse crate::{\n    adapters::{redis::Info, self},\n    store,\n};\n";
        let expected = [(1, "std::fmt"), (3, "crate::adapters::redis::Info"), (3, "crate::adapters"), (4, "crate::store")];
        let expected: Vec<(usize, String)> = expected.iter().map(|(line, path)| (*line, (*path).to_owned())).collect();
        assert_eq!(paths(code), expected);
    }

    #[test]
    fn a_library_is_told_from_a_module_of_the_same_name() {
        let of = |code: &str| Imports::read(code).libraries(&["redis", "kube"]).len();
        assert_eq!(of("use redis::Client;"), 1);
        assert_eq!(of("use ::redis::Client;"), 1);
        assert_eq!(of("fn f() -> redis::Client { todo }"), 1);
        assert_eq!(of("use crate::{\n  adapters::{\n    redis::Info,\n  },\n};"), 0);
        assert_eq!(of("use crate::adapters::redis;\nfn f() { redis::info() }"), 0);
        assert_eq!(of("mod redis;\npub use redis::Info;"), 0);
        assert_eq!(of("let x = self.kube.get();"), 0);
    }

    #[test]
    fn a_module_is_found_inside_braces_too() {
        let of = |code: &str| Imports::read(code).modules(&["store"]);
        assert_eq!(of("use crate::{\n  clock,\n  store::Runs,\n};"), [(3, "store".to_owned())]);
        assert_eq!(of("let x = crate::store::open();").len(), 1);
        assert_eq!(of("use crate::storefront;").len(), 0);
    }
}
