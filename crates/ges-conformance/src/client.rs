//! HTTP/1.1 by hand: what is sent is what the test wrote, which no client library promises.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Longer answers are a failure, not a slow machine.
const ANSWER_WITHIN: Duration = Duration::from_secs(40);

/// What to send.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request without headers and body. `target`: path and query exactly as they go over the wire.
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: None }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a body and its length.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(self.body.iter().flatten());
        bytes
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body as text.
    pub body: String,
}

impl Reply {
    fn read(bytes: &[u8]) -> Result<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("no whole answer: {text:?}"))?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let reply = Self { status, headers, body: body.to_owned() };
        match reply.header("content-length").map(str::parse::<usize>) {
            Some(Ok(length)) if length != body.len() => bail!("{length} bytes announced, {} came", body.len()),
            _ => Ok(reply),
        }
    }

    /// The only header of that name; none when it is missing or comes more than once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// `status.code`.
    pub fn code(&self) -> Option<u64> {
        self.json()["status"]["code"].as_u64()
    }

    /// `status.corrId`.
    pub fn corr_id(&self) -> String {
        self.json()["status"]["corrId"].as_str().unwrap_or_default().to_owned()
    }

    /// `status.message`.
    pub fn message(&self) -> String {
        self.json()["status"]["message"].as_str().unwrap_or_default().to_owned()
    }

    /// `data`.
    pub fn data(&self) -> Value {
        self.json()["data"].clone()
    }
}

/// Sends a request to a loopback port over a connection of its own.
///
/// # Errors
/// There is no connection, or no whole answer.
pub fn send(port: u16, request: &Request) -> Result<Reply> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).context("no connection")?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_nodelay(true)?;
    // A server that refuses a large body may answer before it has read all of it; then writing fails and reading does not.
    let written = stream.write_all(&request.bytes());
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    if answer.is_empty() {
        written?;
        read?;
    }
    Reply::read(&answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_was_written() {
        let request = Request::new("POST", "/a%2Fb?_=1").header("X-Api-Key", "k").body("{}");
        let text = String::from_utf8(request.bytes()).unwrap();
        assert!(text.starts_with("POST /a%2Fb?_=1 HTTP/1.1\r\n"), "{text}");
        assert!(text.ends_with("X-Api-Key: k\r\ncontent-length: 2\r\n\r\n{}"), "{text}");
    }

    #[test]
    fn a_doubled_header_is_no_header_and_a_short_body_no_answer() {
        let reply = Reply::read(b"HTTP/1.1 204 No Content\r\nA: 1\r\na: 2\r\nB: 3\r\n\r\n").unwrap();
        assert_eq!((reply.status, reply.header("a"), reply.header("b")), (204, None, Some("3")));
        assert!(Reply::read(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc").is_err());
        assert!(Reply::read(b"").is_err());
    }
}
