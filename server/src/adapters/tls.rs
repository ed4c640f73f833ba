//! The certificate that a server presents, also when nobody should accept it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, X509Certificate},
};

use super::{
    connect::connect,
    failure::{Failure, one_line},
    trust::{self, Trust},
};
use crate::config::{Certificate, HostPort};

/// How long the handshake may take, connecting included.
const WAIT: Duration = Duration::from_secs(3);
/// The most names that are shown of a certificate.
const NAMES: usize = 20;

/// One server's certificate.
pub struct Tls {
    at: HostPort,
    fixed: Option<SocketAddr>,
    trust: Trust,
    last: Mutex<Option<Result<Presented, Failure>>>,
}

/// What a server presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// Whom it is for: the names in it, at most twenty.
    pub names: Vec<String>,
    /// Who signed it.
    pub issuer: String,
    /// From when on it is valid.
    pub not_before: DateTime<Utc>,
    /// Until when it is valid.
    pub not_after: DateTime<Utc>,
    /// How many certificates were sent with it, itself included.
    pub chain: usize,
    /// Whether a client accepts it for the asked name now; if not, why, to follow "a certificate that".
    pub accepted: Result<(), String>,
}

impl Tls {
    /// Never waits.
    #[must_use]
    pub fn new(certificate: &Certificate) -> Self {
        Self {
            at: certificate.address.clone(),
            fixed: certificate.connect,
            trust: Trust::new(certificate.ca_file.as_deref()),
            last: Mutex::default(),
        }
    }

    /// What came of the last try. Never waits.
    #[must_use]
    pub fn last(&self) -> Option<Result<Presented, Failure>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a handshake and hangs up; nothing is sent over the connection.
    ///
    /// # Errors
    /// When no certificate came.
    pub async fn presented(&self, now: DateTime<Utc>) -> Result<Presented, Failure> {
        let presented = timeout(WAIT, self.handshake(now)).await.unwrap_or(Err(Failure::Silent(WAIT)));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(presented.clone());
        presented
    }

    async fn handshake(&self, now: DateTime<Utc>) -> Result<Presented, Failure> {
        let name =
            ServerName::try_from(self.at.host.clone()).map_err(|_| Failure::Unreachable("its host is no name that TLS knows".into()))?;
        let provider = CryptoProvider::get_default().ok_or_else(|| Failure::Unreachable("no TLS provider is installed".into()))?;
        let seen = Arc::new(Seen { chain: Mutex::default(), provider: Arc::clone(provider) });
        let client = ClientConfig::builder().dangerous().with_custom_certificate_verifier(Arc::<Seen>::clone(&seen)).with_no_client_auth();
        let stream = connect(&self.at, self.fixed).await?.stream;
        let handshake = TlsConnector::from(Arc::new(client)).connect(name.clone(), stream).await.map(drop);
        let chain = std::mem::take(&mut *seen.chain.lock().unwrap_or_else(PoisonError::into_inner));
        match (handshake, chain.first()) {
            (Err(error), None) => Err(trust::failure(&error)),
            (Ok(()), None) => Err(Failure::Garbled("TLS without a certificate".into())),
            // A server that wants a certificate of ours hangs up, and has shown its own by then.
            (_, Some(own)) => {
                let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.timestamp()).unwrap_or(0)));
                let accepted = self.trust.judge(&chain, &name, at)?;
                read(own, chain.len(), accepted)
            }
        }
    }
}

fn read(own: &CertificateDer<'_>, chain: usize, accepted: Result<(), String>) -> Result<Presented, Failure> {
    let unreadable = || Failure::Garbled("a certificate that cannot be read".into());
    let (_, certificate) = X509Certificate::from_der(own).map_err(|_| unreadable())?;
    let names = match certificate.subject_alternative_name() {
        Ok(Some(names)) => names.value.general_names.iter().filter_map(name).take(NAMES).collect(),
        _ => Vec::new(),
    };
    let issuer = certificate.issuer();
    let issuer = issuer.iter_common_name().chain(issuer.iter_organization()).find_map(|attribute| attribute.as_str().ok());
    let moment = |time: x509_parser::time::ASN1Time| DateTime::from_timestamp(time.timestamp(), 0).ok_or_else(unreadable);
    Ok(Presented {
        names,
        issuer: one_line(issuer.unwrap_or("an authority without a name")),
        not_before: moment(certificate.validity().not_before)?,
        not_after: moment(certificate.validity().not_after)?,
        chain,
        accepted,
    })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(one_line(name)),
        GeneralName::IPAddress(bytes) => match *bytes {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string()),
            bytes => <[u8; 16]>::try_from(bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
        },
        _ => None,
    }
}

/// Lets every certificate pass and remembers it: nothing is sent over this connection, and the judgment follows from the chain.
#[derive(Debug)]
struct Seen {
    chain: Mutex<Vec<CertificateDer<'static>>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(own).chain(intermediates).map(|certificate| certificate.clone().into_owned()).collect();
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
