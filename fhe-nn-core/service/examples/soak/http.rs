//! A client that does what it is told, retries nothing and hides nothing.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// An answer of a service.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Returns the value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }

    /// Reads bytes as an answer.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] if they are none, or end too early.
    fn read(bytes: &[u8], bodiless: bool) -> io::Result<Self> {
        let early = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) = bytes.split_at(end.ok_or_else(early)? + 4);
        let head = String::from_utf8_lossy(head).into_owned();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        let answer = Answer {
            status: status.ok_or_else(early)?,
            head,
            body: body.to_vec(),
        };
        let length = answer.header("content-length");
        let length: usize = length.and_then(|text| text.parse().ok()).unwrap_or(0);
        if !bodiless && answer.body.len() != length {
            return Err(early());
        }
        Ok(answer)
    }
}

/// Calls a service on a connection of its own.
///
/// # Errors
/// What the system reports, and [`io::ErrorKind::UnexpectedEof`] if there is no whole answer.
pub(crate) fn call(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());
    let bytes = exchange(to, &[head.as_bytes(), body])?;
    Answer::read(&bytes, method == "HEAD")
}

/// Sends bytes, and reads what comes back until the service ends the connection.
///
/// # Errors
/// What the system reports. What came before an error of the connection counts.
pub(crate) fn exchange(to: SocketAddr, parts: &[&[u8]]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut sent = Ok(());
    for part in parts {
        // a service that refuses does not read to the end
        sent = sent.and_then(|()| stream.write_all(part));
    }
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if bytes.is_empty() => Err(error),
        Ok(_) if bytes.is_empty() => sent.map(|()| bytes),
        Ok(_) | Err(_) => Ok(bytes),
    }
}
