//! Names that many records share, kept once.

use std::{collections::HashSet, sync::Arc};

/// A shared name: cloning counts, it does not copy.
pub type Name = Arc<str>;

/// Every name in use. A cluster with 20,000 pods has some hundred namespaces, nodes and ReplicaSets.
#[derive(Debug, Default)]
pub struct Names {
    known: HashSet<Name>,
    limit: usize,
}

impl Names {
    /// Below so many names, nothing is ever thrown out.
    const FLOOR: usize = 1_024;

    /// The one copy of `text`.
    pub fn intern(&mut self, text: &str) -> Name {
        if let Some(name) = self.known.get(text) {
            return Arc::clone(name);
        }
        // Each rollout brings a ReplicaSet with a new name: without this, months of rollouts would stay.
        if self.known.len() >= self.limit.max(Self::FLOOR) {
            self.known.retain(|name| Arc::strong_count(name) > 1);
            self.limit = self.known.len() * 2;
        }
        let name: Name = text.into();
        self.known.insert(Arc::clone(&name));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_and_forgotten_when_nobody_uses_it() {
        let mut names = Names::default();
        let kept = names.intern("node-1");
        assert!(Arc::ptr_eq(&kept, &names.intern("node-1")));
        for number in 0..10 * Names::FLOOR {
            names.intern(&format!("gone-{number}"));
        }
        assert!(names.known.len() <= Names::FLOOR && names.known.contains("node-1"));
    }
}
