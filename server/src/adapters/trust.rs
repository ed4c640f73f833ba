//! Which certificates are accepted, and in words why one is not.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

use super::failure::{Failure, one_line};

/// The authorities that a client of one endpoint trusts: the machine's, and the estate's own where it names a file.
///
/// They are read when first needed and then kept; a file that cannot be read is tried again at the next look.
#[derive(Default)]
pub(super) struct Trust {
    ca_file: Option<PathBuf>,
    verifier: OnceLock<Arc<WebPkiServerVerifier>>,
}

impl Trust {
    pub(super) fn new(ca_file: Option<&Path>) -> Self {
        Self { ca_file: ca_file.map(Path::to_owned), verifier: OnceLock::new() }
    }

    fn verifier(&self) -> Result<Arc<WebPkiServerVerifier>, Failure> {
        if let Some(verifier) = self.verifier.get() {
            return Ok(Arc::clone(verifier));
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = &self.ca_file {
            let ours = |why: String| Failure::Unreachable(format!("its authority's file {} {why}", file.display()));
            let certificates = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let certificates = certificates.map_err(|error| ours(format!("cannot be read: {}", one_line(&error.to_string()))))?;
            let (added, _) = roots.add_parsable_certificates(certificates);
            if added == 0 {
                return Err(ours("holds no certificate".into()));
            }
        }
        let built = WebPkiServerVerifier::builder(Arc::new(roots)).build();
        let verifier =
            built.map_err(|_| Failure::Unreachable("this machine trusts no certificate authority and the estate names none".into()))?;
        Ok(Arc::clone(self.verifier.get_or_init(|| verifier)))
    }

    /// A client that refuses what these authorities do not vouch for.
    pub(super) fn client(&self) -> Result<ClientConfig, Failure> {
        Ok(ClientConfig::builder().dangerous().with_custom_certificate_verifier(self.verifier()?).with_no_client_auth())
    }

    /// Whether a client would accept this chain for this name now; if not, why, so that it can follow "a certificate that".
    pub(super) fn judge(&self, chain: &[CertificateDer<'_>], name: &ServerName<'_>, now: UnixTime) -> Result<Result<(), String>, Failure> {
        let Some((own, intermediates)) = chain.split_first() else { return Ok(Err("is missing".into())) };
        let verdict = self.verifier()?.verify_server_cert(own, intermediates, name, &[], now);
        Ok(verdict.map(|_| ()).map_err(|error| reason(&error)))
    }
}

/// What a TLS handshake's error means.
pub(super) fn failure(error: &io::Error) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error @ rustls::Error::InvalidCertificate(_)) => Failure::Untrusted(reason(error)),
        Some(other) => Failure::Garbled(format!("no TLS that the console speaks ({})", one_line(&other.to_string()))),
        None => Failure::from_io(error),
    }
}

/// Why a certificate is not accepted, as the end of "a certificate that".
fn reason(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(why) = error else { return one_line(&error.to_string()) };
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired".into(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "is not valid yet".into(),
        CertificateError::UnknownIssuer => "no authority trusted here vouches for".into(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "is for another name".into(),
        CertificateError::Revoked => "is revoked".into(),
        CertificateError::BadEncoding => "cannot be read".into(),
        other => format!("is not valid: {}", one_line(&other.to_string())),
    }
}
