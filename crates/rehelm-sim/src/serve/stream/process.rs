//! A command that runs as a process of this machine, in place of one in a container.

use std::process::Stdio;

use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::{Socket, message, read, status};

/// Runs it until it ends; when the client goes away first, it is killed.
pub(super) async fn run(socket: Socket, command: &[String], variables: &[(String, String)]) {
    let (mut sink, mut source) = socket.split();
    let mut child = match start(command, variables) {
        Ok(child) => child,
        Err(error) => {
            let program = command.first().map(String::as_str).unwrap_or_default();
            let words = format!("exec failed: unable to start container process: exec: {program:?}: {error}");
            let status = json!({"metadata": {}, "status": "Failure", "reason": "InternalError", "message": words});
            let _ = sink.send(message(3, status.to_string().as_bytes())).await;
            let _ = sink.close().await;
            return;
        }
    };
    let (sender, mut said) = mpsc::channel::<Message>(16);
    if let Some(stdout) = child.stdout.take() {
        tokio::spawn(read(stdout, 1, sender.clone()));
    }
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(read(stderr, 2, sender.clone()));
    }
    drop(sender);
    let mut stdin = child.stdin.take();
    let tell = async {
        while let Some(message) = said.recv().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
        let code = child.wait().await.ok().and_then(|status| status.code());
        let _ = sink.send(message(3, status(code.unwrap_or(137)).as_bytes())).await;
        let _ = sink.close().await;
    };
    let hear = async {
        while let Some(Ok(message)) = source.next().await {
            let Message::Binary(bytes) = message else { continue };
            if let (Some((0, bytes)), Some(stdin)) = (bytes.split_first(), &mut stdin) {
                // A program need not read what it is given.
                let _ = stdin.write_all(bytes).await;
            }
        }
    };
    tokio::select! {
        () = tell => {}
        () = hear => {}
    }
}

fn start(command: &[String], variables: &[(String, String)]) -> std::io::Result<Child> {
    let (program, arguments) = command.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut process = Command::new(program);
    process.args(arguments).env_clear().kill_on_drop(true);
    process.envs(variables.iter().map(|(name, value)| (name, value)));
    process
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    process.spawn()
}
