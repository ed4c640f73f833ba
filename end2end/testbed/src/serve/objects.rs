//! The object store: S3 over plain files, with signatures checked, and a full disk on demand.

use bytes::Bytes;
use hyper::{Method, Request, Response, StatusCode, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::{Body, HttpError, auth::SimpleAuth, service::S3Service, service::S3ServiceBuilder};
use s3s_fs::FileSystem;

use super::HEAD_WITHIN;
use crate::{
    bed::Bed,
    control::{Control, Objects},
    error::{Error, Result},
    layout::{Layout, Port},
    parts::objects,
};

/// What MinIO answers when its disks are full.
const FULL: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>XMinioStorageFull</Code><Message>Storage backend has reached its \
                    minimum free drive threshold. Please delete a few objects to proceed.</Message></Error>";

pub(super) async fn run(bed: Bed) -> Result<()> {
    let files = FileSystem::new(bed.layout().data(objects::NAME))
        .map_err(|error| Error::Part { part: "object store", reason: format!("{error:?}") })?;
    let secrets = bed.secrets();
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(secrets.objects_access.reveal(), secrets.objects_secret.reveal()));
    let store = builder.build();
    let listener = super::listen(bed.layout(), Port::Objects).await?;
    super::accept(listener, |stream| {
        let (store, layout) = (store.clone(), bed.layout().clone());
        async move {
            let service = service_fn(|request| answer(&store, &layout, request));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_WITHIN)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "A connection ended early");
            }
        }
    })
    .await
}

async fn answer(store: &S3Service, layout: &Layout, request: Request<Incoming>) -> Result<Response<Body>, HttpError> {
    if brings_data(&request) && Objects::read(layout).full {
        let mut refusal = Response::new(Body::from(Bytes::from_static(FULL.as_bytes())));
        *refusal.status_mut() = StatusCode::INSUFFICIENT_STORAGE;
        return Ok(refusal);
    }
    if request.method() != Method::POST {
        return store.call(request.map(Body::from)).await;
    }
    // What was asked for whole is done whole, as by real stores: putting parts together does not stop half-way because the client hung up.
    let store = store.clone();
    let asked = tokio::spawn(async move { store.call(request.map(Body::from)).await });
    asked.await.unwrap_or_else(|_| {
        let mut failed = Response::new(Body::from(Bytes::new()));
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        Ok(failed)
    })
}

/// Objects and parts come by PUT; POST only begins, completes or deletes.
fn brings_data<B>(request: &Request<B>) -> bool {
    request.method() == Method::PUT
}
