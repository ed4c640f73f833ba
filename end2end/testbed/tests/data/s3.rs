//! Signed requests to the object store (AWS Signature Version 4), as a client with the bed's keys would send them.

use hmac_sha256::mac;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::witness::Witness;

/// Sends one request for an object; the answer's status and text.
pub async fn send(witness: &Witness, method: reqwest::Method, key: &str, body: &'static str) -> (u16, String) {
    let host = witness.env("S3_URL").strip_prefix("http://").unwrap();
    let path = format!("/{}/{key}", witness.env("S3_BUCKET"));
    let now = OffsetDateTime::now_utc();
    let (date, clock) = (now.date(), now.time());
    let day = &format!("{:04}{:02}{:02}", date.year(), u8::from(date.month()), date.day());
    let moment = format!("{day}T{:02}{:02}{:02}Z", clock.hour(), clock.minute(), clock.second());
    let digest = hex::encode(Sha256::digest(body));
    let signed = "host;x-amz-content-sha256;x-amz-date";
    let request = format!("{method}\n{path}\n\nhost:{host}\nx-amz-content-sha256:{digest}\nx-amz-date:{moment}\n\n{signed}\n{digest}");
    let scope = format!("{day}/us-east-1/s3/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hex::encode(Sha256::digest(request)));
    let secret = format!("AWS4{}", witness.env("S3_SECRET_KEY"));
    let signing_key = [day, "us-east-1", "s3", "aws4_request"].iter().fold(secret.into_bytes(), |key, word| mac(&key, word.as_bytes()));
    let signature = hex::encode(mac(&signing_key, to_sign.as_bytes()));
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={signed},Signature={signature}", witness.env("S3_ACCESS_KEY"));
    rustls::crypto::ring::default_provider().install_default().ok();
    let answer = reqwest::Client::builder()
        .no_proxy()
        .timeout(crate::witness::PATIENCE)
        .build()
        .unwrap()
        .request(method, format!("http://{host}{path}"))
        .header("x-amz-content-sha256", digest)
        .header("x-amz-date", moment)
        .header("authorization", authorization)
        .body(body)
        .send()
        .await;
    match answer {
        Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
        Err(error) => (0, error.to_string()),
    }
}

mod hmac_sha256 {
    //! RFC 2104 over SHA-256, for keys of at most one block.

    use super::{Digest, Sha256};

    const BLOCK: usize = 64;

    pub fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
        assert!(key.len() <= BLOCK, "a longer key would have to be hashed first");
        let padded = |with: u8| (0..BLOCK).map(move |nth| key.get(nth).copied().unwrap_or(0) ^ with).collect::<Vec<u8>>();
        let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
        Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
    }
}
