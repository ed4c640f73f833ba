//! Who is who on the control plane: one authority, a certificate for each part and each person, and their kubeconfig files.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use time::{Duration, OffsetDateTime};

use crate::{
    account::Account,
    error::{Of, Result},
    layout::write_file,
};

const PART: &str = "cluster certificates";
/// A bed is thrown away long before.
const VALID: Duration = Duration::days(365);
/// The name that the cluster goes by in the estate.
pub const CLUSTER: &str = "aia-production-eu";

/// Somebody who signs in to the API server with a client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Full rights, for witnesses and for the bed itself.
    Admin,
    /// What the console watches with.
    Watch,
    /// What the console acts with.
    Act,
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// kwok, for every node at once.
    Kubelets,
    /// metrics-server.
    MetricsServer,
}

impl Identity {
    const ALL: [Identity; 7] = [
        Identity::Admin,
        Identity::Watch,
        Identity::Act,
        Identity::ControllerManager,
        Identity::Scheduler,
        Identity::Kubelets,
        Identity::MetricsServer,
    ];

    /// The user name that the API server and its audit log know.
    pub fn user(self) -> &'static str {
        match self {
            Identity::Admin => "testbed-admin",
            Identity::Watch => "quarterdeck-watch",
            Identity::Act => "quarterdeck-act",
            Identity::ControllerManager => "system:kube-controller-manager",
            Identity::Scheduler => "system:kube-scheduler",
            Identity::Kubelets => "system:testbed-kubelets",
            Identity::MetricsServer => "system:metrics-server",
        }
    }

    /// Its group: `system:masters` may do everything; `manifests/audit-policy.yaml` knows the console by its own.
    fn group(self) -> Option<&'static str> {
        match self {
            Identity::Admin | Identity::Kubelets | Identity::MetricsServer => Some("system:masters"),
            Identity::Watch | Identity::Act => Some("quarterdeck"),
            Identity::ControllerManager | Identity::Scheduler => None,
        }
    }

    fn file_stem(self) -> &'static str {
        match self {
            Identity::Admin => "admin",
            Identity::Watch => "watch",
            Identity::Act => "act",
            Identity::ControllerManager => "controller-manager",
            Identity::Scheduler => "scheduler",
            Identity::Kubelets => "kubelets",
            Identity::MetricsServer => "metrics-server",
        }
    }
}

/// Where the files lie.
#[derive(Clone, Debug)]
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// The files in this folder, written or not.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Certificates {
        Certificates { folder: folder.into() }
    }

    /// The authority of servers and clients.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// The authority's key: the controller manager signs requests with it.
    pub fn authority_key(&self) -> PathBuf {
        self.folder.join("ca.key")
    }

    /// The authority of the aggregator alone.
    pub fn front_proxy_authority(&self) -> PathBuf {
        self.folder.join("front-proxy-ca.crt")
    }

    /// A server's certificate and key for loopback.
    pub fn server(&self) -> (PathBuf, PathBuf) {
        self.pair("server")
    }

    /// What the aggregator shows to metrics-server.
    pub fn front_proxy_client(&self) -> (PathBuf, PathBuf) {
        self.pair("front-proxy-client")
    }

    /// What the API server shows to the kubelets.
    pub fn kubelet_client(&self) -> (PathBuf, PathBuf) {
        self.pair("kubelet-client")
    }

    /// What verifies service accounts' tokens, and what signs them.
    pub fn service_accounts(&self) -> (PathBuf, PathBuf) {
        (self.folder.join("service-accounts.pub"), self.folder.join("service-accounts.key"))
    }

    /// A kubeconfig file that needs no other file.
    pub fn kubeconfig(&self, identity: Identity) -> PathBuf {
        self.folder.join(format!("{}.kubeconfig", identity.file_stem()))
    }

    fn pair(&self, stem: &str) -> (PathBuf, PathBuf) {
        (self.folder.join(format!("{stem}.crt")), self.folder.join(format!("{stem}.key")))
    }

    /// Makes everything anew; `server` is the API server's URL.
    pub fn issue(&self, server: &str) -> Result<()> {
        let authority = authority(CLUSTER)?;
        self.write("ca.crt", authority.pem())?;
        self.write("ca.key", authority.key().serialize_pem())?;
        let own = leaf(&authority, "kube-apiserver", None, &["127.0.0.1", "localhost", "kubernetes.default.svc"])?;
        self.write_pair("server", &own)?;
        let client = leaf(&authority, "kube-apiserver-kubelet-client", Some("system:masters"), &[])?;
        self.write_pair("kubelet-client", &client)?;

        let front_proxy = self::authority("front-proxy")?;
        self.write("front-proxy-ca.crt", front_proxy.pem())?;
        self.write_pair("front-proxy-client", &leaf(&front_proxy, "front-proxy-client", None, &[])?)?;

        let service_accounts = KeyPair::generate().of(PART)?;
        self.write("service-accounts.pub", service_accounts.public_key_pem())?;
        self.write("service-accounts.key", service_accounts.serialize_pem())?;
        for identity in Identity::ALL {
            let client = leaf(&authority, identity.user(), identity.group(), &[])?;
            let text = kubeconfig(server, &authority.pem(), identity.user(), &client);
            self.write(&format!("{}.kubeconfig", identity.file_stem()), text)?;
        }
        Ok(())
    }

    fn write(&self, name: &str, content: String) -> Result<()> {
        write_file(&self.folder.join(name), content, Account::STARTER, 0o600)
    }

    fn write_pair(&self, stem: &str, leaf: &Leaf) -> Result<()> {
        self.write(&format!("{stem}.crt"), leaf.certificate.clone())?;
        self.write(&format!("{stem}.key"), leaf.key.clone())
    }
}

/// A certificate and its key, both PEM.
struct Leaf {
    certificate: String,
    key: String,
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = params(name, None, &[])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    CertifiedIssuer::self_signed(params, KeyPair::generate().of(PART)?).of(PART)
}

fn leaf(authority: &CertifiedIssuer<'_, KeyPair>, name: &str, group: Option<&str>, addresses: &[&str]) -> Result<Leaf> {
    let mut params = params(name, group, addresses)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = match addresses {
        [] => vec![ExtendedKeyUsagePurpose::ClientAuth],
        _ => vec![ExtendedKeyUsagePurpose::ServerAuth],
    };
    let key = KeyPair::generate().of(PART)?;
    let certificate = params.signed_by(&key, authority).of(PART)?;
    Ok(Leaf { certificate: certificate.pem(), key: key.serialize_pem() })
}

fn params(name: &str, group: Option<&str>, addresses: &[&str]) -> Result<CertificateParams> {
    let addresses: Vec<String> = addresses.iter().map(|address| (*address).to_owned()).collect();
    let mut params = CertificateParams::new(addresses).of(PART)?;
    let now = OffsetDateTime::now_utc();
    // A clock that was set back a little must not make the bed unusable.
    params.not_before = now - Duration::hours(1);
    params.not_after = now + VALID;
    params.distinguished_name.remove(DnType::CommonName);
    if let Some(group) = group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn kubeconfig(server: &str, authority: &str, user: &str, client: &Leaf) -> String {
    let encode = |pem: &str| BASE64.encode(pem);
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         clusters:\n\
         - name: {CLUSTER}\n  cluster: {{ server: \"{server}\", certificate-authority-data: {authority} }}\n\
         users:\n\
         - name: {user:?}\n  user: {{ client-certificate-data: {certificate}, client-key-data: {key} }}\n\
         contexts:\n\
         - name: {CLUSTER}\n  context: {{ cluster: {CLUSTER}, user: {user:?} }}\n\
         current-context: {CLUSTER}\n",
        authority = encode(authority),
        certificate = encode(&client.certificate),
        key = encode(&client.key),
    )
}
