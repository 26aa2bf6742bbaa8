//! MongoDB's wire protocol, as much of it as drivers speak: `OP_MSG` both ways, and `OP_QUERY` on `$cmd` for the first
//! hello of older clients. Documents stay raw bytes, so that nothing is lost between the client and the store.
//!
//! Source: <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>.

use std::io;

use bson::{RawDocument, RawDocumentBuf};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const OP_REPLY: i32 = 1;
const OP_QUERY: i32 = 2004;
const OP_MSG: i32 = 2013;
const CHECKSUM: u32 = 1;
const MORE_TO_COME: u32 = 2;
/// What real servers accept, with room for replies of the store, which are not cut at 16 MiB.
const LONGEST: usize = 256 << 20;

/// One command of a client.
pub(super) struct Request {
    pub id: i32,
    /// The command's name as sent.
    pub name: String,
    pub database: String,
    pub body: RawDocumentBuf,
    /// Document sequences (`insert`'s documents) as they came.
    pub sequences: Vec<u8>,
    /// Came as `OP_QUERY`, so the reply is an `OP_REPLY`.
    pub old: bool,
    /// The client does not wait for an answer.
    pub silent: bool,
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn int(bytes: &[u8], at: usize) -> io::Result<i32> {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map(i32::from_le_bytes).ok_or_else(|| bad("message too short"))
}

/// The document at the beginning of `bytes`, and what follows it.
fn document(bytes: &[u8]) -> io::Result<(RawDocumentBuf, &[u8])> {
    let length = usize::try_from(int(bytes, 0)?).map_err(|_| bad("negative length"))?;
    let own = bytes.get(..length).ok_or_else(|| bad("document too short"))?;
    let raw = RawDocumentBuf::from_bytes(own.to_vec()).map_err(|error| bad(&error.to_string()))?;
    Ok((raw, &bytes[length..]))
}

/// One whole message: its id, operation and what follows the header; None at the end of the stream.
async fn message(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(i32, i32, Vec<u8>)>> {
    let mut header = [0; 16];
    match from.read_exact(&mut header).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    };
    let length = usize::try_from(int(&header, 0)?)
        .ok()
        .filter(|length| (16..=LONGEST).contains(length));
    let mut rest = vec![0; length.ok_or_else(|| bad("message length"))? - 16];
    from.read_exact(&mut rest).await?;
    Ok(Some((int(&header, 4)?, int(&header, 12)?, rest)))
}

/// The body and the sequences of an `OP_MSG`.
fn sections(mut rest: &[u8]) -> io::Result<(RawDocumentBuf, Vec<u8>)> {
    let (mut body, mut sequences) = (None, Vec::new());
    while let Some((kind, after)) = rest.split_first() {
        if *kind == 0 {
            let (found, after) = document(after)?;
            (body, rest) = (Some(found), after);
        } else {
            let length = usize::try_from(int(after, 0)?).map_err(|_| bad("negative length"))?;
            sequences.extend(rest.get(..=length).ok_or_else(|| bad("sequence too short"))?);
            rest = &rest[length + 1..];
        }
    }
    Ok((body.ok_or_else(|| bad("message without a body"))?, sequences))
}

/// Reads a client's next command; None when it has hung up.
pub(super) async fn request(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Request>> {
    let Some((id, operation, rest)) = message(from).await? else {
        return Ok(None);
    };
    let flags = int(&rest, 0)? as u32;
    let (body, sequences, database) = match operation {
        OP_MSG => {
            let end = rest.len() - if flags & CHECKSUM == 0 { 0 } else { 4 };
            let (body, sequences) = sections(rest.get(4..end).ok_or_else(|| bad("message too short"))?)?;
            let database = body.get_str("$db").map_err(|_| bad("no $db"))?.to_owned();
            (body, sequences, database)
        }
        OP_QUERY => {
            let end = rest[4..]
                .iter()
                .position(|byte| *byte == 0)
                .ok_or_else(|| bad("no namespace"))?
                + 4;
            let namespace = String::from_utf8_lossy(&rest[4..end]);
            let database = namespace
                .strip_suffix(".$cmd")
                .ok_or_else(|| bad("only commands are served"))?
                .to_owned();
            let (body, _) = document(rest.get(end + 9..).ok_or_else(|| bad("query too short"))?)?;
            (body, Vec::new(), database)
        }
        _ => return Err(bad("unknown operation")),
    };
    let name = match body.iter().next() {
        Some(Ok((name, _))) => name.to_owned(),
        _ => return Err(bad("empty command")),
    };
    let silent = operation == OP_MSG && flags & MORE_TO_COME != 0;
    Ok(Some(Request {
        id,
        name,
        database,
        body,
        sequences,
        old: operation == OP_QUERY,
        silent,
    }))
}

/// Answers a command.
pub(super) async fn reply(
    to: &mut (impl AsyncWrite + Unpin),
    request: &Request,
    reply: &RawDocument,
) -> io::Result<()> {
    let mut payload = Vec::with_capacity(reply.as_bytes().len() + 36);
    if request.old {
        payload.extend([0; 16]);
        payload.extend(1_i32.to_le_bytes());
    } else {
        payload.extend([0; 5]);
    }
    payload.extend(reply.as_bytes());
    send(to, request.id, if request.old { OP_REPLY } else { OP_MSG }, &payload).await
}

/// Asks the store and reads its answer.
pub(super) async fn ask<S>(store: &mut S, body: &RawDocument, sequences: &[u8]) -> io::Result<RawDocumentBuf>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut payload = vec![0; 5];
    payload.extend(body.as_bytes());
    payload.extend(sequences);
    send(store, 0, OP_MSG, &payload).await?;
    let (_, _, rest) = message(store)
        .await?
        .ok_or_else(|| bad("the store closed the connection"))?;
    Ok(sections(rest.get(4..).ok_or_else(|| bad("message too short"))?)?.0)
}

async fn send(to: &mut (impl AsyncWrite + Unpin), answers: i32, operation: i32, payload: &[u8]) -> io::Result<()> {
    let length = i32::try_from(payload.len() + 16).map_err(|_| bad("message too long"))?;
    let mut bytes = Vec::with_capacity(payload.len() + 16);
    for field in [length, 1, answers, operation] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(payload);
    to.write_all(&bytes).await
}
