//! The proxy's protocol: SOCKS 5 (RFC 1928) with a user and a password (RFC 1929), and nothing of it but `CONNECT`.

use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, Ipv6Addr};

use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::mongo::Proxy;

/// What the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Done = 0,
    NotAllowed = 2,
    Unreachable = 4,
    Unsupported = 7,
}

const VERSION: u8 = 5;
const BY_PASSWORD: u8 = 2;
const NO_WAY_IN: u8 = 0xff;

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

/// Reads who asks and where to; refuses who does not know the password.
pub(super) async fn asked(stream: &mut TcpStream, proxy: &Proxy) -> Result<(String, u16)> {
    let [version, count] = bytes(stream).await?;
    if version != VERSION {
        return Err(malformed("another protocol"));
    }
    let mut methods = vec![0; usize::from(count)];
    stream.read_exact(&mut methods).await?;
    if !methods.contains(&BY_PASSWORD) {
        stream.write_all(&[VERSION, NO_WAY_IN]).await?;
        return Err(malformed("no password is offered"));
    }
    stream.write_all(&[VERSION, BY_PASSWORD]).await?;
    let [_, length] = bytes(stream).await?;
    let user = text(stream, length).await?;
    let [length] = bytes(stream).await?;
    let password = text(stream, length).await?;
    let known = user == proxy.user && password == proxy.password.expose_secret();
    stream.write_all(&[1, u8::from(!known)]).await?;
    if !known {
        return Err(malformed("a wrong password"));
    }
    let [_, command, _, kind] = bytes(stream).await?;
    let host = match kind {
        1 => Ipv4Addr::from(bytes::<4>(stream).await?).to_string(),
        4 => Ipv6Addr::from(bytes::<16>(stream).await?).to_string(),
        3 => {
            let [length] = bytes(stream).await?;
            text(stream, length).await?
        }
        _ => return Err(malformed("an unknown kind of address")),
    };
    let port = u16::from_be_bytes(bytes(stream).await?);
    if command != 1 {
        reply(stream, Reply::Unsupported).await?;
        return Err(malformed("a command that is not served"));
    }
    Ok((host, port))
}

/// Answers; the address that goes with it means nothing to anybody.
pub(super) async fn reply(stream: &mut TcpStream, reply: Reply) -> Result<()> {
    stream.write_all(&[VERSION, reply as u8, 0, 1, 0, 0, 0, 0, 0, 0]).await
}

async fn bytes<const N: usize>(stream: &mut TcpStream) -> Result<[u8; N]> {
    let mut read = [0; N];
    stream.read_exact(&mut read).await?;
    Ok(read)
}

async fn text(stream: &mut TcpStream, length: u8) -> Result<String> {
    let mut read = vec![0; usize::from(length)];
    stream.read_exact(&mut read).await?;
    String::from_utf8(read).map_err(|_| malformed("a name that is no text"))
}
