//! How faults speak to the bed's own servers: small JSON files that those read anew for each request.

use std::{fs, path::PathBuf};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    account::Account,
    error::{Of, Result},
    layout::{Layout, write_file},
};

/// What stands in a control file; a missing file means that all is well.
pub trait Control: Serialize + DeserializeOwned + Default {
    /// The file's name.
    const NAME: &'static str;

    /// What the file says now.
    fn read(layout: &Layout) -> Self {
        fs::read(path::<Self>(layout)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Says something else from now on.
    fn write(&self, layout: &Layout) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).of("control file")?;
        write_file(&path::<Self>(layout), text, Account::STARTER, 0o600)
    }
}

fn path<C: Control>(layout: &Layout) -> PathBuf {
    layout.control_file(C::NAME)
}

/// How AIA's two public endpoints behave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// The public site.
    pub site: Endpoint,
    /// The public interface.
    pub api: Endpoint,
}

impl Control for Endpoints {
    const NAME: &'static str = "endpoints";
}

/// How one endpoint behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// How it answers requests.
    pub answer: Answer,
    /// Whether it shows a certificate that has run out.
    pub certificate_expired: bool,
}

/// How an endpoint answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// At once, and well.
    #[default]
    Normal,
    /// At once, with status 503.
    Unavailable,
    /// Well, after three seconds.
    Slow,
    /// Never.
    Never,
}

/// How the object store behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objects {
    /// Whether it takes no more data.
    pub full: bool,
}

impl Control for Objects {
    const NAME: &'static str = "objects";
}
