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
    /// From the first byte of a call to the last of its answer.
    pub(crate) call_ms: f64,
    /// The same request by `run_encrypted` in this process, right after the call.
    pub(crate) engine_ms: f64,
    /// What a call takes beyond the time that the engine took for it, as the service's metrics have it. On a machine
    /// that has other work as well, this is less than the difference of two runs tells.
    pub(crate) overhead_ms: f64,
}

/// Sends the key of every tenant, then asks and runs in turns. `operator` reads the metrics.
pub(crate) fn measure(
    work: &Work,
    to: SocketAddr,
    tokens: &[String],
    operator: &str,
) -> Result<Quiet, Error> {
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
    let (mut calls, mut runs, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
    // the first call expands the key
    for time in 0..=TIMES {
        let asked = work.draw(&mut random)?;
        let before = engine_seconds(to, operator)?;
        let begin = Instant::now();
        let reply = ask(work, to, &tokens[0], &asked.request.to_bytes())?;
        let called = begin.elapsed();
        let engine = engine_seconds(to, operator)? - before;
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
            // workers that are processes of their own do not count for the service
            let engine = if engine > 0.0 {
                engine
            } else {
                run.as_secs_f64()
            };
            beyond.push((called.as_secs_f64() - engine) * 1e3);
        }
    }
    let puts = puts.iter().map(Duration::as_secs_f64).collect();
    Ok(Quiet {
        key_seconds: median(puts),
        call_ms: median(calls),
        engine_ms: median(runs),
        overhead_ms: median(beyond),
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

/// The seconds that the engine of the service took for everything until now.
fn engine_seconds(to: SocketAddr, operator: &str) -> Result<f64, Error> {
    let headers = [("authorization", operator)];
    let metrics = call(to, "GET", "/metrics", &headers, b"")?;
    let text = String::from_utf8(metrics.body)?;
    let mut lines = text.lines();
    let sum = lines.find_map(|line| line.strip_prefix("fhe_nn_inference_seconds_sum "));
    Ok(sum
        .ok_or("the metrics have no time of the engine")?
        .parse()?)
}

/// The middle of some numbers.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
