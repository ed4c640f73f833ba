//! What goes over the wire: server-sent events, each serialised and compressed once, whoever reads it.
//!
//! A compressed stream is one gzip member that never ends. Each event is compressed from an empty window and ends at a byte's
//! boundary (`Z_FULL_FLUSH`), so the same bytes fit behind whatever a reader was sent before (RFC 1951, section 3.2.4).

use std::sync::LazyLock;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status};
use serde::Serialize;

/// How a reader wants its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Plain,
    /// `content-encoding: gzip`.
    Gzip,
}

impl Encoding {
    /// From an `accept-encoding` header.
    #[must_use]
    pub fn accepted(header: &str) -> Self {
        let gzip = header.split(',').any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let refused = weight.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok()) == Some(0.0);
            name.trim().eq_ignore_ascii_case("gzip") && !refused
        });
        if gzip { Self::Gzip } else { Self::Plain }
    }
}

/// Bytes ready to send, in every encoding.
#[derive(Clone, Debug, Default)]
pub(super) struct Event {
    plain: Bytes,
    gzip: Bytes,
}

impl Event {
    pub(super) fn of(text: impl Into<Bytes>) -> Self {
        let plain = text.into();
        let gzip = deflated(&plain).into();
        Self { plain, gzip }
    }

    /// An event with a name, a number that only patches have, and data.
    pub(super) fn named<T: Serialize>(name: &str, id: Option<u64>, data: &T) -> Self {
        // A struct of strings and numbers always serialises; and JSON has no bare line breaks, so one `data:` line is enough.
        let json = serde_json::to_string(data).unwrap_or_default();
        Self::of(match id {
            Some(id) => format!("id: {id}\nevent: {name}\ndata: {json}\n\n"),
            None => format!("event: {name}\ndata: {json}\n\n"),
        })
    }

    pub(super) fn in_(&self, encoding: Encoding) -> &Bytes {
        match encoding {
            Encoding::Plain => &self.plain,
            Encoding::Gzip => &self.gzip,
        }
    }
}

/// What a stream begins with: the header of a gzip member (RFC 1952, section 2.3): deflate, no flags, no time, unknown system.
pub(super) fn head(encoding: Encoding) -> &'static [u8] {
    match encoding {
        Encoding::Plain => &[],
        Encoding::Gzip => &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255],
    }
}

/// A screen that lost the console comes back after about a second.
pub(super) static RETRY: LazyLock<Event> = LazyLock::new(|| Event::of(&b"retry: 1000\n\n"[..]));

/// A page loads itself again: another build is here, or its screen may not look any more.
pub(super) static RELOAD: LazyLock<Event> = LazyLock::new(|| Event::named("reload", None, &()));

/// A silent stream says so.
pub(super) static KEEP_ALIVE: LazyLock<Event> = LazyLock::new(|| Event::of(&b":\n\n"[..]));

fn deflated(plain: &[u8]) -> Vec<u8> {
    let mut deflate = Compress::new(Compression::default(), false);
    let mut out = Vec::with_capacity(plain.len() / 3 + 64);
    loop {
        let rest = usize::try_from(deflate.total_in()).ok().and_then(|done| plain.get(done..)).unwrap_or_default();
        let room = out.capacity() - out.len();
        let flushed = deflate.compress_vec(rest, &mut out, FlushCompress::Full);
        // All is out when all went in and the output did not end for want of room.
        match flushed {
            Ok(Status::Ok | Status::BufError) if out.len() == out.capacity() || room == 0 => out.reserve(plain.len() / 2 + 64),
            // Compressing from memory to memory cannot fail; and it is never told to finish.
            Ok(_) | Err(_) => return out,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn read(stream: &[u8], bytes: usize) -> String {
        let mut text = vec![0; bytes];
        flate2::read::GzDecoder::new(stream).read_exact(&mut text).expect("it decodes as far as it goes");
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn events_of_different_moments_fit_behind_each_other() {
        let (one, two) = ("data: one\n\n".repeat(400), "data: two ◆\n\n".to_owned());
        for texts in [[&one, &two, &one], [&two, &one, &two]] {
            let mut stream = head(Encoding::Gzip).to_vec();
            for text in texts {
                stream.extend_from_slice(Event::of(text.clone()).in_(Encoding::Gzip));
                stream.extend_from_slice(KEEP_ALIVE.in_(Encoding::Gzip));
            }
            let plain: String = texts.iter().map(|text| format!("{text}:\n\n")).collect();
            assert_eq!(read(&stream, plain.len()), plain);
        }
    }

    #[test]
    fn what_does_not_compress_goes_through_whole() {
        let noise: String = (0..20_000_u32).map(|n| char::from(b'!' + (n.wrapping_mul(2_654_435_761) >> 24) as u8 % 90)).collect();
        let mut stream = head(Encoding::Gzip).to_vec();
        stream.extend_from_slice(Event::of(noise.clone()).in_(Encoding::Gzip));
        assert_eq!(read(&stream, noise.len()), noise);
    }

    #[test]
    fn only_who_asks_for_it_gets_gzip() {
        for (header, encoding) in [
            ("gzip, deflate, br, zstd", Encoding::Gzip),
            ("br;q=1.0, GZIP;q=0.5", Encoding::Gzip),
            ("gzip;q=0, br", Encoding::Plain),
            ("identity", Encoding::Plain),
            ("", Encoding::Plain),
        ] {
            assert_eq!(Encoding::accepted(header), encoding, "{header}");
        }
    }
}
