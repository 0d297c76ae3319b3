//! Connections: as many as are taken, none that is slow or idle, and an end that leaves nobody without an answer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use super::patient::Patient;
use super::{App, Metrics, Settings, Tls, descriptors, health};
use crate::store::Queue;

/// The largest head of a call that is read, in bytes.
const HEAD: usize = 64 << 10;
/// Bytes of an answer that the system holds for a caller.
const SENT: usize = 256 << 10;
/// Bytes that are taken at once from a caller who was refused.
const PIECE: usize = 64 << 10;
/// How long a caller who was refused may be quiet before its connection is closed.
const QUIET: Duration = Duration::from_secs(1);

/// A service that listens.
pub struct Server {
    listener: TcpListener,
    tls: Option<Tls>,
}

/// Why a service cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ServeError {
    /// Where it was to listen.
    address: SocketAddr,
    source: io::Error,
}

impl Server {
    /// Listens.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn listen(address: SocketAddr, tls: Option<Tls>) -> Result<Self, ServeError> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| ServeError { address, source })?;
        Ok(Server { listener, tls })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system reports.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers calls until `end`. Then nothing new is taken, and whoever waits is answered or promised its replies.
    pub async fn run(self, app: Arc<App>, end: impl Future<Output = ()>) {
        let expiring = tokio::spawn(health::expire(Arc::clone(&app)));
        let settings = &app.parts.settings;
        let graceful = GracefulShutdown::new();
        self.take(&app.router(), settings, &graceful, end).await;
        tracing::info!("the service ends");
        drop(self.listener);
        let grace = settings.grace;
        // connections close after the answer that they wait for
        let closed = tokio::time::timeout(2 * grace, graceful.shutdown());
        let (closed, ()) = tokio::join!(closed, app.drain());
        if closed.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        expiring.abort();
    }

    /// Tells whoever asks that this process of workers lives, and what it counts, for as long as it is polled.
    pub async fn tell(self, metrics: Arc<Metrics>, queue: Arc<dyn Queue>) {
        let settings = Settings {
            connections: 16,
            ..Settings::default()
        };
        let router = health::of_workers(metrics, queue);
        let for_ever = std::future::pending();
        self.take(&router, &settings, &GracefulShutdown::new(), for_ever)
            .await;
    }

    /// Takes connections until `end`.
    async fn take(
        &self,
        router: &axum::Router,
        settings: &Settings,
        graceful: &GracefulShutdown,
        end: impl Future<Output = ()>,
    ) {
        let connections = descriptors::connections(settings.connections);
        let connections = Arc::new(Semaphore::new(connections));
        let mut end = std::pin::pin!(end);
        loop {
            let accepted = async {
                // a connection beyond them waits in the system's queue
                let permit = Arc::clone(&connections).acquire_owned().await;
                (permit, self.listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                () = &mut end => return,
                accepted = accepted => accepted,
            };
            match (permit, accepted) {
                (Ok(permit), Ok((stream, _))) => {
                    let watcher = graceful.watcher();
                    let (tls, router) = (self.tls.clone(), router.clone());
                    let slowness = Slowness::of(settings);
                    tokio::spawn(connection(stream, tls, router, slowness, watcher, permit));
                }
                // too many open files, mostly
                (_, Err(error)) => {
                    tracing::warn!(%error, "no connection can be taken");
                    sleep(Duration::from_millis(100)).await;
                }
                (Err(_), Ok(_)) => unreachable!("the semaphore is never closed"),
            }
        }
    }
}

/// How slow a connection may be.
#[derive(Debug, Clone, Copy)]
struct Slowness {
    pause: Duration,
    /// Bytes a second.
    slowest: u64,
}

impl Slowness {
    fn of(settings: &Settings) -> Self {
        Slowness {
            pause: settings.pause,
            slowest: settings.slowest,
        }
    }
}

/// Answers the calls of one connection.
async fn connection(
    stream: TcpStream,
    tls: Option<Tls>,
    router: axum::Router,
    Slowness { pause, slowest }: Slowness,
    watcher: hyper_util::server::graceful::Watcher,
    _permit: OwnedSemaphorePermit,
) {
    // small answers are not held back
    let _ = stream.set_nodelay(true);
    // the system tells of room when a third of the buffer is free, which must not take a slow reader too long
    let _ = set_socket_send_buffer_size(&stream, SENT);
    let Ok((stream, rest)) = doubled(stream) else {
        return;
    };
    let stream = Patient::new(stream, pause, slowest);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(pause)
        .max_buf_size(HEAD)
        .keep_alive(true);
    let service = TowerToHyperService::new(router);
    let ended = match tls {
        None => {
            let served = http.serve_connection(TokioIo::new(stream), service);
            watcher.watch(served).await
        }
        Some(tls) => match tokio::time::timeout(pause, tls.greet(stream)).await {
            Ok(Ok(stream)) => {
                let served = http.serve_connection(TokioIo::new(stream), service);
                watcher.watch(served).await
            }
            Ok(Err(_)) | Err(_) => return,
        },
    };
    if let Err(error) = ended {
        // what a stranger sends is no concern of the operator
        tracing::debug!(%error, "a connection ended early");
    }
    linger(rest, pause).await;
}

/// A second handle of a connection.
fn doubled(stream: TcpStream) -> io::Result<(TcpStream, TcpStream)> {
    let stream = stream.into_std()?;
    let second = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, TcpStream::from_std(second)?))
}

/// Takes what a caller still sends after the last answer, for a while: a connection that is closed before, is reset,
/// and the caller never reads why it was refused.
async fn linger(mut rest: TcpStream, pause: Duration) {
    let end = Instant::now() + pause;
    let mut piece = vec![0; PIECE];
    loop {
        let until = end.min(Instant::now() + QUIET);
        let read = rest.read(&mut piece);
        match tokio::time::timeout_at(until, read).await {
            Ok(Ok(count)) if count > 0 => {}
            Ok(Ok(_)) | Ok(Err(_)) | Err(_) => return,
        }
    }
}
