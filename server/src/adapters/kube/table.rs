//! Records of one kind by namespace and name, with an index by owner and marks that find what a new list no longer names.

use std::{
    borrow::Borrow,
    collections::{BTreeSet, HashMap},
    hash::{Hash, Hasher},
    sync::Arc,
};

use super::names::Name;

/// Where a record stands. Objects without a namespace have the empty one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The namespace.
    pub namespace: Name,
    /// The name in it.
    pub name: Name,
}

/// A key as it is asked for, without a copy of its names: thousands are asked for at each look.
trait Place {
    fn namespace(&self) -> &str;
    fn name(&self) -> &str;
}

impl Place for Key {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Place for (&str, &str) {
    fn namespace(&self) -> &str {
        self.0
    }

    fn name(&self) -> &str {
        self.1
    }
}

/// As `derive` does it for [`Key`]: the two must agree.
impl Hash for dyn Place + '_ {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.namespace().hash(hasher);
        self.name().hash(hasher);
    }
}

impl PartialEq for dyn Place + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.namespace() == other.namespace() && self.name() == other.name()
    }
}

impl Eq for dyn Place + '_ {}

impl<'a> Borrow<dyn Place + 'a> for Key {
    fn borrow(&self) -> &(dyn Place + 'a) {
        self
    }
}

/// What a table holds.
pub trait Record {
    /// The name of the object in the same namespace that controls this one, where that is looked up.
    fn owner(&self) -> Option<&Name> {
        None
    }
}

#[derive(Debug)]
struct Entry<R> {
    record: R,
    mark: u32,
}

/// Records of one kind.
#[derive(Debug)]
pub struct Table<R> {
    entries: HashMap<Key, Entry<R>>,
    owned: HashMap<Key, BTreeSet<Name>>,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self { entries: HashMap::new(), owned: HashMap::new() }
    }
}

impl<R: Record> Table<R> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The record of that name.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<&R> {
        self.find(namespace, name).map(|(_, record)| record)
    }

    /// The record of that name with its key.
    #[must_use]
    pub fn find(&self, namespace: &str, name: &str) -> Option<(&Key, &R)> {
        self.entries.get_key_value(&(namespace, name) as &dyn Place).map(|(key, entry)| (key, &entry.record))
    }

    /// The record of that name, to change what the index does not cover.
    pub fn get_mut(&mut self, namespace: &str, name: &str) -> Option<&mut R> {
        self.entries.get_mut(&(namespace, name) as &dyn Place).map(|entry| &mut entry.record)
    }

    /// All, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &R)> {
        self.entries.iter().map(|(key, entry)| (key, &entry.record))
    }

    /// All, to change what the index does not cover.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Key, &mut R)> {
        self.entries.iter_mut().map(|(key, entry)| (key, &mut entry.record))
    }

    /// What `owner` controls, by name.
    pub fn owned_by<'a>(&'a self, namespace: &'a str, owner: &str) -> impl Iterator<Item = (&'a Key, &'a R)> + use<'a, R> {
        let names = self.owned.get(&(namespace, owner) as &dyn Place);
        names.into_iter().flatten().filter_map(move |name| self.find(namespace, name))
    }

    /// Sets a record under the mark of the list or watch that named it; true when it was not there before.
    pub fn put(&mut self, key: Key, record: R, mark: u32) -> bool {
        let owner = record.owner().cloned();
        let old = self.entries.insert(key.clone(), Entry { record, mark });
        let old_owner = old.as_ref().and_then(|entry| entry.record.owner().cloned());
        if owner != old_owner {
            if let Some(owner) = old_owner {
                self.disown(&key, owner);
            }
            if let Some(owner) = owner {
                self.owned.entry(Key { namespace: Arc::clone(&key.namespace), name: owner }).or_default().insert(key.name);
            }
        }
        old.is_none()
    }

    /// Takes a record out; true when it was there.
    pub fn remove(&mut self, namespace: &str, name: &str) -> bool {
        let Some((key, entry)) = self.entries.remove_entry(&(namespace, name) as &dyn Place) else {
            return false;
        };
        if let Some(owner) = entry.record.owner().cloned() {
            self.disown(&key, owner);
        }
        true
    }

    /// Takes out what a whole new list of `namespace` did not name, of those that the list is about; how many that were.
    pub fn sweep(&mut self, namespace: &str, mark: u32, is_listed: impl Fn(&R) -> bool) -> usize {
        let gone: Vec<Key> = self
            .entries
            .iter()
            .filter(|(key, entry)| *key.namespace == *namespace && entry.mark != mark && is_listed(&entry.record))
            .map(|(key, _)| key.clone())
            .collect();
        for key in &gone {
            self.remove(&key.namespace, &key.name);
        }
        gone.len()
    }

    fn disown(&mut self, key: &Key, owner: Name) {
        let owner = Key { namespace: Arc::clone(&key.namespace), name: owner };
        if let Some(names) = self.owned.get_mut(&owner) {
            names.remove(&key.name);
            if names.is_empty() {
                self.owned.remove(&owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str, name: &str) -> Key {
        Key { namespace: namespace.into(), name: name.into() }
    }

    struct Owned(Option<Name>);

    impl Record for Owned {
        fn owner(&self) -> Option<&Name> {
            self.0.as_ref()
        }
    }

    fn names<'a>(found: impl Iterator<Item = (&'a Key, &'a Owned)>) -> Vec<String> {
        found.map(|(key, _)| key.name.to_string()).collect()
    }

    #[test]
    fn a_record_is_found_by_its_present_owner_only() {
        let mut table = Table::default();
        assert!(table.put(key("shop", "cart-1"), Owned(Some("cart".into())), 1));
        assert!(!table.put(key("shop", "cart-1"), Owned(Some("till".into())), 1));
        assert_eq!(names(table.owned_by("shop", "cart")), Vec::<String>::new());
        assert_eq!(names(table.owned_by("shop", "till")), ["cart-1"]);
        assert!(table.remove("shop", "cart-1") && !table.remove("shop", "cart-1"));
        assert!(table.owned.is_empty());
    }

    #[test]
    fn a_new_list_takes_out_what_it_does_not_name_in_its_namespace_alone() {
        let mut table = Table::default();
        for (namespace, name) in [("shop", "stays"), ("shop", "goes"), ("bank", "elsewhere")] {
            table.put(key(namespace, name), Owned(None), 1);
        }
        table.put(key("shop", "stays"), Owned(None), 2);
        assert_eq!(table.sweep("shop", 2, |_| true), 1);
        let mut left = names(table.iter());
        left.sort();
        assert_eq!(left, ["elsewhere", "stays"]);
    }
}
