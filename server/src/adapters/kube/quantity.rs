//! Kubernetes quantities: `180m`, `300Mi`, `1e3`.

/// The suffixes and what they multiply by (Kubernetes API reference, "Quantity").
const SUFFIXES: [(&str, f64); 15] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
];

/// The number that a quantity stands for; none when it is no quantity.
#[must_use]
pub fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let value = match SUFFIXES.iter().find_map(|(suffix, factor)| text.strip_suffix(suffix).map(|number| (number, factor))) {
        Some((number, factor)) => number.parse::<f64>().ok()? * factor,
        None => text.parse().ok()?,
    };
    (value.is_finite() && value >= 0.0).then_some(value)
}

/// CPU in thousandths of a core.
#[must_use]
pub fn milli_cpu(text: &str) -> Option<u32> {
    parse(text).map(|cores| (cores * 1e3).round().min(f64::from(u32::MAX)) as u32)
}

/// Memory in bytes.
#[must_use]
pub fn bytes(text: &str) -> Option<u64> {
    parse(text).map(|bytes| bytes.round() as u64)
}

/// CPU as a person writes it: `500 m`, `4 CPU`.
#[must_use]
pub fn cpu_words(milli: u64) -> String {
    if milli.is_multiple_of(1000) { format!("{} CPU", milli / 1000) } else { format!("{milli} m CPU") }
}

/// Memory in the powers of two that manifests use: `512 MiB`, `1.5 GiB`.
#[must_use]
pub fn memory_words(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) => {
            let text = format!("{:.1}", bytes as f64 / *size as f64);
            format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
        }
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_of_every_form_are_read() {
        for (text, value) in
            [("180m", 0.18), ("2", 2.0), ("1.5", 1.5), ("300Mi", 314_572_800.0), ("1e3", 1000.0), ("12E", 1.2e19), ("64k", 64_000.0)]
        {
            assert_eq!(parse(text), Some(value), "{text}");
        }
        for text in ["", "m", "1x", "-1", "NaN", "inf", "1 Gi i"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!((milli_cpu("1"), milli_cpu("153249521n"), bytes("1Gi")), (Some(1000), Some(153), Some(1 << 30)));
    }

    #[test]
    fn quantities_are_written_as_in_manifests() {
        assert_eq!(memory_words(512 << 20), "512 MiB");
        assert_eq!(memory_words(1536 << 20), "1.5 GiB");
        assert_eq!((cpu_words(500), cpu_words(4000)), ("500 m CPU".into(), "4 CPU".into()));
    }
}
