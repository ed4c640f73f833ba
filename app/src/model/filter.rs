//! What a list is narrowed by: typed into a form, kept in the address, so that what is seen can be linked to.

use super::{FieldInput, FormField};

/// The filter of one list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// The list's address.
    pub path: &'static str,
    /// Its fields with what was typed and what is wrong with it.
    pub fields: Vec<FormField>,
}

impl Filter {
    /// Whether anything was typed or chosen.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.fields.iter().any(|field| !field.value.is_empty())
    }

    /// Whether something that was typed cannot be looked for.
    #[must_use]
    pub fn has_fault(&self) -> bool {
        self.fields.iter().any(|field| field.fault.is_some())
    }

    /// The list's address with this filter, and with `more` if there is one: where the next page begins.
    #[must_use]
    pub fn href(&self, more: Option<(&str, i64)>) -> String {
        let more = more.map(|(name, value)| (name, value.to_string()));
        let typed = self.fields.iter().filter(|field| !field.value.is_empty());
        let pairs = typed.map(|field| (field.name.as_str(), field.value.clone())).chain(more);
        let query: Vec<_> = pairs.map(|(name, value)| format!("{name}={}", encoded(&value))).collect();
        if query.is_empty() { self.path.to_owned() } else { format!("{}?{}", self.path, query.join("&")) }
    }

    /// What is looked for, in words: "state “failed”, asked by “anna”".
    #[must_use]
    pub fn words(&self) -> String {
        let set = self.fields.iter().filter(|field| !field.value.is_empty());
        set.map(|field| format!("{} “{}”", field.label.to_lowercase(), label(field))).collect::<Vec<_>>().join(", ")
    }
}

/// The value as it is called in the form.
fn label(field: &FormField) -> &str {
    match &field.input {
        FieldInput::Choice(choices) => {
            choices.iter().find(|(value, _)| *value == field.value).map_or(field.value.as_str(), |(_, label)| label.as_str())
        }
        FieldInput::Text | FieldInput::Number => &field.value,
    }
}

/// A value for an address: everything but letters and digits as `%XX`.
#[must_use]
pub fn encoded(value: &str) -> String {
    value.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(typed: &[(&str, &str)]) -> Filter {
        let field = |(name, value): &(&str, &str)| FormField {
            name: (*name).into(),
            label: name.to_uppercase(),
            hint: String::new(),
            value: (*value).into(),
            input: if *name == "state" { FieldInput::Choice(vec![("ko".into(), "failed".into())]) } else { FieldInput::Text },
            fault: None,
        };
        Filter { path: "/audit", fields: typed.iter().map(field).collect() }
    }

    #[test]
    fn the_next_page_keeps_the_filter() {
        let set = filter(&[("actor", "a&b"), ("kind", ""), ("target", "deployment/eu/ü")]);
        assert_eq!(set.href(Some(("before", 7))), "/audit?actor=a%26b&target=deployment%2Feu%2F%C3%BC&before=7");
        assert_eq!(filter(&[("actor", "")]).href(None), "/audit");
    }

    #[test]
    fn what_is_looked_for_is_said_in_the_form_s_words() {
        assert_eq!(filter(&[("actor", "anna"), ("kind", ""), ("state", "ko")]).words(), "actor “anna”, state “failed”");
        assert!(!filter(&[("actor", "")]).is_set());
    }
}
