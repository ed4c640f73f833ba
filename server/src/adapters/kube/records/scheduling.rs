//! What the scheduler says about a pod that no node takes, in plain words.

use super::super::text::{clip, counted};

/// Turns `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: …` into
/// `of 3 nodes, 1 has too little CPU free, 2 are cordoned`.
pub(super) fn scheduling_words(message: &str) -> String {
    let parts = message.split_once(" nodes are available: ").and_then(|(counts, rest)| {
        let all = counts.rsplit('/').next()?.parse::<u64>().ok()?;
        // What follows is about preemption, and repeats the reason in other words.
        let rest = rest.split(". preemption:").next().unwrap_or(rest);
        Some((all, rest.trim_end_matches(". ").trim_end_matches('.')))
    });
    match parts {
        Some((0, _)) => "the cluster has no nodes".into(),
        Some((all, reasons)) => {
            let reasons: Vec<_> = reasons.split(", ").filter_map(reason).take(6).collect();
            format!("of {}, {}", counted(all, "node"), clip(&reasons.join(", "), 200))
        }
        None if message.trim().is_empty() => "the scheduler has not said why".into(),
        None => clip(message, 200),
    }
}

/// One reason: how many nodes, and why not they.
fn reason(text: &str) -> Option<String> {
    let text = text.trim();
    let Some((count, why)) = text.split_once(' ').and_then(|(count, why)| Some((count.parse::<u64>().ok()?, why))) else {
        return (!text.is_empty()).then(|| text.to_owned());
    };
    let (has, is, does) = if count == 1 { ("has", "is", "does") } else { ("have", "are", "do") };
    let why = why.strip_prefix("node(s) ").unwrap_or(why);
    let words = if let Some(resource) = why.strip_prefix("Insufficient ") {
        let resource = match resource {
            "cpu" => "CPU",
            "memory" => "memory",
            "ephemeral-storage" => "disk",
            other => other,
        };
        format!("{has} too little {resource} free")
    } else if why.starts_with("Too many pods") {
        format!("{has} as many pods as {} may", if count == 1 { "it" } else { "they" })
    } else if why.starts_with("were unschedulable") {
        format!("{is} cordoned")
    } else if let Some(taint) = why.strip_prefix("had untolerated taint ").or_else(|| why.strip_prefix("had untolerated taint(s)")) {
        let taint = taint.trim().trim_start_matches('{').trim_end_matches('}').trim_end_matches(": ");
        match taint {
            "" => format!("{is} tainted"),
            "node.kubernetes.io/not-ready" => format!("{is} not ready"),
            "node.kubernetes.io/unreachable" => format!("{is} not reachable"),
            "node.kubernetes.io/unschedulable" => format!("{is} cordoned"),
            taint => format!("{is} tainted ({taint})"),
        }
    } else if why.starts_with("didn't match Pod's node affinity") {
        format!("{does} not match the pod's node selector")
    } else if why.starts_with("didn't match pod anti-affinity") || why.starts_with("didn't satisfy existing pods anti-affinity") {
        format!("already {} a pod that it must be apart from", if count == 1 { "runs" } else { "run" })
    } else if why.starts_with("didn't match pod topology spread") {
        "would break the pod's topology spread".to_owned()
    } else if why.contains("volume node affinity conflict") || why.starts_with("didn't find available persistent volumes") {
        "cannot reach the pod's volume".to_owned()
    } else {
        why.to_owned()
    };
    Some(format!("{count} {words}"))
}

#[cfg(test)]
mod tests {
    use super::scheduling_words;

    #[test]
    fn the_schedulers_reasons_are_said_in_plain_words() {
        for (message, words) in [
            (
                "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.",
                "of 3 nodes, 3 have too little CPU free",
            ),
            (
                "0/4 nodes are available: 1 Insufficient memory, 1 node(s) were unschedulable, 2 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.",
                "of 4 nodes, 1 has too little memory free, 1 is cordoned, 2 are not ready",
            ),
            (
                "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
                "of 2 nodes, 2 do not match the pod's node selector",
            ),
            ("0/1 nodes are available: 1 node(s) had untolerated taint(s). ", "of 1 node, 1 is tainted"),
            ("0/0 nodes are available: .", "the cluster has no nodes"),
            ("no nodes available to schedule pods", "no nodes available to schedule pods"),
            ("", "the scheduler has not said why"),
        ] {
            assert_eq!(scheduling_words(message), words);
        }
    }
}
