//! Neighbours that keep what they hear and understand nothing, or pretend to.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Listens until the process of the test ends.
pub(crate) struct Ear {
    pub(crate) port: u16,
    heard: Arc<Mutex<String>>,
}

/// A conversation with one caller: reads the next piece of what it says, as text.
struct Caller {
    stream: TcpStream,
    heard: Arc<Mutex<String>>,
}

impl Caller {
    fn hear(&mut self) -> String {
        let mut piece = [0; 8 * 1024];
        let read = self.stream.read(&mut piece).unwrap_or(0);
        let text = String::from_utf8_lossy(&piece[..read]).into_owned();
        self.heard.lock().unwrap().push_str(&text);
        text
    }

    fn say(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }
}

impl Ear {
    fn with(answer: fn(&mut Caller)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, heard) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(String::new())));
        let keep = heard.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
                let mut caller = Caller { stream, heard: keep.clone() };
                std::thread::spawn(move || answer(&mut caller));
            }
        });
        Self { port, heard }
    }

    /// Wants a proxy's password, whatever it is told.
    pub(crate) fn start() -> Self {
        Self::with(|caller| {
            caller.hear();
            caller.say(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        })
    }

    /// A PostgreSQL without TLS that asks for the password in clear and refuses it, repeating it.
    pub(crate) fn refusing_postgres() -> Self {
        Self::with(|caller| {
            caller.hear();
            caller.say(b"N");
            caller.hear();
            caller.say(b"R\0\0\0\x08\0\0\0\x03");
            let said = caller.hear();
            let text = format!("SFATAL\0C28P01\0Mwrong: {}\0\0", said.trim_matches(|c: char| !c.is_ascii_graphic()));
            caller.say(b"E");
            caller.say(&u32::try_from(text.len() + 4).unwrap().to_be_bytes());
            caller.say(text.as_bytes());
        })
    }

    /// A Redis that knows no command, and repeats what it was told, as servers before version 7 do.
    pub(crate) fn refusing_redis() -> Self {
        Self::with(|caller| {
            loop {
                let said = caller.hear();
                if said.is_empty() {
                    return;
                }
                let words: Vec<_> = said.split("\r\n").filter(|word| !word.starts_with(['*', '$'])).collect();
                caller
                    .say(format!("-ERR unknown command, with args beginning with: {}\r\n", words.join(" ")).as_bytes());
            }
        })
    }

    pub(crate) fn heard(&self, text: &str) -> bool {
        self.heard.lock().unwrap().contains(text)
    }

    /// Whether a proxy would have been told this name and password (RFC 7617).
    pub(crate) fn was_told_basic(&self, user: &str, password: &str) -> bool {
        let expected = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        self.lines("proxy-authorization").iter().any(|line| line.ends_with(&expected))
    }

    /// The lines that begin with this name of a header.
    pub(crate) fn lines(&self, header: &str) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        heard.lines().filter(|line| line.to_ascii_lowercase().starts_with(header)).map(ToOwned::to_owned).collect()
    }

    pub(crate) fn forget(&self) {
        self.heard.lock().unwrap().clear();
    }
}
