//! Options of a client.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use fhe_nn_core::ServerIdentity;
use reqwest::header::HeaderValue;
use reqwest::{Certificate, Url, redirect};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};

use super::calls::Client;
use super::transport::Transport;
use super::{ClientError, Event};
use crate::protocol::{PublishedKeys, Token};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// Options of a client; see [`Client::builder`].
pub struct ClientBuilder {
    url: String,
    token: Option<Token>,
    plain_http: bool,
    roots: Vec<Vec<u8>>,
    patience: Duration,
    timeout: Duration,
    wait: Duration,
    trusted: Option<PublishedKeys>,
    listener: Arc<dyn Fn(Event) + Send + Sync>,
}

impl ClientBuilder {
    pub(super) fn new(url: &str) -> Self {
        ClientBuilder {
            url: url.to_owned(),
            token: None,
            plain_http: false,
            roots: Vec::new(),
            patience: Duration::from_secs(300),
            timeout: Duration::from_secs(30),
            wait: Duration::from_secs(20),
            trusted: None,
            listener: Arc::new(|_| {}),
        }
    }

    /// Calls with a token.
    pub fn token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Allows an address without TLS that is not on this machine. Then whoever is on the way can read the token, and
    /// change descriptions, keys and replies.
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Trusts these certificates (PEM) beside those of the system, as one that the server made for itself.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(pem.into());
        self
    }

    /// Repeats a call that fails for so long. The default is 5 minutes.
    pub fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// Ends an attempt that takes longer, beyond the time that the server was asked to wait, and beyond 1 s for each
    /// 64 kB of an evaluation key. The default is 30 s.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// Asks the server to hold its answer for so long until there are replies. The default is 20 s.
    pub fn wait(mut self, time: Duration) -> Self {
        self.wait = time;
        self
    }

    /// Trusts receipts that are signed with this key, and no others. Otherwise, the key is the one in the description,
    /// which is as trustworthy as the connection that it came over.
    pub fn server_identity(self, key: ServerIdentity) -> Self {
        self.server_identities(PublishedKeys::single(key))
    }

    /// Trusts receipts that are signed with one of these keys, and no others.
    pub fn server_identities(mut self, keys: PublishedKeys) -> Self {
        self.trusted = Some(keys);
        self
    }

    /// Tells a function what the client does. It is called from the task that does it, and must return soon.
    pub fn on_event(mut self, listener: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.listener = Arc::new(listener);
        self
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Address`], [`ClientError::PlainHttp`] and [`ClientError::Tls`].
    pub fn build(self) -> Result<Client, ClientError> {
        let base = self.address()?;
        if CryptoProvider::get_default().is_none() {
            // somebody else may have installed one meanwhile, which does as well
            let _ = ring::default_provider().install_default();
        }
        let tls = |source: reqwest::Error| ClientError::Tls(source.to_string());
        let mut roots = Vec::new();
        for pem in &self.roots {
            roots.extend(Certificate::from_pem_bundle(pem).map_err(tls)?);
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("fhe-nn/", env!("CARGO_PKG_VERSION")))
            // the protocol has no redirections, and a token must not follow one
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .tls_certs_merge(roots)
            .build()
            .map_err(tls)?;
        let authorization = self.token.map(|token| {
            let value = format!("Bearer {}", token.reveal());
            let mut value = HeaderValue::from_str(&value).expect("a token is ASCII");
            value.set_sensitive(true);
            value
        });
        Ok(Client::new(
            Transport {
                http,
                base,
                authorization,
                patience: self.patience,
                timeout: self.timeout,
                listener: self.listener,
            },
            self.wait,
            self.trusted,
        ))
    }

    /// Returns the address, which has TLS or is on this machine, if nothing else is allowed.
    fn address(&self) -> Result<Url, ClientError> {
        let url = self.url.clone();
        let address = |reason: &str| ClientError::Address {
            url: url.clone(),
            reason: reason.to_owned(),
        };
        let parsed = Url::parse(&self.url).map_err(|source| address(&source.to_string()))?;
        if !matches!(parsed.path(), "" | "/") || parsed.query().is_some() {
            return Err(address(
                "it has a path, but the paths are those of the protocol",
            ));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(address("it has a user, but a token says who calls"));
        }
        let here = match parsed.host_str() {
            Some("localhost") => true,
            Some(host) => {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                host.parse()
                    .is_ok_and(|address: IpAddr| address.is_loopback())
            }
            None => return Err(address("it has no host")),
        };
        match parsed.scheme() {
            "https" => Ok(parsed),
            "http" if here || self.plain_http => Ok(parsed),
            "http" => Err(ClientError::PlainHttp { url }),
            other => Err(address(&format!("`{other}` is neither `https` nor `http`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        let refused = ClientBuilder::new(url).build();
        refused.err().expect("it is no address").to_string()
    }

    #[test]
    fn addresses_without_tls_are_on_this_machine() {
        for url in [
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://[::1]:80/",
            "https://example.org",
        ] {
            assert!(ClientBuilder::new(url).build().is_ok(), "{url}");
        }
        let far = "http://example.org";
        assert!(refused(far).contains("has no TLS"));
        assert!(ClientBuilder::new(far).allow_plain_http().build().is_ok());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (url, reason) in [
            ("127.0.0.1:8080", "is not the address"),
            ("ftp://127.0.0.1", "neither `https` nor `http`"),
            ("https://example.org/v1", "it has a path"),
            ("https://me:secret@example.org", "it has a user"),
        ] {
            let told = refused(url);
            assert!(told.contains(reason), "{told}");
        }
    }

    #[test]
    fn certificates_that_are_none_are_refused() {
        let builder = ClientBuilder::new("https://example.org");
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let refused = builder.root_certificates(pem).build();
        assert!(matches!(refused, Err(ClientError::Tls(_))));
    }
}
