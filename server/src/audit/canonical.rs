//! One spelling for one value: keys sorted by their bytes, no white space. What is hashed must not depend on a library's order of keys.

use serde_json::Value;

/// Writes `value` in its canonical spelling. Numbers are whole by construction: no event holds a float.
pub(super) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            out.push('{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(&Value::String(key.clone()), out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        // `Value`'s own spelling of a scalar has no choices to make.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::canonical;

    #[test]
    fn keys_are_sorted_and_nothing_is_between() {
        let value = json!({"b": [1, {"z": null, "a": "ü\n\"<"}], "a": true, "B": {}});
        assert_eq!(canonical(&value), r#"{"B":{},"a":true,"b":[1,{"a":"ü\n\"<","z":null}]}"#);
    }
}
