//! What is in a bucket. Asked for and read here and not by the library, which gives a whole list up for one name that it does not like.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::Method;
use object_store::{
    aws::AmazonS3,
    path::Path,
    signer::{SignedUrlOptions, Signer as _},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    QUICK,
    fault::{StoreFault, fault, of_answer},
};
use crate::adapters::{Failure, one_line};

/// So many objects are listed at most: three an hour for two years.
pub const MOST: usize = 50_000;
/// The most that is read of one page; a thousand names of the longest kind fit.
const PAGE_BYTES: usize = 4_000_000;
/// How long a signed request is good for: the clocks of both sides may differ by some of it.
const SIGNED_FOR: Duration = Duration::from_secs(300);

/// One object, as the store tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its whole name. Anybody who may write into the bucket chose it.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// When it was written, by the store's clock.
    pub modified: DateTime<Utc>,
    /// What the store calls this content.
    pub tag: String,
}

/// What a prefix holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// In the order of their names.
    pub objects: Vec<Object>,
    /// Whether there are more than were read.
    pub cut: bool,
}

/// Asks for lists.
pub(super) struct Lists {
    client: reqwest::Client,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    contents: Vec<Contents>,
    #[serde(default)]
    next_continuation_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Contents {
    key: String,
    size: u64,
    last_modified: DateTime<Utc>,
    #[serde(rename = "ETag", default)]
    tag: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parts {
    #[serde(default)]
    part: Vec<serde::de::IgnoredAny>,
}

impl Lists {
    pub(super) fn new(ca: Option<&[u8]>) -> Result<Self, String> {
        let mut client = reqwest::Client::builder()
            .connect_timeout(QUICK)
            .timeout(QUICK)
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(2)
            .user_agent(concat!("quarterdeck/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = ca {
            let certificate = reqwest::Certificate::from_pem(pem).map_err(|error| error.to_string())?;
            client = client.tls_certs_merge(std::iter::once(certificate));
        }
        Ok(Self { client: client.build().map_err(|error| error.to_string())? })
    }

    /// Every object whose name begins with `prefix`, at most [`MOST`].
    pub(super) async fn objects(&self, bucket: &AmazonS3, prefix: &str) -> Result<Listing, StoreFault> {
        let mut listing = Listing::default();
        let mut token = None;
        loop {
            let mut query = vec![("list-type".to_owned(), "2".to_owned()), ("prefix".to_owned(), prefix.to_owned())];
            query.extend(token.take().map(|token| ("continuation-token".to_owned(), token)));
            let page: Page = self.ask(bucket, &Path::ROOT, query).await?;
            let found = page.contents.into_iter().map(|found| Object {
                key: found.key,
                size: found.size,
                modified: found.last_modified,
                tag: found.tag,
            });
            listing.objects.extend(found);
            token = page.next_continuation_token;
            if token.is_none() || listing.objects.len() >= MOST {
                listing.cut = token.is_some();
                return Ok(listing);
            }
        }
    }

    /// How many parts an upload has (its first thousand count).
    pub(super) async fn parts(&self, bucket: &AmazonS3, path: &Path, upload: &str) -> Result<usize, StoreFault> {
        let parts: Parts = self.ask(bucket, path, vec![("uploadId".to_owned(), upload.to_owned())]).await?;
        Ok(parts.part.len())
    }

    async fn ask<T: DeserializeOwned>(&self, bucket: &AmazonS3, path: &Path, query: Vec<(String, String)>) -> Result<T, StoreFault> {
        let options = SignedUrlOptions::default().with_query(query);
        let url = bucket.signed_url_opts(Method::GET, path, SIGNED_FOR, &options).await.map_err(|error| fault(&error, QUICK))?;
        // One more try: a kept connection may have been closed by the other side.
        let answer = match self.client.get(url.clone()).send().await {
            Err(error) if !error.is_timeout() && !error.is_connect() => self.client.get(url).send().await,
            answer => answer,
        };
        let mut answer = answer.map_err(|error| unanswered(&error))?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| unanswered(&error))? {
            if body.len() + chunk.len() > PAGE_BYTES {
                return Err(Failure::Garbled(format!("a list of more than {PAGE_BYTES} bytes")).into());
            }
            body.extend_from_slice(&chunk);
        }
        if !(200..300).contains(&status) {
            return Err(of_answer(status, &String::from_utf8_lossy(&body)));
        }
        read(&body)
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, StoreFault> {
    quick_xml::de::from_reader(body).map_err(|error| Failure::Garbled(one_line(&error.to_string())).into())
}

/// The URL is left out: it holds a signature.
fn unanswered(error: &reqwest::Error) -> StoreFault {
    if error.is_timeout() {
        return Failure::Silent(QUICK).into();
    }
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return Failure::from_io(io).into();
        }
        source = inner.source();
    }
    Failure::HungUp.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_whatever_its_names_are() {
        let page: Page = read(
            br#"<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><KeyCount>3</KeyCount>
            <IsTruncated>true</IsTruncated><NextContinuationToken>t/1</NextContinuationToken>
            <Contents><Key>db//&lt;script&gt;.json</Key><LastModified>2026-11-24T02:00:04.000Z</LastModified><ETag>&quot;x&quot;</ETag><Size>7</Size></Contents>
            <Contents><Key>db/../a&#10;b</Key><LastModified>2026-11-24T02:00:04Z</LastModified><Size>0</Size><StorageClass>STANDARD</StorageClass></Contents>
            </ListBucketResult>"#,
        )
        .unwrap();
        let keys: Vec<_> = page.contents.iter().map(|found| found.key.as_str()).collect();
        assert_eq!(keys, ["db//<script>.json", "db/../a\nb"]);
        assert_eq!((page.contents[0].size, page.contents[0].tag.as_str()), (7, "\"x\""));
        assert_eq!(page.next_continuation_token.as_deref(), Some("t/1"));
    }

    #[test]
    fn an_empty_list_is_no_fault_and_rubbish_is_one() {
        let page: Page = read(b"<ListBucketResult><Name>b</Name><KeyCount>0</KeyCount></ListBucketResult>").unwrap();
        assert!(page.contents.is_empty() && page.next_continuation_token.is_none());
        let parts: Parts =
            read(b"<ListPartsResult><Part><PartNumber>1</PartNumber></Part><Part><PartNumber>2</PartNumber></Part></ListPartsResult>")
                .unwrap();
        assert_eq!(parts.part.len(), 2);
        assert!(read::<Page>(b"{\"not\": \"xml\"}").is_err());
    }
}
