//! A YAML file as it stands: every value with its line, nothing decided yet. Decisions would stop at the first fault.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    /// The line, from 1.
    pub(super) line: u64,
    /// What stands there.
    pub(super) value: Value,
}

/// What may stand in a file.
#[derive(Debug)]
pub(super) enum Value {
    /// Nothing.
    Empty,
    /// One word, number or text.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// Keys with their values, in their order; a key may be there twice.
    Map(Vec<(Key, Node)>),
}

/// A key and where it stands.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) line: u64,
    pub(super) text: String,
}

/// Why a file is no YAML: the line and the reason.
pub(super) fn parse(text: &str) -> Result<Node, (u64, String)> {
    let options = serde_saphyr::options! {
        // A snippet would show lines that may hold secrets.
        with_snippet: false,
        // Twice the same key is a fault among others.
        duplicate_keys: DuplicateKeyPolicy::PassThrough
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|err| {
        let line = err.location().map_or(0, |location| location.line());
        (line, err.without_snippet().to_string())
    })
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { line: spanned.referenced.line(), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Empty)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Empty)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Scalar(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Spanned<String>, Node>()? {
            map.push((Key { line: key.referenced.line(), text: key.value }, value));
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_line() {
        let node = parse("a: 1\nb:\n  - x\n  - { c: 0.5, c: yes }\nd:\n").unwrap_or_else(|(line, why)| panic!("{line}: {why}"));
        let Value::Map(entries) = node.value else { panic!() };
        let lines: Vec<_> = entries.iter().map(|(key, node)| (key.text.as_str(), key.line, node.line)).collect();
        assert_eq!(lines[..2], [("a", 1, 1), ("b", 2, 3)]);
        assert_eq!((lines[2].0, lines[2].1), ("d", 5));
        let Value::List(items) = &entries[1].1.value else { panic!() };
        let Value::Map(inner) = &items[1].value else { panic!() };
        assert_eq!((items[1].line, inner.len()), (4, 2), "the second `c` is kept to be told of");
        assert!(matches!(&inner[0].1.value, Value::Scalar(text) if text == "0.5"));
    }

    #[test]
    fn what_is_no_yaml_names_its_line_and_shows_no_text() {
        let (line, why) = parse("a: 1\npassword: \"hunter2\nb: [1\n").err().unwrap_or_default();
        assert!(line > 0, "{line}: {why}");
        assert!(!why.contains("hunter2"), "{why}");
    }
}
