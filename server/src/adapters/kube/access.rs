//! How a credential of the estate file becomes a client of the API server.

use std::time::Duration;

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::config::KubeAccess;

/// A server that takes longer to accept a connection is as good as away.
const CONNECT: Duration = Duration::from_secs(3);

/// Makes a client. Reads the credential's file anew each time, so that a rotated one is taken up.
///
/// # Errors
/// In words for people: which file, and what is wrong with it.
pub(super) async fn client(access: &KubeAccess) -> Result<Client, String> {
    let mut config = match access {
        KubeAccess::InCluster => {
            Config::incluster().map_err(|err| format!("the pod's service account cannot be used: {err}; set `kubeconfig` instead"))?
        }
        KubeAccess::Kubeconfig(path) => {
            let kubeconfig = Kubeconfig::read_from(path).map_err(|err| format!("kubeconfig {}: {err}", path.display()))?;
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                .await
                .map_err(|err| format!("kubeconfig {}: {err}", path.display()))?
        }
    };
    config.connect_timeout = Some(CONNECT);
    // The client would send a request again by itself after 429, 503 and 504: a change must go out once, and a heartbeat must tell the truth.
    config.default_retry = false;
    Client::try_from(config).map_err(|err| format!("the credential cannot be used: {err}"))
}
