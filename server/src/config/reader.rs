//! Reads a [`tree`](super::tree) field by field and notes every fault on the way. A field that is wrong is `None` and already noted.

use std::{cell::RefCell, collections::BTreeMap, path::PathBuf};

use super::{
    Fault, Secret,
    fault::nearest,
    tree::{Key, Node, Value},
};

/// The longest file that a secret is read from.
const SECRET_BYTES: u64 = 64 * 1024;

/// Where variables come from.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What is being read: the variables, the folder that paths are relative to, and the faults found so far.
pub(super) struct Reading<'a> {
    variables: Variables<'a>,
    folder: PathBuf,
    faults: RefCell<Vec<Fault>>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(variables: Variables<'a>, folder: PathBuf) -> Self {
        Self { variables, folder, faults: RefCell::default() }
    }

    pub(super) fn note(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }

    /// The faults, in the file's order.
    pub(super) fn into_faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort_by_key(|fault| fault.line);
        faults
    }
}

/// A value that is there, with its place.
#[derive(Clone)]
pub(super) struct Field<'a> {
    reading: &'a Reading<'a>,
    pub(super) path: String,
    line: u64,
    value: &'a Value,
}

impl<'a> Field<'a> {
    pub(super) fn root(reading: &'a Reading<'a>, node: &'a Node) -> Self {
        Self { reading, path: String::new(), line: node.line, value: &node.value }
    }

    /// Notes a fault that shows the value.
    pub(super) fn wrong(&self, what: impl Into<String>, remedy: impl Into<String>) {
        let value = match self.value {
            Value::Scalar(text) => Some(text.clone()),
            Value::Empty | Value::List(_) | Value::Map(_) => None,
        };
        self.note(value, what.into(), remedy.into());
    }

    /// Notes a fault that does not show the value.
    pub(super) fn wrong_secret(&self, what: impl Into<String>, remedy: impl Into<String>) {
        self.note(None, what.into(), remedy.into());
    }

    fn note(&self, value: Option<String>, what: String, remedy: String) {
        self.reading.note(Fault { line: self.line, field: self.path.clone(), value, what, remedy });
    }

    /// The keys below.
    pub(super) fn map(&self) -> Option<Map<'a>> {
        match self.value {
            Value::Map(entries) => Some(Map::new(self, entries)),
            Value::Empty | Value::Scalar(_) | Value::List(_) => {
                self.wrong("should be keys with values", "write `key: value` below it");
                None
            }
        }
    }

    /// The items of a list.
    pub(super) fn list(&self) -> Option<Vec<Field<'a>>> {
        match self.value {
            Value::List(items) => Some(
                items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| Field {
                        reading: self.reading,
                        path: format!("{}[{at}]", self.path),
                        line: item.line,
                        value: &item.value,
                    })
                    .collect(),
            ),
            Value::Empty | Value::Scalar(_) | Value::Map(_) => {
                self.wrong("should be a list", "write `[a, b]`");
                None
            }
        }
    }

    /// The items of a list that must not be empty, each read by `read`. `None` if any of them is wrong.
    pub(super) fn some_of<T>(&self, what: &str, read: impl Fn(&Field<'a>) -> Option<T>) -> Option<Vec<T>> {
        let items = self.list()?;
        if items.is_empty() {
            self.wrong("is empty", format!("name at least one {what}"));
            return None;
        }
        let n = items.len();
        let read: Vec<_> = items.iter().filter_map(read).collect();
        (read.len() == n).then_some(read)
    }

    /// The text, `${NAME}` replaced by that variable.
    pub(super) fn text(&self) -> Option<String> {
        let Value::Scalar(text) = self.value else {
            self.wrong(if matches!(self.value, Value::Empty) { "is empty" } else { "should be one value" }, "write a value");
            return None;
        };
        let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else {
            if text.contains("${") {
                self.wrong("holds a variable within a text", "a variable stands for one whole value: \"${NAME}\"");
                return None;
            }
            if text.trim().is_empty() {
                self.wrong("is empty", "write a value");
                return None;
            }
            return Some(text.clone());
        };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            self.wrong("is no variable", "write \"${NAME}\" with letters, digits and `_`");
            return None;
        }
        match (self.reading.variables)(name) {
            Some(value) if !value.trim().is_empty() => Some(value),
            Some(_) => {
                self.wrong("is an empty variable", format!("give the environment variable {name} a value"));
                None
            }
            None => {
                self.wrong("is not set", format!("set the environment variable {name}"));
                None
            }
        }
    }

    /// The text as what it should be.
    pub(super) fn parse<T>(&self, should_be: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let parsed = parse(self.text()?.trim());
        if parsed.is_none() {
            self.wrong("cannot be read", format!("write {should_be}"));
        }
        parsed
    }

    /// The text as what it should be, where reading it says what is wrong.
    pub(super) fn parse_or_say<T, E: std::fmt::Display>(&self, remedy: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        parse(self.text()?.trim()).map_err(|why| self.wrong(format!("is wrong: {why}"), remedy)).ok()
    }

    /// A path, relative to the file's own folder.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.text().map(|text| self.reading.folder.join(text))
    }

    /// A file that must be there and readable: its path.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let path = self.path()?;
        match std::fs::File::open(&path).and_then(|file| file.metadata()) {
            Ok(about) if about.is_file() && about.len() > 0 => Some(path),
            Ok(about) if about.is_file() => {
                self.wrong("is an empty file", "put there what it should hold");
                None
            }
            Ok(_) => {
                self.wrong("is no file", "name a file");
                None
            }
            Err(err) => {
                self.wrong(format!("cannot be read: {}", reason(&err)), "name a file that the console may read");
                None
            }
        }
    }

    /// A secret: `{ file: PATH }` or a whole `"${NAME}"`, never the text itself.
    pub(super) fn secret(&self) -> Option<Secret> {
        match self.value {
            Value::Map(entries) => {
                let mut map = Map::new(self, entries);
                let file = map.need("file");
                map.end();
                let file = file?;
                let path = file.file()?;
                let text = read_short(&path).map_err(|why| file.wrong(format!("cannot be read: {why}"), "name a short text file")).ok()?;
                let text = text.trim_end_matches(['\r', '\n']);
                if text.is_empty() {
                    file.wrong("is an empty file", "put the secret there");
                    return None;
                }
                Some(Secret::new(text))
            }
            Value::Scalar(text) if text.starts_with("${") => self.text().map(Secret::new),
            Value::Scalar(_) => {
                self.wrong_secret(
                    "stands in the file itself",
                    "write { file: PATH } or \"${NAME}\": a secret does not belong into an estate file",
                );
                None
            }
            Value::Empty | Value::List(_) => {
                self.wrong_secret("is no secret", "write { file: PATH } or \"${NAME}\"");
                None
            }
        }
    }
}

/// The system's words without the number of the error.
fn reason(err: &std::io::Error) -> String {
    err.kind().to_string()
}

fn read_short(path: &std::path::Path) -> Result<String, String> {
    use std::io::Read;
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|err| reason(&err))?;
    file.take(SECRET_BYTES + 1).read_to_string(&mut text).map_err(|err| reason(&err))?;
    if u64::try_from(text.len()).is_ok_and(|len| len <= SECRET_BYTES) { Ok(text) } else { Err("longer than 64 KiB".to_owned()) }
}

/// Keys with their values. What is asked for is known; what is left over at [`Map::end`] is a fault.
pub(super) struct Map<'a> {
    field: Field<'a>,
    entries: BTreeMap<&'a str, (&'a Key, &'a Node)>,
    known: Vec<&'static str>,
}

impl<'a> Map<'a> {
    fn new(field: &Field<'a>, entries: &'a [(Key, Node)]) -> Self {
        let mut first = BTreeMap::new();
        for (key, node) in entries {
            if first.contains_key(key.text.as_str()) {
                let path = join(&field.path, &key.text);
                let fault =
                    Fault { line: key.line, field: path, value: None, what: "is there twice".into(), remedy: "keep one of them".into() };
                field.reading.note(fault);
            } else {
                first.insert(key.text.as_str(), (key, node));
            }
        }
        Self { field: field.clone(), entries: first, known: Vec::new() }
    }

    /// The field of that key, if it is there.
    pub(super) fn may(&mut self, key: &'static str) -> Option<Field<'a>> {
        self.known.push(key);
        let (at, node) = self.entries.remove(key)?;
        Some(self.below(at, node))
    }

    /// The field of that key, which must be there.
    pub(super) fn need(&mut self, key: &'static str) -> Option<Field<'a>> {
        let field = self.may(key);
        if field.is_none() {
            self.field.wrong_secret(format!("`{key}` is missing"), format!("write `{key}: …`"));
        }
        field
    }

    /// Refuses a key that the console does not enforce yet: it would be decoration.
    pub(super) fn not_yet(&mut self, key: &'static str) {
        if let Some((at, _)) = self.entries.remove(key) {
            let path = join(&self.field.path, key);
            self.field.reading.note(Fault {
                line: at.line,
                field: path,
                value: None,
                what: "is not built yet, so the console would ignore it".into(),
                remedy: "take it out".into(),
            });
        }
    }

    /// Every entry of a map whose keys are names of the reader's choice.
    pub(super) fn names(self) -> Vec<(&'a str, Field<'a>)> {
        let mut names: Vec<_> = self.entries.iter().map(|(name, (at, node))| (*name, self.below(at, node))).collect();
        names.sort_by_key(|(_, field)| field.line);
        names
    }

    /// A value is found by its key's line: what is below it may begin further down.
    fn below(&self, key: &Key, node: &'a Node) -> Field<'a> {
        Field { reading: self.field.reading, path: join(&self.field.path, &key.text), line: key.line, value: &node.value }
    }

    /// Notes every key that was not asked for.
    pub(super) fn end(self) {
        for (name, (key, _)) in &self.entries {
            let remedy = match nearest(name, self.known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("known here: {}", self.known.join(", ")),
            };
            let path = join(&self.field.path, name);
            self.field.reading.note(Fault { line: key.line, field: path, value: None, what: "is no known key".into(), remedy });
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
