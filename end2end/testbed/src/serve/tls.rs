//! TLS for the endpoints: which certificate is shown is decided anew for each handshake.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::{
    certificates::Leaf,
    control::{Control, Endpoints},
    error::{Of, Result},
    layout::Layout,
};

/// A configuration that shows the valid certificate, or the expired one while the control file says so.
pub(super) fn configuration(layout: &Layout, valid: Leaf, expired: Option<Leaf>) -> Result<Arc<ServerConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let choice = Choice {
        layout: layout.clone(),
        valid: load(layout, valid, &provider)?,
        expired: expired.map(|leaf| load(layout, leaf, &provider)).transpose()?,
    };
    let mut configuration = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .of("TLS")?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(choice));
    // A resumed session shows no certificate, so an expired one would go unseen.
    configuration.send_tls13_tickets = 0;
    configuration.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(configuration))
}

#[derive(Debug)]
struct Choice {
    layout: Layout,
    valid: Arc<CertifiedKey>,
    expired: Option<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Choice {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = match &self.expired {
            Some(expired) if Endpoints::read(&self.layout).site.certificate_expired => expired,
            _ => &self.valid,
        };
        Some(shown.clone())
    }
}

fn load(layout: &Layout, leaf: Leaf, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>> {
    let chain = chain(&leaf.chain(layout))?;
    let key = PrivateKeyDer::from_pem_file(leaf.key(layout)).of("TLS")?;
    Ok(Arc::new(CertifiedKey::from_der(chain, key, provider).of("TLS")?))
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(file).of("TLS")?.collect::<std::result::Result<_, _>>().of("TLS")
}
