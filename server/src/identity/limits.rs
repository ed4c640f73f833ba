//! How often sign-in may be tried. The store counts failures for all replicas; a count in memory protects the store and the processor.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::store::Failures;

/// Within which time failures are counted, and after which they are forgotten.
pub(super) const WINDOW: Duration = Duration::from_secs(15 * 60);

/// How many tries on one name may fail within the window: a person who has forgotten which password it was needs fewer.
const PER_ACCOUNT: i64 = 10;

/// How many tries from one address may fail within the window: an office behind one address has several people.
const PER_ADDRESS: i64 = 30;

/// How many tries from one address, failed or not, this replica takes at once; two more each second.
const BURST: NonZeroU32 = NonZeroU32::new(60).unwrap();
const EACH_SECOND: NonZeroU32 = NonZeroU32::new(2).unwrap();

/// How many screens of one address may be given a code at once, and one more each half minute.
const CODES: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// How many codes somebody may type at once, and one more each half minute: of 110 thousand million codes that finds none by guessing.
const TYPED_CODES: NonZeroU32 = NonZeroU32::new(20).unwrap();
const HALF_MINUTE: Duration = Duration::from_secs(30);

/// Whether so many failures are too many.
pub(super) fn too_many(failures: Failures) -> bool {
    failures.account >= PER_ACCOUNT || failures.address >= PER_ADDRESS
}

/// Tries from each address, in this replica's memory.
#[derive(Debug)]
pub(super) struct Attempts(DefaultKeyedRateLimiter<IpAddr>);

/// Codes typed under each account, in this replica's memory.
#[derive(Debug)]
pub(super) struct TypedCodes(DefaultKeyedRateLimiter<i64>);

impl TypedCodes {
    pub(super) fn new() -> Self {
        Self(RateLimiter::keyed(slowly(TYPED_CODES)))
    }

    /// Whether this account may type one more.
    pub(super) fn take(&self, account: i64) -> bool {
        self.0.check_key(&account).is_ok()
    }
}

fn slowly(burst: NonZeroU32) -> Quota {
    Quota::with_period(HALF_MINUTE).unwrap_or(Quota::per_second(EACH_SECOND)).allow_burst(burst)
}

impl Attempts {
    /// At sign-in.
    pub(super) fn new() -> Self {
        Self(RateLimiter::keyed(Quota::per_second(EACH_SECOND).allow_burst(BURST)))
    }

    /// At asking for codes.
    pub(super) fn of_codes() -> Self {
        Self(RateLimiter::keyed(slowly(CODES)))
    }

    /// Whether one more from this address may be looked at.
    pub(super) fn take(&self, address: IpAddr) -> bool {
        self.0.check_key(&network(address)).is_ok()
    }

    /// Forgets addresses that have been quiet.
    pub(super) fn tidy(&self) {
        self.0.retain_recent();
        self.0.shrink_to_fit();
    }
}

/// An IPv6 visitor owns a whole /64.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_given_and_guessed_slowly() {
        let codes = Attempts::of_codes();
        assert_eq!((0..100).filter(|_| codes.take(IpAddr::from([192, 0, 2, 1]))).count(), 20);
        let typed = TypedCodes::new();
        assert_eq!((0..100).filter(|_| typed.take(7)).count(), 20);
        assert!(typed.take(8), "somebody else's slips are their own");
    }

    #[test]
    fn a_flood_from_one_address_is_cut_and_others_are_not() {
        let attempts = Attempts::new();
        let at = |text: &str| text.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let taken = (0..1_000).filter(|_| attempts.take(at("192.0.2.1"))).count();
        assert!((60..100).contains(&taken), "{taken}");
        assert!(attempts.take(at("192.0.2.2")));
        assert_eq!(network(at("2001:db8::1")), network(at("2001:db8::ffff:1")));
    }
}
