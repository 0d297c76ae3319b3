//! One encrypted inference between a client and a server. Nothing but bytes goes between them.

use std::time::{Duration, Instant};

use fhe_nn_core::Error;
use fhe_nn_core::prelude::*;

/// The result of an inference.
pub struct Exchange {
    /// The decrypted scores.
    pub scores: Scores,
    /// The server's time, from the bytes of the request to the bytes of the reply.
    pub time: Duration,
    /// Number of bytes of the request.
    pub request_bytes: usize,
    /// Number of bytes of the reply.
    pub reply_bytes: usize,
}

impl Exchange {
    /// Runs an inference: the client encrypts an input, the server runs the network, and the client
    /// decrypts the scores.
    ///
    /// # Errors
    /// Those of [`ClientKey::encrypt`] and [`Network::run_encrypted_batch`].
    pub fn run<N: Network>(
        network: &N,
        client: &ClientKey,
        server: &ServerKey,
        input: &[f32],
        execution: &Execution<'_>,
    ) -> Result<Self, Error> {
        let plan = server.plan();
        let encrypted = client.encrypt(input)?;
        let request = encrypted.to_bytes();
        let start = Instant::now();
        let received = Request::from_bytes(&request, plan)?;
        let replies = network.run_encrypted_batch(server, &[received], execution)?;
        let reply = replies[0].to_bytes();
        let time = start.elapsed();
        Ok(Exchange {
            scores: client.decrypt(&encrypted, &Reply::from_bytes(&reply, plan)?)?,
            time,
            request_bytes: request.len(),
            reply_bytes: reply.len(),
        })
    }
}
