//! A lean Redis connection. The yardstick of the drain must not be slowed by its client, so requests are plain bytes.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The stream that starts sessions.
pub(crate) const STREAM: &str = "NewCallbackStream";

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Nothing,
    Number(i64),
    Text(String),
    List(Vec<Reply>),
}

impl Reply {
    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(crate) fn list(&self) -> &[Reply] {
        if let Self::List(list) = self { list } else { &[] }
    }
}

/// An entry of the stream.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Entry {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// The server's milliseconds at which it was added.
    pub(crate) fn added_ms(&self) -> Result<i64> {
        Ok(self.id.split('-').next().unwrap_or_default().parse()?)
    }

    fn read(reply: &Reply) -> Result<Self> {
        let [id, fields] = reply.list() else { bail!("not an entry: {reply:?}") };
        let words: Vec<_> = fields.list().iter().filter_map(Reply::text).collect();
        let fields = words.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect();
        Ok(Self { id: id.text().context("an entry without id")?.to_owned(), fields })
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Redis {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Redis {
    pub(crate) async fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(1 << 16) })
    }

    /// One command and its answer.
    pub(crate) async fn call(&mut self, words: &[&str]) -> Result<Reply> {
        self.send(&command(words)).await?;
        self.reply().await
    }

    /// Sends commands that [`command`] has written.
    pub(crate) async fn send(&mut self, commands: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(commands).await?)
    }

    /// The next answer.
    pub(crate) async fn reply(&mut self) -> Result<Reply> {
        loop {
            if let Some((reply, used)) = parse(&self.buffer)? {
                self.buffer.drain(..used);
                return Ok(reply);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("Redis closed the connection");
            }
        }
    }

    /// Waits for the next `count` answers and forgets them.
    pub(crate) async fn skip(&mut self, count: usize) -> Result<()> {
        let (mut seen, mut at) = (0, 0);
        while seen < count {
            match parse(&self.buffer[at..])? {
                Some((_, used)) => (seen, at) = (seen + 1, at + used),
                None => {
                    self.buffer.drain(..at);
                    at = 0;
                    if self.stream.read_buf(&mut self.buffer).await? == 0 {
                        bail!("Redis closed the connection");
                    }
                }
            }
        }
        self.buffer.drain(..at);
        Ok(())
    }

    /// Entries ever added to the stream, trimmed ones included.
    pub(crate) async fn added(&mut self) -> Result<usize> {
        if self.call(&["EXISTS", STREAM]).await? == Reply::Number(0) {
            return Ok(0);
        }
        let reply = self.call(&["XINFO", "STREAM", STREAM]).await?;
        let named = reply.list().chunks_exact(2).find(|pair| pair[0].text() == Some("entries-added"));
        let Some([_, Reply::Number(added)]) = named else {
            bail!("this Redis does not count entries; take 7 or newer")
        };
        Ok(usize::try_from(*added)?)
    }

    /// Every entry of the stream, oldest first.
    pub(crate) async fn entries(&mut self) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let from = entries.last().map_or_else(|| "-".to_owned(), |last| format!("({}", last.id));
            let page = self.call(&["XRANGE", STREAM, &from, "+", "COUNT", "1000"]).await?;
            if page.list().is_empty() {
                return Ok(entries);
            }
            for entry in page.list() {
                entries.push(Entry::read(entry)?);
            }
        }
    }

    /// Entries after `id`, waiting at most `wait_ms` for one.
    pub(crate) async fn after(&mut self, id: &str, wait_ms: u32) -> Result<Vec<Entry>> {
        let wait = wait_ms.to_string();
        let reply = self.call(&["XREAD", "COUNT", "1000", "BLOCK", &wait, "STREAMS", STREAM, id]).await?;
        let stream = reply.list().first().map(Reply::list).unwrap_or_default();
        stream.get(1).map(Reply::list).unwrap_or_default().iter().map(Entry::read).collect()
    }

    /// Calls by command since the start of the server, without those of this bench and of stream consumers.
    pub(crate) async fn calls(&mut self) -> Result<BTreeMap<String, f64>> {
        const OTHERS: [&str; 9] = ["config", "del", "exists", "info", "xack", "xautoclaim", "xinfo", "xrange", "xread"];
        let reply = self.call(&["INFO", "commandstats"]).await?;
        let mut calls = BTreeMap::new();
        for line in reply.text().unwrap_or_default().lines() {
            let Some((name, facts)) = line.strip_prefix("cmdstat_").and_then(|line| line.split_once(":calls=")) else {
                continue;
            };
            let ours = OTHERS.contains(&name.split('|').next().unwrap_or(name)) || name.starts_with("xreadgroup");
            if !ours && !name.starts_with("xgroup") {
                calls.insert(name.to_owned(), facts.split(',').next().unwrap_or_default().parse()?);
            }
        }
        Ok(calls)
    }
}

/// A command as it goes over the wire.
pub(crate) fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// The first answer in `bytes` and how many bytes it takes; `None` while it is not whole.
fn parse(bytes: &[u8]) -> Result<Option<(Reply, usize)>> {
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let (kind, line) = (bytes[0], std::str::from_utf8(&bytes[1..end])?);
    let at = end + 2;
    let reply = match kind {
        b'+' => Reply::Text(line.to_owned()),
        b'-' => bail!("Redis refuses: {line}"),
        b':' => Reply::Number(line.parse()?),
        b'$' => {
            let Ok(length) = usize::try_from(line.parse::<i64>()?) else { return Ok(Some((Reply::Nothing, at))) };
            if bytes.len() < at + length + 2 {
                return Ok(None);
            }
            let text = String::from_utf8_lossy(&bytes[at..at + length]).into_owned();
            return Ok(Some((Reply::Text(text), at + length + 2)));
        }
        b'*' => {
            let Ok(length) = usize::try_from(line.parse::<i64>()?) else { return Ok(Some((Reply::Nothing, at))) };
            let (mut list, mut at) = (Vec::with_capacity(length), at);
            for _ in 0..length {
                let Some((reply, used)) = parse(&bytes[at..])? else { return Ok(None) };
                list.push(reply);
                at += used;
            }
            return Ok(Some((Reply::List(list), at)));
        }
        other => bail!("Redis speaks another protocol: {other}"),
    };
    Ok(Some((reply, at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_not_at_all() {
        let bytes = b"*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$2\r\n\r\n\r\n:7\r\n";
        let whole = bytes.len() - 4;
        for cut in 0..whole {
            assert_eq!(parse(&bytes[..cut]).unwrap(), None, "{cut}");
        }
        let (reply, used) = parse(bytes).unwrap().unwrap();
        assert_eq!(used, whole);
        let entry = Entry::read(&reply).unwrap();
        assert_eq!((entry.id.as_str(), entry.field("a"), entry.added_ms().unwrap()), ("1-0", "\r\n", 1));
        assert_eq!(parse(b"$-1\r\n").unwrap().unwrap().0, Reply::Nothing);
        assert!(parse(b"-ERR no\r\n").is_err());
    }

    #[test]
    fn commands_carry_lengths_in_bytes() {
        assert_eq!(command(&["GET", "ä"]), "*2\r\n$3\r\nGET\r\n$2\r\nä\r\n".as_bytes());
    }
}
