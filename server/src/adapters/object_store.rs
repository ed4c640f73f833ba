//! An object store that speaks S3: objects, uploads in parts, lists. Keys and signatures stay in here.

mod fault;
mod listing;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    BackoffConfig, ClientOptions, ObjectStoreExt as _, PutPayload, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    multipart::{MultipartStore as _, PartId},
    path::Path,
};

pub use self::{
    fault::StoreFault,
    listing::{Listing, Object},
};
use self::{fault::fault, listing::Lists};
use super::{failure::Failure, one_line};
use crate::config::Store;

/// How long a small request may take: a look at an object, a manifest, one page of a list.
pub const QUICK: Duration = Duration::from_secs(3);
/// How long nothing may come.
pub const STALLED: Duration = Duration::from_secs(30);
/// How much of a part must arrive in a second, in bytes: 2.1 Mbit/s, and a slower line is none for backups.
const SLOWEST: u64 = 256 << 10;
/// How long the store may take to put the parts together. Amazon answers within seconds and documents minutes; a server that copies the parts takes
/// minutes for some gigabytes.
pub const COMPLETION: Duration = Duration::from_secs(600);

/// So many small objects are remembered by what the list says of them, so that looking again every few seconds fetches none twice.
const KEPT: usize = 2_000;

/// One bucket.
pub struct ObjectStore {
    name: String,
    place: String,
    made: Result<Clients, Failure>,
    kept: Mutex<HashMap<String, (String, Bytes)>>,
}

/// The same bucket under four patiences.
struct Clients {
    quick: AmazonS3,
    data: AmazonS3,
    parts: AmazonS3,
    completing: AmazonS3,
    lists: Lists,
}

/// What is in the store under a key.
pub type Content = BoxStream<'static, Result<Bytes, StoreFault>>;

impl ObjectStore {
    /// Never waits.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        let host = store.endpoint.host_str().unwrap_or_default();
        let port = store.endpoint.port().map_or_else(String::new, |port| format!(":{port}"));
        Self {
            name: store.name.clone(),
            place: format!("{} at {host}{port}", store.bucket),
            made: Clients::make(store).map_err(|why| Failure::Unreachable(one_line(&why))),
            kept: Mutex::default(),
        }
    }

    /// What the estate file calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bucket and the host: "aia-backups at s3.example.org".
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    fn clients(&self) -> Result<&Clients, StoreFault> {
        self.made.as_ref().map_err(|failure| StoreFault::Unanswered(failure.clone()))
    }

    /// Every object whose key begins with `prefix`, oldest name first, at most [`listing::MOST`].
    ///
    /// # Errors
    /// When the store does not answer each page within [`QUICK`], or refuses.
    pub async fn list(&self, prefix: &str) -> Result<Listing, StoreFault> {
        let clients = self.clients()?;
        clients.lists.objects(&clients.quick, prefix).await
    }

    /// What the store knows of an object; none when there is no such object.
    ///
    /// # Errors
    /// When the store does not answer or refuses.
    pub async fn head(&self, key: &str) -> Result<Option<Object>, StoreFault> {
        let path = path(key)?;
        match bounded(QUICK, self.clients()?.quick.head(&path)).await {
            Ok(meta) => {
                Ok(Some(Object { key: key.to_owned(), size: meta.size, modified: meta.last_modified, tag: meta.e_tag.unwrap_or_default() }))
            }
            Err(StoreFault::Missing) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// A small object that a list has just told of. Read once for each of its states.
    ///
    /// # Errors
    /// When it is larger than `most` bytes, or the store does not answer or refuses.
    pub async fn small(&self, object: &Object, most: u64) -> Result<Bytes, StoreFault> {
        if object.size > most {
            return Err(StoreFault::Refused(format!("it has {} bytes, and more than {most} are not read", object.size)));
        }
        let state = format!("{} {} {}", object.tag, object.size, object.modified);
        if let Some((known, bytes)) = self.kept().get(&object.key)
            && *known == state
        {
            return Ok(bytes.clone());
        }
        let path = path(&object.key)?;
        let clients = self.clients()?;
        let read = async {
            let answer = clients.quick.get(&path).await?;
            let mut stream = answer.into_stream();
            let mut bytes = Vec::new();
            while let Some(chunk) = stream.try_next().await? {
                bytes.extend_from_slice(&chunk);
                // It may have been replaced since it was listed.
                if bytes.len() as u64 > most {
                    break;
                }
            }
            Ok(Bytes::from(bytes))
        };
        let bytes = bounded(QUICK, read).await?;
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(object.key.clone(), (state, bytes.clone()));
        Ok(bytes)
    }

    /// A small object as it is now; none when there is none.
    ///
    /// # Errors
    /// When the store does not answer or refuses.
    pub async fn read_whole(&self, key: &str) -> Result<Option<Bytes>, StoreFault> {
        match self.head(key).await? {
            Some(object) => self.small(&object, 1 << 20).await.map(Some),
            None => Ok(None),
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, (String, Bytes)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object's content as it comes: its size, and the bytes. Nothing for [`STALLED`] ends it; how long it takes as a whole does not.
    ///
    /// # Errors
    /// When there is no such object, or the store does not answer or refuses.
    pub async fn read(&self, key: &str) -> Result<(u64, Content), StoreFault> {
        let path = path(key)?;
        let answer = self.clients()?.data.get(&path).await.map_err(|error| fault(&error, STALLED))?;
        Ok((answer.meta.size, answer.into_stream().map_err(|error| fault(&error, STALLED)).boxed()))
    }

    /// Writes a small object, in place of what is there.
    ///
    /// # Errors
    /// When it was not written, or no answer came ([`StoreFault::may_have_been_done`]).
    pub async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), StoreFault> {
        let path = path(key)?;
        bounded(STALLED, self.clients()?.quick.put(&path, PutPayload::from(bytes))).await.map(drop)
    }

    /// Removes an object; that there is none is fine.
    ///
    /// # Errors
    /// When the store does not answer or refuses.
    pub async fn delete(&self, key: &str) -> Result<(), StoreFault> {
        let path = path(key)?;
        match bounded(STALLED, self.clients()?.quick.delete(&path)).await {
            Err(StoreFault::Missing) => Ok(()),
            other => other,
        }
    }

    /// Opens an upload in parts; its id.
    ///
    /// # Errors
    /// When it was not opened, or no answer came.
    pub async fn open_upload(&self, key: &str) -> Result<String, StoreFault> {
        let path = path(key)?;
        bounded(STALLED, self.clients()?.quick.create_multipart(&path)).await
    }

    /// Uploads one part, counted from 0, within [`part_limit`]; what the store calls it. The same part may be sent again.
    ///
    /// # Errors
    /// When it did not arrive.
    pub async fn put_part(&self, key: &str, upload: &str, no: usize, bytes: Bytes) -> Result<String, StoreFault> {
        let path = path(key)?;
        let limit = part_limit(bytes.len() as u64);
        let part = bounded(limit, self.clients()?.parts.put_part(&path, &upload.to_owned(), no, PutPayload::from(bytes))).await;
        part.map(|part| part.content_id)
    }

    /// Makes the object of its parts. Asking again for the same parts makes the same object.
    ///
    /// # Errors
    /// [`StoreFault::Missing`] when there is no such upload (any more); when no answer came, the store may still be at it.
    pub async fn complete(&self, key: &str, upload: &str, parts: &[String]) -> Result<(), StoreFault> {
        let path = path(key)?;
        let parts = parts.iter().map(|part| PartId { content_id: part.clone() }).collect();
        let done = self.clients()?.completing.complete_multipart(&path, &upload.to_owned(), parts).await;
        done.map(drop).map_err(|error| fault(&error, COMPLETION))
    }

    /// Gives an upload up: its parts are gone when this returns.
    ///
    /// # Errors
    /// When the store does not answer, or refuses and holds parts of it.
    pub async fn abort(&self, key: &str, upload: &str) -> Result<(), StoreFault> {
        let path = path(key)?;
        let clients = self.clients()?;
        match bounded(QUICK, clients.quick.abort_multipart(&path, &upload.to_owned())).await {
            Err(StoreFault::Missing) => Ok(()),
            // Some stores refuse the id of an upload that is gone as if it were another's.
            Err(StoreFault::Denied(why)) => match clients.lists.parts(&clients.quick, &path, upload).await {
                Ok(0) | Err(StoreFault::Missing) => Ok(()),
                Ok(_) | Err(_) => Err(StoreFault::Denied(why)),
            },
            other => other,
        }
    }
}

impl Clients {
    fn make(store: &Store) -> Result<Self, String> {
        let ca = match &store.ca_file {
            Some(file) => Some(std::fs::read(file).map_err(|error| format!("its authority's file {}: {}", file.display(), error.kind()))?),
            None => None,
        };
        let client = |patience: Option<Duration>, idle: usize, retries: usize| {
            let mut options = ClientOptions::new()
                .with_allow_http(store.endpoint.scheme() == "http")
                .with_connect_timeout(QUICK)
                .with_timeout_disabled()
                .with_pool_max_idle_per_host(idle);
            if let Some(patience) = patience {
                options = options.with_read_timeout(patience);
            }
            if let Some(pem) = &ca {
                options = options.with_root_certificate(object_store::Certificate::from_pem(pem).map_err(|error| error.to_string())?);
            }
            AmazonS3Builder::new()
                .with_endpoint(store.endpoint.as_str().trim_end_matches('/'))
                .with_bucket_name(&store.bucket)
                .with_region(&store.region)
                .with_access_key_id(store.access_key.reveal())
                .with_secret_access_key(store.secret_key.reveal())
                .with_allow_http(store.endpoint.scheme() == "http")
                .with_client_options(options)
                .with_retry(RetryConfig {
                    backoff: BackoffConfig { init_backoff: Duration::from_millis(200), max_backoff: Duration::from_secs(2), base: 2.0 },
                    max_retries: retries,
                    // What has been waited for that long is not waited for again, unless whoever asks ends it.
                    retry_timeout: if patience.is_some() { STALLED / 2 } else { Duration::MAX },
                })
                .build()
                .map_err(|error| error.to_string())
        };
        Ok(Self {
            quick: client(Some(QUICK), 4, 1)?,
            data: client(Some(STALLED), 4, 3)?,
            // While a part is sent nothing comes: that is no silence, and each part has a limit of its own.
            parts: client(None, 4, 3)?,
            // A kept connection that the store has closed meanwhile would look like an answer that was lost.
            completing: client(Some(COMPLETION), 0, 0)?,
            lists: Lists::new(ca.as_deref())?,
        })
    }
}

/// How long a part of that many bytes may take, with what is sent of it again.
fn part_limit(bytes: u64) -> Duration {
    STALLED + Duration::from_secs(bytes / SLOWEST)
}

/// A key as the library takes it. One with control characters or empty parts is none of ours.
fn path(key: &str) -> Result<Path, StoreFault> {
    Path::parse(key).map_err(|_| StoreFault::Refused("its name is none that the console reads".into()))
}

/// Ends what takes longer than `wait`.
async fn bounded<T>(wait: Duration, request: impl Future<Output = object_store::Result<T>>) -> Result<T, StoreFault> {
    match tokio::time::timeout(wait, request).await {
        Ok(answer) => answer.map_err(|error| fault(&error, wait)),
        Err(_) => Err(StoreFault::Unanswered(Failure::Silent(wait))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_part_has_more_time() {
        assert_eq!(part_limit(0), STALLED);
        assert_eq!(part_limit(8 << 20), Duration::from_secs(62));
        assert_eq!(part_limit(144 << 20), Duration::from_secs(606));
    }
}
