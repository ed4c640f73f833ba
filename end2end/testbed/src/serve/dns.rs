//! The resolver: UDP and TCP, A records of one zone file, everything else refused by the rules.

use std::{fs, time::Duration};

use hickory_proto::{
    op::{Message, MessageType, OpCode, ResponseCode},
    rr::{DNSClass, RData, Record, RecordType, rdata::A},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

use super::zone::Zone;
use crate::{
    error::{Doing, Result},
    layout::{Layout, Port},
};

/// A question over UDP without extensions is no longer (RFC 1035); with them ours are still short.
const MAX_DATAGRAM: usize = 4096;
const TCP_WITHIN: Duration = Duration::from_secs(5);

pub(super) async fn run(layout: &Layout) -> Result<()> {
    let address = layout.address(Port::Dns);
    let socket = UdpSocket::bind(address).await.doing(|| format!("listen on {address}"))?;
    let listener = super::listen(layout, Port::Dns).await?;
    let zone_file = layout.control_file(Zone::FILE);
    let streams = super::accept(listener, |stream| {
        let zone_file = zone_file.clone();
        async move {
            let told = tokio::time::timeout(TCP_WITHIN, answer_stream(stream, &|| read(&zone_file))).await;
            tracing::debug!(?told, "A question over TCP is done");
        }
    });
    let zone = || read(&zone_file);
    tokio::select! {
        done = streams => done,
        () = answer_datagrams(&socket, &zone) => Ok(()),
    }
}

fn read(file: &std::path::Path) -> Zone {
    Zone::parse(&fs::read_to_string(file).unwrap_or_default())
}

async fn answer_datagrams(socket: &UdpSocket, zone: &impl Fn() -> Zone) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    loop {
        // An earlier answer that could not be delivered is reported here; it concerns nobody else.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        if let Some(answer) = answer(&buffer[..length], &zone()) {
            socket.send_to(&answer, from).await.ok();
        }
    }
}

/// Over TCP each message is preceded by its length (RFC 1035, 4.2.2).
async fn answer_stream(mut stream: TcpStream, zone: &impl Fn() -> Zone) -> std::io::Result<()> {
    loop {
        let mut question = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut question).await?;
        let Some(answer) = answer(&question, &zone()) else {
            return Ok(());
        };
        stream.write_u16(u16::try_from(answer.len()).unwrap_or(u16::MAX)).await?;
        stream.write_all(&answer).await?;
    }
}

fn answer(bytes: &[u8], zone: &Zone) -> Option<Vec<u8>> {
    let question = Message::from_vec(bytes).ok()?;
    let mut answer = Message::new(question.metadata.id, MessageType::Response, question.metadata.op_code);
    answer.metadata.recursion_desired = question.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    answer.add_queries(question.queries.clone());
    answer.metadata.response_code = match question.queries[..] {
        [ref query] if question.metadata.op_code == OpCode::Query => match zone.addresses(&query.name().to_ascii()) {
            None => ResponseCode::NXDomain,
            Some(addresses) => {
                let asked = matches!(query.query_type(), RecordType::A | RecordType::ANY) && query.query_class() == DNSClass::IN;
                for address in addresses.into_iter().filter(|_| asked) {
                    answer.add_answer(Record::from_rdata(query.name().clone(), Zone::TTL_S, RData::A(A(address))));
                }
                ResponseCode::NoError
            }
        },
        _ => ResponseCode::NotImp,
    };
    answer.to_vec().ok()
}

#[cfg(test)]
mod tests {
    use hickory_proto::{op::Query, rr::Name};

    use super::*;

    fn ask(name: &str, kind: RecordType) -> Message {
        let zone = Zone::parse("example.org. 60 IN A 192.0.2.1\n");
        let mut question = Message::new(7, MessageType::Query, OpCode::Query);
        question.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        Message::from_vec(&answer(&question.to_vec().unwrap(), &zone).unwrap()).unwrap()
    }

    #[test]
    fn a_known_name_has_its_address_and_an_unknown_one_does_not_exist() {
        let known = ask("example.org.", RecordType::A);
        assert_eq!((known.metadata.id, known.answers.len()), (7, 1));
        assert_eq!(ask("other.org.", RecordType::A).metadata.response_code, ResponseCode::NXDomain);
    }

    #[test]
    fn a_known_name_without_such_a_record_is_an_empty_success() {
        let answer = ask("example.org.", RecordType::AAAA);
        assert_eq!((answer.metadata.response_code, answer.answers.len()), (ResponseCode::NoError, 0));
    }

    #[test]
    fn what_is_no_question_gets_no_answer() {
        assert_eq!(answer(b"junk", &Zone::default()), None);
    }
}
