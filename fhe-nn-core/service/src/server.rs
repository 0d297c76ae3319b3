//! Inference as a service over HTTP: the calls of [`protocol`](crate::protocol), on any store and queue.
//!
//! | part | what it does |
//! |---|---|
//! | [`Service`] | a service with its workers, in one process |
//! | [`Models`] | the models that are served, in all their versions |
//! | `caller` | who calls, by a bearer token |
//! | `models`, `keys`, `inferences`, `health` | the calls |
//! | `incoming` | bodies as they come: limited, timed, hashed |
//! | [`Page`] | the page at `/` |
//! | `answer` | every problem as `application/problem+json` |
//! | `uploads` | how many keys arrive at once |
//! | `connections`, `patient`, `descriptors` | TLS, slow and idle connections, how many there may be, the end of the service |

mod answer;
mod app;
mod asked;
mod caller;
mod connections;
mod descriptors;
mod health;
mod incoming;
mod inferences;
mod keys;
mod metrics;
mod models;
mod openapi;
mod page;
mod patient;
mod routes;
mod service;
mod settings;
mod tls;
mod uploads;
mod versions;

pub use app::{App, Parts};
pub use connections::{ServeError, Server};
pub use metrics::Metrics;
pub use openapi::document;
pub use page::{Page, PageError};
pub use service::{Service, StartError, Stores, Work, signing_keys};
pub use settings::Settings;
pub use tls::{Tls, TlsError};
pub use versions::{Models, ModelsError, Version};
