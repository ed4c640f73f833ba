//! In which browser somebody signed in, in words that they recognize. It is what the browser says, so nothing rests on it.

/// Each browser's mark in `User-Agent`, the more telling first: nearly all say "Safari", and many "Chrome".
const BROWSERS: [(&str, &str); 6] =
    [("Firefox/", "Firefox"), ("Edg", "Edge"), ("OPR/", "Opera"), ("Chrom", "Chrome"), ("CriOS", "Chrome"), ("Safari/", "Safari")];

/// Each system's mark.
const SYSTEMS: [(&str, &str); 6] =
    [("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"), ("Linux", "Linux")];

/// `Firefox, Linux`; what is not known is left out.
pub(super) fn words(agent: &str) -> String {
    let known = |list: &[(&str, &'static str)]| list.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    [known(&BROWSERS), known(&SYSTEMS)].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_browser_is_called_as_people_call_it() {
        for (agent, said) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox, Linux"),
            ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge, Windows"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 Version/17.0 Mobile Safari/604.1", "Safari, iPhone"),
            ("curl/8.5.0", ""),
            ("", ""),
        ] {
            assert_eq!(words(agent), said, "{agent}");
        }
    }
}
