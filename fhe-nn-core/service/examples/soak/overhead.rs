//! What a service takes beyond the engine, with nobody else there.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fhe_nn_core::ServerKey;

use super::Error;
use super::http::call;
use super::work::{self, Work};

/// Calls and runs that are compared.
const TIMES: usize = 15;

/// Medians of times.
pub(crate) struct Quiet {
    pub(crate) key_seconds: f64,
    pub(crate) call_ms: f64,
    pub(crate) engine_ms: f64,
    /// Median of the differences of a call and a run that follow each other.
    difference_ms: f64,
}

impl Quiet {
    /// What a call takes beyond the engine, in milliseconds.
    pub(crate) fn overhead_ms(&self) -> f64 {
        self.difference_ms
    }
}

/// Sends the key of every tenant, then asks and runs in turns.
pub(crate) fn measure(work: &Work, to: SocketAddr, tokens: &[String]) -> Result<Quiet, Error> {
    let path = format!("/v1/keys/{}", work.hash);
    let mut puts = Vec::new();
    for token in tokens.iter().chain(tokens) {
        let begin = Instant::now();
        let headers = [("authorization", token.as_str())];
        let answer = call(to, "PUT", &path, &headers, &work.key)?;
        puts.push(begin.elapsed());
        if ![200, 201].contains(&answer.status) {
            return Err(format!("the key was not taken: {answer:?}").into());
        }
    }
    let server = ServerKey::read(&work.key[..], &work.plan)?;
    let mut random = work::random(1);
    let (mut calls, mut runs, mut differences) = (Vec::new(), Vec::new(), Vec::new());
    // the first call expands the key
    for time in 0..=TIMES {
        let asked = work.draw(&mut random)?;
        let begin = Instant::now();
        let reply = ask(work, to, &tokens[0], &asked.request.to_bytes())?;
        let called = begin.elapsed();
        if !work.is_right(&asked, &reply) {
            return Err("a reply is wrong with nobody else there".into());
        }
        let begin = Instant::now();
        let own = work.model.run_encrypted(&server, &asked.request)?;
        let run = begin.elapsed();
        if own.to_bytes() != reply {
            return Err("the reply is not that of `run_encrypted`".into());
        }
        if time > 0 {
            calls.push(called.as_secs_f64() * 1e3);
            runs.push(run.as_secs_f64() * 1e3);
            differences.push((called.as_secs_f64() - run.as_secs_f64()) * 1e3);
        }
    }
    let puts = puts.iter().map(Duration::as_secs_f64).collect();
    Ok(Quiet {
        key_seconds: median(puts),
        call_ms: median(calls),
        engine_ms: median(runs),
        difference_ms: median(differences),
    })
}

fn ask(work: &Work, to: SocketAddr, token: &str, request: &[u8]) -> Result<Vec<u8>, Error> {
    let key = work.hash.to_string();
    let headers = [
        ("authorization", token),
        ("fhe-nn-key", key.as_str()),
        ("prefer", "wait=60"),
    ];
    let path = format!("/v1/models/{}/inferences", work.name);
    let answer = call(to, "POST", &path, &headers, request)?;
    if answer.status == 200 {
        Ok(answer.body)
    } else {
        Err(format!("no reply with nobody else there: {answer:?}").into())
    }
}

/// The middle of some numbers.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
