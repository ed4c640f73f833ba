//! The parts of the data half, each started by one file.

pub(crate) mod aia;
pub(crate) mod dns;
pub(crate) mod etcd;
pub(crate) mod objects;
pub(crate) mod patroni;
pub(crate) mod postgres;
pub(crate) mod prometheus;
pub(crate) mod redis;
pub(crate) mod sentinel;
pub(crate) mod store;

/// Every process that a healthy data half consists of, by its name in the bed.
pub const PROCESSES: [&str; 13] = [
    prometheus::NAME,
    etcd::NAME,
    store::NAME,
    patroni::NAMES[0],
    patroni::NAMES[1],
    redis::NAMES[0],
    redis::NAMES[1],
    sentinel::NAMES[0],
    sentinel::NAMES[1],
    sentinel::NAMES[2],
    objects::NAME,
    dns::NAME,
    aia::NAME,
];
