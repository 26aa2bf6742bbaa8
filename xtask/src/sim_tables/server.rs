//! Asking a testbed's API server, by way of `kubectl proxy`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running proxy; ends with this value.
pub struct Server {
    proxy: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

impl Server {
    /// The API server of a testbed that runs.
    pub fn of_testbed(name: &str) -> Result<Self, String> {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        let cache = cache.or(home).ok_or("neither XDG_CACHE_HOME nor HOME is set")?;
        let file = cache.join("rehelm/run").join(name).join("testbed.json");
        let info: Value = serde_json::from_str(&super::read(&file)?).map_err(|e| e.to_string())?;
        let text = |pointer: &str| info.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let mut proxy = Command::new(text("/tools/kubectl"))
            .args(["proxy", "--port=0", "--kubeconfig", text("/kubeconfig")])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("kubectl: {e}"))?;
        let mut line = String::new();
        if let Some(out) = proxy.stdout.take() {
            BufReader::new(out).read_line(&mut line).map_err(|e| e.to_string())?;
        }
        let address = line.rsplit(' ').next().unwrap_or_default().trim().to_owned();
        Ok(Self { proxy, address })
    }

    /// The JSON behind a path.
    pub fn get(&self, path: &str) -> Result<Value, String> {
        self.ask("GET", path, "")
    }

    /// The answer to an object that is sent; a refusal is an error.
    pub fn post(&self, path: &str, object: &Value) -> Result<Value, String> {
        self.ask("POST", path, &object.to_string())
    }

    /// HTTP/1.0: the answer is whatever comes until the connection ends.
    fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
        let failed = |e: std::io::Error| format!("{method} {path}: {e}");
        let mut stream = TcpStream::connect(&self.address).map_err(failed)?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nAccept: application/json\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nUser-Agent: probe\r\n\r\n{body}"
        )
        .map_err(failed)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(failed)?;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .ok_or_else(|| format!("{method} {path}: no answer"))?;
        let ok = head.split(' ').nth(1).is_some_and(|code| code.starts_with('2'));
        if !ok {
            return Err(format!("{method} {path}: {body}"));
        }
        serde_json::from_str(body).map_err(|e| format!("{method} {path}: {e}"))
    }
}
