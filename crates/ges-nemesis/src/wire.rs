//! Bytes on sockets: the Redis protocol as far as a reader of the stream needs it, and HTTP that no library would send.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// An answer of Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Text(String),
    Number(i64),
    List(Vec<Reply>),
    Null,
}

impl Reply {
    /// Its elements; none of anything but a list.
    pub(crate) fn list(&self) -> &[Reply] {
        if let Self::List(list) = self { list } else { &[] }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// A connection to Redis.
pub(crate) struct RedisConnection(BufReader<TcpStream>);

impl RedisConnection {
    pub(crate) async fn open(port: u16) -> Result<Self> {
        Ok(Self(BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?)))
    }

    /// Sends one command and reads its answer. An error of the server is an error.
    pub(crate) async fn ask(&mut self, words: &[&str]) -> Result<Reply> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
        }
        self.0.get_mut().write_all(&bytes).await?;
        Box::pin(self.reply()).await
    }

    async fn reply(&mut self) -> Result<Reply> {
        let mut line = String::new();
        if self.0.read_line(&mut line).await? == 0 {
            bail!("Redis closed the connection");
        }
        let line = line.trim_end();
        let (kind, rest) = line.split_at_checked(1).context("an empty line from Redis")?;
        Ok(match kind {
            "+" => Reply::Text(rest.into()),
            ":" => Reply::Number(rest.parse()?),
            "-" => bail!("Redis refused: {rest}"),
            "$" => match usize::try_from(rest.parse::<i64>()?) {
                Err(_) => Reply::Null,
                Ok(length) => {
                    let mut bytes = vec![0; length + 2];
                    self.0.read_exact(&mut bytes).await?;
                    bytes.truncate(length);
                    Reply::Text(String::from_utf8(bytes)?)
                }
            },
            "*" => match usize::try_from(rest.parse::<i64>()?) {
                Err(_) => Reply::Null,
                Ok(length) => {
                    let mut list = Vec::with_capacity(length);
                    for _ in 0..length {
                        list.push(Box::pin(self.reply()).await?);
                    }
                    Reply::List(list)
                }
            },
            other => bail!("Redis answered with {other:?}"),
        })
    }
}

/// Sends these bytes to a loopback port and answers the status and everything after it; `None` when the server only hangs up.
///
/// # Errors
/// The connection cannot be made, or the answer takes longer than `limit`.
pub async fn raw_exchange(port: u16, request: &[u8], limit: Duration) -> Result<Option<(u16, String)>> {
    let exchange = async {
        let (mut read, mut write) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?.into_split();
        let sending = request.to_vec();
        // The server may answer and hang up before it has read everything.
        let sent = tokio::spawn(async move {
            let _ = write.write_all(&sending).await;
            write
        });
        let mut answer = Vec::new();
        let _ = read.read_to_end(&mut answer).await;
        drop(sent.await);
        anyhow::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = tokio::time::timeout(limit, exchange).await.context("no answer in time")??;
    let status = answer.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    Ok(status.map(|status| (status, answer)))
}
