//! A zone file of A records: `013a.tech. 60 IN A 34.118.226.10`.

use std::net::Ipv4Addr;

/// The records of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Zone(Vec<(String, Ipv4Addr)>);

impl Zone {
    /// Its name among the control files.
    pub(crate) const FILE: &'static str = "zone";
    /// The operations guide's "DNS with 1-minute TTL".
    pub(crate) const TTL_S: u32 = 60;

    /// Reads the records of a file; lines of any other form are passed over.
    pub(crate) fn parse(text: &str) -> Zone {
        let record = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            match fields[..] {
                [name, _ttl, "IN", "A", address] => Some((name.to_ascii_lowercase(), address.parse().ok()?)),
                _ => None,
            }
        };
        Zone(text.lines().filter_map(record).collect())
    }

    /// The addresses of a full name (with its last dot), or nothing when there is no such name.
    pub(crate) fn addresses(&self, name: &str) -> Option<Vec<Ipv4Addr>> {
        let found: Vec<Ipv4Addr> =
            self.0.iter().filter(|(owner, _)| owner.eq_ignore_ascii_case(name)).map(|(_, address)| *address).collect();
        (!found.is_empty()).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_whatever_its_case_and_an_unknown_one_is_not() {
        let zone = Zone::parse("; comment\nexample.org. 60 IN A 192.0.2.1\nexample.org. 60 IN A 192.0.2.2\nbroken. IN A\n");
        assert_eq!(zone.addresses("Example.ORG."), Some(vec![Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)]));
        assert_eq!(zone.addresses("broken."), None);
    }
}
