//! Nothing of the machine on which something was written.

use super::{Finding, Source, each_line, pattern};

/// A path below somebody's home or working folder means nothing on another machine.
pub fn no_machine_paths(source: &Source) -> Vec<Finding> {
    // Written in pieces, so that this file keeps its own rule.
    let folders = ["work", "root", "Users", r"home/\w+"].join("|");
    let path = pattern(&format!(r#"(?:^|[\s"'`=(:,])/({folders})/"#));
    each_line(&source.text, |line| {
        path.is_match(line).then(|| "a path of one machine; make it relative, or derive it from the environment".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_one_machine_is_found() {
        let with = |folder: &str| no_machine_paths(&Source::new("README.md", &format!("see /{folder}/x"))).len();
        assert_eq!(with("work"), 1);
        assert_eq!(with("Users"), 1);
        assert_eq!(with("home/somebody"), 1);
        assert_eq!(with("usr/share"), 0);
        assert_eq!(with("workloads/deployment"), 0);
        assert_eq!(no_machine_paths(&Source::new("README.md", "frame/work/shop and $HOME/.cache")).len(), 0);
    }
}
