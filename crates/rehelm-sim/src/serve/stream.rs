//! Connections that became web sockets: each binary message begins with the number of its channel.
//!
//! Port-forwarding has two channels for each port, bytes and errors, both of which begin with the port's number. A command
//! has 0 for its input, 1 for its output, 2 for its errors, 3 for how it ended.

mod process;

use std::net::SocketAddr;

use futures::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::inside::{Ended, Stream};

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Bytes of one message at most.
const PIECE: usize = 32 * 1024;

/// Carries a stream until one side ends it.
pub(super) async fn carry(stream: Stream, upgraded: OnUpgrade) {
    let Ok(upgraded) = upgraded.await else { return };
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    match stream {
        Stream::Ports(ports) => forward(socket, ports).await,
        Stream::Said(ended) => say(socket, ended).await,
        Stream::Runs(command, variables) => process::run(socket, &command, &variables).await,
    }
}

fn message(channel: u8, bytes: &[u8]) -> Message {
    let mut whole = Vec::with_capacity(bytes.len() + 1);
    whole.push(channel);
    whole.extend_from_slice(bytes);
    Message::binary(whole)
}

/// How a command ended, as the server words it.
fn status(code: i32) -> String {
    let status = match code {
        0 => json!({"metadata": {}, "status": "Success"}),
        code => json!({
            "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
    };
    status.to_string()
}

async fn say(mut socket: Socket, ended: Ended) {
    let status = status(ended.code);
    let parts = [
        (1, ended.stdout.as_bytes()),
        (2, ended.stderr.as_bytes()),
        (3, status.as_bytes()),
    ];
    for (channel, bytes) in parts {
        for piece in bytes.chunks(PIECE) {
            if socket.send(message(channel, piece)).await.is_err() {
                return;
            }
        }
    }
    let _ = socket.close(None).await;
    // The client closes its half.
    while let Some(Ok(_)) = socket.next().await {}
}

async fn forward(socket: Socket, ports: Vec<(u16, Option<SocketAddr>)>) {
    let (mut sink, mut source) = socket.split();
    let (sender, mut outgoing) = mpsc::channel::<Message>(16 + 3 * ports.len());
    let mut writers = Vec::new();
    for (index, (port, address)) in (0u8..).zip(&ports) {
        for channel in [2 * index, 2 * index + 1] {
            let _ = sender.send(message(channel, &port.to_le_bytes())).await;
        }
        let connected = match address {
            Some(address) => TcpStream::connect(address).await.ok(),
            None => None,
        };
        let Some(stream) = connected else {
            let why = format!("an error occurred forwarding {port}: connection refused");
            let _ = sender.send(message(2 * index + 1, why.as_bytes())).await;
            writers.push(None);
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        writers.push(Some(writer));
        tokio::spawn(read(reader, 2 * index, sender.clone()));
    }
    drop(sender);
    let send = async {
        while let Some(message) = outgoing.recv().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
        // Every port's program has ended its side.
        let _ = sink.close().await;
    };
    let receive = async {
        while let Some(Ok(message)) = source.next().await {
            let Message::Binary(bytes) = message else { continue };
            let Some((channel, bytes)) = bytes.split_first() else {
                continue;
            };
            let writer = writers.get_mut(usize::from(channel / 2)).and_then(Option::as_mut);
            if let Some(writer) = writer.filter(|_| channel % 2 == 0)
                && writer.write_all(bytes).await.is_err()
            {
                return;
            }
        }
    };
    // The client's end of the connection ends the rest.
    tokio::select! {
        () = async { send.await; std::future::pending::<()>().await } => {}
        () = receive => {}
    }
}

async fn read(mut reader: impl AsyncRead + Unpin, channel: u8, sender: mpsc::Sender<Message>) {
    let mut buffer = vec![0; PIECE];
    while let Ok(count @ 1..) = reader.read(&mut buffer).await {
        if sender.send(message(channel, &buffer[..count])).await.is_err() {
            return;
        }
    }
}
