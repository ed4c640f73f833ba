//! `quarterdeck serve`: puts everything together, serves, and takes it apart again.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use app::model::{Assets, SystemId, Topic};
use axum::serve::ListenerExt;
use tokio::{net::TcpListener, sync::watch};
use url::Url;

use crate::{
    actions::{self, ActCtx},
    adapters::Adapters,
    assets,
    audit::{Actor, Event, Record},
    clock::{SharedClock, SystemClock},
    config::{Config, Estate, Tls},
    console::{Console, Parts, VERSION},
    executor::{Catalog, Executor},
    identity::{Identity, PasswordFault},
    live::Hub,
    monitor::{KnownSince, Monitor},
    probes::{self, ProbeCtx},
    router::router,
    store::{SchemaFault, Store, StoreError, StoreFault},
    views::{Drawing, forget, keep_changes},
};

/// Why the console does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeFault {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// Its schema is not this version's.
    #[error(transparent)]
    Schema(#[from] SchemaFault),
    /// It gave no answer.
    #[error(transparent)]
    Unanswered(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {why}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why, with the remedy.
        why: String,
    },
    /// TLS was asked of the console itself.
    #[error(
        "the console does not speak TLS itself yet: unset QUARTERDECK_TLS_CERT and QUARTERDECK_TLS_KEY, put a proxy in front, and name it in QUARTERDECK_TRUSTED_PROXY"
    )]
    NoTls,
    /// The machine gives no random numbers.
    #[error(transparent)]
    Random(#[from] PasswordFault),
    /// The service ended by a fault.
    #[error("the service ended: {0}")]
    Ended(#[from] std::io::Error),
}

/// Who acknowledges nothing for so long is gone, though nobody said so: an unplugged screen does not count as looking for a quarter of an hour.
#[cfg(target_os = "linux")]
const UNHEARD_MS: u32 = 60_000;

/// How long what is under way may take to end.
const LEAVE: Duration = Duration::from_secs(10);

/// Serves until it is told to end.
///
/// # Errors
/// When it cannot begin: store, address. Each in words with the remedy.
pub async fn serve(config: Config, estate: Estate) -> Result<(), ServeFault> {
    if matches!(config.listen.tls, Tls::Own { .. }) {
        return Err(ServeFault::NoTls);
    }
    // The port first: a second console started by mistake must not touch anything.
    let address = config.listen.address;
    let listener = TcpListener::bind(address).await.map_err(|err| ServeFault::Listen { address, why: bind_fault(&err) })?;
    let store = Store::connect(&config.database_url)?;
    store.check().await?;

    let clock: SharedClock = Arc::new(SystemClock);
    let estate = Arc::new(estate);
    let identity = Identity::new(store.clone(), clock.clone(), &config.listen, estate.environment.public_url.as_ref())?;
    let loaded = Event::ConfigLoaded {
        estate: estate.hash.clone(),
        version: VERSION.to_owned(),
        replica: config.replica.clone(),
        n_systems: u32::try_from(estate.systems().len()).unwrap_or(u32::MAX),
        n_runbooks: u32::try_from(estate.runbooks.len()).unwrap_or(u32::MAX),
    };
    store.record(&Record::new(Actor::Console, loaded)).await?;

    let console = put_together(&config, estate, store, identity, clock).await;
    let base = console.estate.environment.public_url.clone().or_else(|| Url::parse(&format!("http://{address}")).ok());
    if let Some(base) = &base {
        match console.identity.set_up_link(base).await {
            Ok(Some(link)) => println!("Nobody has an account yet. Make the first administrator here, within 24 hours:\n\n    {link}\n"),
            Ok(None) => {}
            Err(err) => tracing::warn!(error = %err, "It could not be told whether anybody has an account"),
        }
        tracing::info!("Quarterdeck {VERSION} serves {base}");
    }

    let (hub, executor, store) = (console.hub.clone(), console.executor.clone(), console.store.clone());
    let service = router(console).into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.tap_io(|stream| {
        // Small writes of a stream must not wait for the one before to be acknowledged.
        if let Err(err) = stream.set_nodelay(true) {
            tracing::debug!(error = %err, "TCP_NODELAY could not be set");
        }
        #[cfg(target_os = "linux")]
        if let Err(err) = rustix::net::sockopt::set_tcp_user_timeout(&*stream, UNHEARD_MS) {
            tracing::debug!(error = %err, "TCP_USER_TIMEOUT could not be set");
        }
    });
    let closing = async move {
        told_to_end().await;
        tracing::info!("Ending: streams are closed, runs end their step or are handed over");
        hub.close();
        executor.close().await;
    };
    let (begun, mut ending) = watch::channel(false);
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
        closing.await;
        begun.send_replace(true);
    });
    tokio::select! {
        served = async { serving.await } => served?,
        () = async {
            // Connections that stay open, such as a browser's idle ones, do not hold the process.
            if ending.changed().await.is_ok() {
                tokio::time::sleep(LEAVE).await;
            } else {
                std::future::pending::<()>().await;
            }
        } => {}
    }
    store.close().await;
    Ok(())
}

fn bind_fault(err: &std::io::Error) -> String {
    match err.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another process listens there; stop it, or set QUARTERDECK_LISTEN to another address, such as 127.0.0.1:8081".to_owned()
        }
        std::io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; set QUARTERDECK_LISTEN to a higher port".to_owned(),
        std::io::ErrorKind::AddrNotAvailable => "this machine has no such address; set QUARTERDECK_LISTEN to one that it has".to_owned(),
        _ => err.to_string(),
    }
}

/// Everything between the store and the router.
pub async fn put_together(config: &Config, estate: Arc<Estate>, store: Store, identity: Identity, clock: SharedClock) -> Console {
    let adapters = Arc::new(Adapters::new(&estate, &clock));
    let since: KnownSince = store
        .latest_health_changes()
        .await
        .unwrap_or_default()
        .into_iter()
        .map(|change| ((change.probe, change.system), (change.to, change.at)))
        .collect::<HashMap<_, _>>();
    let ctx = ProbeCtx { adapters: adapters.clone(), estate: estate.clone(), clock: clock.clone() };
    let monitored = Monitor::start(probes::all(), ctx, systems(&estate, &adapters), since);
    tokio::spawn(keep_changes(store.clone(), monitored.changes));
    tokio::spawn(forget(store.clone()));

    let catalog = Arc::new(Catalog::new(actions::all(), estate.clone()));
    let act = ActCtx { adapters: adapters.clone(), estate: estate.clone(), clock: clock.clone() };
    let executor = Executor::start(store.clone(), catalog, act, config.replica.clone());
    let drawing = Drawing::start(estate.clone(), monitored.world.clone(), adapters, store.clone(), executor.clone(), clock.clone());
    let assets = Assets {
        css: assets::url("quarterdeck.css").unwrap_or_default().to_owned(),
        loader: assets::url("quarterdeck.js").unwrap_or_default().to_owned(),
    };
    let hub = Hub::new(drawing.clone(), clock.clone(), app::render::build(VERSION, &assets));
    // Drawn from the start: pages only look its number up.
    hub.seq(&Topic::Strip).await;
    let overview = tokio::sync::Mutex::default();
    Parts { estate, world: monitored.world, store, identity, executor, hub, drawing, clock, assets, overview }.into()
}

/// Every system, configured or found, as it changes.
fn systems(estate: &Arc<Estate>, adapters: &Arc<Adapters>) -> watch::Receiver<Vec<SystemId>> {
    let (sender, receiver) = watch::channel(estate.systems());
    let estate = estate.clone();
    let mut found: Vec<_> = adapters.kube.watches().map(crate::adapters::kube::ClusterWatch::discovered).collect();
    if found.is_empty() {
        // Nothing is ever found besides; the monitor goes on with what it has.
        return receiver;
    }
    tokio::spawn(async move {
        loop {
            let changed = futures::future::select_all(found.iter_mut().map(|found| Box::pin(found.changed())));
            tokio::select! {
                (changed, ..) = changed => if changed.is_err() { return },
                () = sender.closed() => return,
            }
            let mut all = estate.systems();
            for system in found.iter_mut().flat_map(|found| found.borrow_and_update().clone()) {
                if !all.contains(&system) {
                    all.push(system);
                }
            }
            sender.send_replace(all);
        }
    });
    receiver
}

/// SIGTERM or Ctrl-C.
async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(err) => {
            tracing::warn!(error = %err, "SIGTERM cannot be listened for");
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
