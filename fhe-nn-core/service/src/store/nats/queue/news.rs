//! What services and workers tell each other: that there is work, and that a job is finished. Nothing depends on it, since
//! messages without a promise can be lost; without them everything takes a second longer.

use std::str::FromStr;
use std::sync::Arc;

use async_nats::Client;
use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::sync::futures::Notified;
use tokio::task::JoinHandle;

use super::super::connection::failed;
use crate::protocol::JobName;
use crate::store::StoreError;

const WORK: &str = "fhe-nn.news.work";
const DONE: &str = "fhe-nn.news.done";
/// News that are kept for a receiver who is slow. One who missed some looks for itself.
const KEPT: usize = 1024;

/// What is told, and what was heard.
pub(super) struct News {
    client: Client,
    work: Arc<Notify>,
    done: Sender<JobName>,
    hears: JoinHandle<()>,
}

impl News {
    /// Begins to hear.
    pub(super) async fn subscribe(client: &Client) -> Result<Self, StoreError> {
        let broken = |error| failed("the news", error);
        let mut on_work = client.subscribe(WORK).await.map_err(broken)?;
        let mut on_done = client.subscribe(DONE).await.map_err(broken)?;
        let (work, done) = (Arc::new(Notify::new()), Sender::new(KEPT));
        let hears = {
            let (work, done) = (work.clone(), done.clone());
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        Some(_) = on_work.next() => work.notify_waiters(),
                        Some(message) = on_done.next() => {
                            let name = str::from_utf8(&message.payload).map(JobName::from_str);
                            if let Ok(Ok(name)) = name {
                                // nobody may be waiting
                                let _ = done.send(name);
                            }
                        }
                        else => return,
                    }
                }
            })
        };
        Ok(News {
            client: client.clone(),
            work,
            done,
            hears,
        })
    }

    /// Tells all workers that there is work.
    pub(super) async fn tell_work(&self) {
        // whoever does not hear it looks for itself
        let _ = self.client.publish(WORK, "".into()).await;
    }

    /// Tells all services that a job is finished.
    pub(super) async fn tell_done(&self, name: &JobName) {
        // whoever does not hear it looks for itself
        let _ = self.client.publish(DONE, name.to_string().into()).await;
    }

    /// Waits until there is work.
    pub(super) fn work(&self) -> Notified<'_> {
        self.work.notified()
    }

    /// Returns the names of jobs that are finished from now on.
    pub(super) fn done(&self) -> Receiver<JobName> {
        self.done.subscribe()
    }

    /// Waits until a job is finished, or may be.
    pub(super) async fn told_of(done: &mut Receiver<JobName>, name: &JobName) {
        loop {
            match done.recv().await {
                Ok(heard) if heard == *name => return,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return,
                // the sender lives as long as whoever waits
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

impl Drop for News {
    fn drop(&mut self) {
        self.hears.abort();
    }
}
