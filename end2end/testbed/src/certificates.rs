//! The bed's own certificate authority and the endpoints' certificates, issued anew for each bed.

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use crate::{
    account::Account,
    error::{Of, Result},
    layout::{Layout, create_folder, write_file},
    parts::dns::{API, SITE},
};

const AUTHORITY_LIVES: Duration = Duration::days(3650);
/// As long as what is left of a public certificate of 90 days that is renewed a month ahead.
const LEAF_LIVES: Duration = Duration::days(60);
/// Clocks differ.
const BACKDATED: Duration = Duration::days(1);
/// How long ago the expired certificate ran out.
const EXPIRED_SINCE: Duration = Duration::hours(1);

/// A certificate of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    Site,
    SiteExpired,
    Api,
}

impl Leaf {
    const ALL: [Leaf; 3] = [Leaf::Site, Leaf::SiteExpired, Leaf::Api];

    const fn file(self) -> &'static str {
        match self {
            Leaf::Site => "site",
            Leaf::SiteExpired => "site-expired",
            Leaf::Api => "api",
        }
    }

    const fn host(self) -> &'static str {
        match self {
            Leaf::Site | Leaf::SiteExpired => SITE,
            Leaf::Api => API,
        }
    }

    /// Its chain, PEM.
    pub(crate) fn chain(self, layout: &Layout) -> PathBuf {
        folder(layout).join(format!("{}.crt", self.file()))
    }

    /// Its key, PEM.
    pub(crate) fn key(self, layout: &Layout) -> PathBuf {
        folder(layout).join(format!("{}.key", self.file()))
    }
}

/// The authority's certificate, which clients must trust.
pub(crate) fn authority_file(layout: &Layout) -> PathBuf {
    folder(layout).join("ca.crt")
}

fn folder(layout: &Layout) -> PathBuf {
    layout.data("tls")
}

/// Issues everything; the authority's key is not kept.
pub(crate) fn issue(layout: &Layout) -> Result<()> {
    create_folder(&folder(layout), Account::STARTER, 0o755)?;
    let now = OffsetDateTime::now_utc();
    let authority = authority(now)?;
    write_file(&authority_file(layout), authority.pem(), Account::STARTER, 0o644)?;
    for leaf in Leaf::ALL {
        let key = KeyPair::generate().of("certificates")?;
        let mut params = CertificateParams::new([leaf.host().to_owned()]).of("certificates")?;
        params.distinguished_name = name(leaf.host());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_after = if leaf == Leaf::SiteExpired { now - EXPIRED_SINCE } else { now + LEAF_LIVES };
        params.not_before = params.not_after - LEAF_LIVES - BACKDATED;
        let certificate = params.signed_by(&key, &authority).of("certificates")?;
        write_file(&leaf.chain(layout), certificate.pem(), Account::STARTER, 0o644)?;
        write_file(&leaf.key(layout), key.serialize_pem(), Account::STARTER, 0o600)?;
    }
    Ok(())
}

fn authority(now: OffsetDateTime) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("Quarterdeck test bed authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = now - BACKDATED;
    params.not_after = now + AUTHORITY_LIVES;
    CertifiedIssuer::self_signed(params, KeyPair::generate().of("certificates")?).of("certificates")
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}
