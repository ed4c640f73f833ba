//! The places of the console. The rail, the bar of a phone, the palette, the keys and the help page all read this one list.

use super::{Kind, Role};

/// A place that a page can belong to. What is known of it stands in [`SPOTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `/`
    Overview,
    /// `/clusters`
    Clusters,
    /// `/backups`
    Backups,
    /// `/edge`: endpoints, certificates, names.
    Edge,
    /// `/systems`: everything that is watched.
    Systems,
    /// `/runbooks`
    Runbooks,
    /// `/runs`
    Runs,
    /// `/audit`
    Audit,
    /// `/settings`: one's own account; for administrators also those of others, sessions and screens.
    Settings,
    /// `/help`
    Help,
    /// Nowhere: sign-in, errors.
    Outside,
}

/// What a place is there for; the rail leaves a gap between two groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// To see how things stand.
    Watch,
    /// To do something.
    Act,
    /// To look up what was done, and how this console is kept.
    Keep,
}

/// Who is shown a place. What is behind it asks again: the door decides, not the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sees {
    /// Whoever is signed in.
    Everybody,
    /// Whoever may read the audit.
    Audit,
    /// Administrators.
    Admins,
}

impl Sees {
    /// Whether somebody of `role` is shown it.
    #[must_use]
    pub fn admits(self, role: Role) -> bool {
        match self {
            Self::Everybody => true,
            Self::Audit => role.reads_audit(),
            Self::Admins => role == Role::Admin,
        }
    }
}

/// One entry of the list of places.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    /// What it is there for.
    pub group: Group,
    /// Which place.
    pub place: Place,
    /// Its name.
    pub title: &'static str,
    /// Its address.
    pub path: &'static str,
    /// The key that leads there after `g`.
    pub key: char,
    /// Whether it is one of the four at the bottom of a phone; the others are behind "More".
    pub tab: bool,
    /// Who is shown it.
    pub sees: Sees,
    /// It exists only where the estate has a system of one of these kinds; of none: always.
    pub kinds: &'static [Kind],
    /// Its icon: the path of a 16 by 16 drawing.
    pub icon: &'static str,
}

impl Spot {
    /// Whether it is there for somebody of `role` in an estate that has systems of `kinds`.
    #[must_use]
    pub fn is_there(&self, role: Role, kinds: &[Kind]) -> bool {
        self.sees.admits(role) && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kinds.contains(kind)))
    }
}

const TAB: bool = true;
const MORE: bool = false;

/// Every place, in the rail's order.
#[rustfmt::skip] // one line a place
pub const SPOTS: &[Spot] = &[
    Spot { group: Group::Watch, place: Place::Overview, title: "Overview", path: "/", key: 'o', tab: TAB, sees: Sees::Everybody, kinds: &[], icon: "M2 8a2 2 0 1 0 4 0a2 2 0 1 0-4 0M10 8a2 2 0 1 0 4 0a2 2 0 1 0-4 0M6 8h4M1 8h1M14 8h1" },
    Spot { group: Group::Watch, place: Place::Clusters, title: "Clusters", path: "/clusters", key: 'c', tab: TAB, sees: Sees::Everybody, kinds: &[Kind::Cluster], icon: "M8 1.500 13.800 4.800v6.400L8 14.500 2.200 11.200V4.800zM2.200 4.800 8 8l5.800-3.200M8 8v6.500" },
    Spot { group: Group::Watch, place: Place::Edge, title: "Edge", path: "/edge", key: 'e', tab: MORE, sees: Sees::Everybody, kinds: &[Kind::Endpoint, Kind::Certificate, Kind::Dns], icon: "M1.500 8a6.500 6.500 0 1 0 13 0a6.500 6.500 0 1 0-13 0M1.500 8h13M8 1.500c-4 4-4 9 0 13M8 1.500c4 4 4 9 0 13" },
    Spot { group: Group::Watch, place: Place::Systems, title: "Systems", path: "/systems", key: 's', tab: TAB, sees: Sees::Everybody, kinds: &[], icon: "M2.500 3h11v4h-11zM2.500 9h11v4h-11zM4.500 5h.1M4.500 11h.1" },
    Spot { group: Group::Act, place: Place::Runbooks, title: "Runbooks", path: "/runbooks", key: 'b', tab: TAB, sees: Sees::Everybody, kinds: &[], icon: "M3 1.500h10v13H3zM6.500 5.300v5.400l4-2.700z" },
    Spot { group: Group::Act, place: Place::Runs, title: "Runs", path: "/runs", key: 'n', tab: MORE, sees: Sees::Everybody, kinds: &[], icon: "M1.500 8a6.500 6.500 0 1 0 13 0a6.500 6.500 0 1 0-13 0M8 4v4l2.500 2" },
    Spot { group: Group::Keep, place: Place::Backups, title: "Backups", path: "/backups", key: 'k', tab: MORE, sees: Sees::Everybody, kinds: &[Kind::Backup], icon: "M1.500 2.500h13v3.500h-13zM2.500 6v8h11V6M6 9h4" },
    Spot { group: Group::Keep, place: Place::Audit, title: "Audit", path: "/audit", key: 'u', tab: MORE, sees: Sees::Audit, kinds: &[], icon: "M2 3.500h2M2 8h2M2 12.500h2M6.500 3.500H14M6.500 8H14M6.500 12.500H14" },
    Spot { group: Group::Keep, place: Place::Settings, title: "Settings", path: "/settings", key: ',', tab: MORE, sees: Sees::Everybody, kinds: &[], icon: "M8.500 4.500a2 2 0 1 0 4 0a2 2 0 1 0-4 0M3.500 11.500a2 2 0 1 0 4 0a2 2 0 1 0-4 0M2 4.500h6.500M12.500 4.500H14M2 11.500h1.500M7.500 11.500H14" },
    Spot { group: Group::Keep, place: Place::Help, title: "Help", path: "/help", key: 'h', tab: MORE, sees: Sees::Everybody, kinds: &[], icon: "M1.500 8a6.500 6.500 0 1 0 13 0a6.500 6.500 0 1 0-13 0M6 6.300a2 2 0 1 1 2 2.200v1M8 11.600v.1" },
];

/// The places that are there for somebody of `role` in an estate that has systems of `kinds`, in the rail's order.
pub fn places(role: Role, kinds: &[Kind]) -> impl Iterator<Item = &'static Spot> {
    SPOTS.iter().filter(move |spot| spot.is_there(role, kinds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(role: Role, kinds: &[Kind]) -> Vec<&'static str> {
        places(role, kinds).map(|spot| spot.title).collect()
    }

    #[test]
    fn no_two_places_share_a_key_an_address_or_a_name() {
        for (at, one) in SPOTS.iter().enumerate() {
            for other in &SPOTS[at + 1..] {
                assert_ne!(one.key, other.key, "{} and {}", one.title, other.title);
                assert_ne!(one.path, other.path, "{} and {}", one.title, other.title);
                assert_ne!(one.title, other.title);
                assert_ne!(one.place, other.place, "{} and {}", one.title, other.title);
            }
            assert!(one.path.starts_with('/') && !one.icon.is_empty(), "{}", one.title);
            // `g` begins a chord, so it cannot end one; what needs Shift or AltGr on some keyboard is no key for three in the night.
            assert!(one.key.is_ascii_lowercase() && one.key != 'g' || one.key == ',', "{}: {}", one.title, one.key);
        }
    }

    #[test]
    fn a_phone_has_room_for_four_at_its_bottom() {
        assert_eq!(SPOTS.iter().filter(|spot| spot.tab).count(), 4);
    }

    #[test]
    fn groups_stay_together() {
        let mut groups: Vec<_> = SPOTS.iter().map(|spot| spot.group).collect();
        groups.dedup();
        assert_eq!(groups, [Group::Watch, Group::Act, Group::Keep]);
    }

    #[test]
    fn only_what_exists_and_may_be_seen_is_listed() {
        assert!(!titles(Role::Viewer, &[Kind::Cluster]).contains(&"Audit"));
        assert!(titles(Role::Auditor, &[]).contains(&"Audit"));
        assert!(!titles(Role::Admin, &[Kind::Database]).contains(&"Clusters"));
        assert!(titles(Role::Viewer, &[Kind::Cluster]).contains(&"Clusters"));
    }
}
