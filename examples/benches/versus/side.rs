//! One side of a comparison of two commits, which `versus.py` compiles in both: it holds networks with their keys,
//! and for every line on standard input, the name of a network, it prints the seconds of one encrypted run.
//!
//! `--cfg before` compiles it against commit 5d07ebb, whose names differ. That side makes the models of the tables,
//! and both load them, so that both run the same integers.

#![allow(unexpected_cfgs)] // only `versus.py` sets `before`

use std::error::Error as StdError;
use std::io::{Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::time::Instant;

use fhe_nn_core::Error;
use fhe_nn_core::prelude::*;
use fhe_nn_examples::cli;
use fhe_nn_examples::networks::{Digits, DigitsCnn};

#[cfg(before)]
type PlanOptions = Options;
#[cfg(before)]
type Key = EvaluationKey;
#[cfg(not(before))]
type Key = ServerKey;

/// Two layers of 8 neurons, so that the second one keyswitches, with tables of all bits of its accumulators.
macro_rules! tables {
    ($($name:ident $table:literal $inputs:literal $first:literal $second:literal;)*) => {$(
        #[doc = concat!("Tables of ", $table, " bits.")]
        #[fhe_network(input(shape = [$inputs], bits = 2))]
        pub struct $name {
            #[bits(weights = 2, accumulator = $table, overflow = calibrated)]
            first: Dense<$inputs, 8>,
            #[bits(output = $first, table = $table)]
            one: Sigmoid,
            #[bits(weights = 2, accumulator = $table, overflow = calibrated)]
            second: Dense<8, 8>,
            #[bits(output = $second, table = $table)]
            two: Sigmoid,
            #[bits(weights = 2, accumulator = 12, overflow = calibrated)]
            scores: Dense<8, 2>,
        }
    )*};
}

tables! {
    Tables5 5 4 1 1;
    Tables6 6 8 2 2;
    Tables7 7 16 3 3;
    Tables8 8 32 4 4;
}

fn main() -> Result<(), Box<dyn StdError>> {
    let folder = PathBuf::from(
        std::env::args()
            .nth(1)
            .ok_or("the folder of the models is missing")?,
    );
    rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build_global()?;
    let mut sides: Vec<(&str, Side)> = vec![
        (
            "digits",
            side(Digits::load(
                cli::data().join("digits.quantized.safetensors"),
            )?)?,
        ),
        (
            "digits_cnn",
            side(DigitsCnn::load(
                cli::data().join("digits_cnn.quantized.safetensors"),
            )?)?,
        ),
        ("tables_5", side(tables::<Tables5>(&folder, "tables_5")?)?),
        ("tables_6", side(tables::<Tables6>(&folder, "tables_6")?)?),
        ("tables_7", side(tables::<Tables7>(&folder, "tables_7")?)?),
        ("tables_8", side(tables::<Tables8>(&folder, "tables_8")?)?),
    ];
    println!("ready");
    for line in stdin().lines() {
        let line = line?;
        let (_, side) = sides
            .iter_mut()
            .find(|(name, _)| *name == line)
            .ok_or("there is no such network")?;
        println!("{}", side()?);
        stdout().flush()?;
    }
    Ok(())
}

/// Runs a network once, and returns the seconds.
type Side = Box<dyn FnMut() -> Result<f64, Error>>;

fn side<N: Network + 'static>(network: N) -> Result<Side, Error> {
    let plan = network.plan(&PlanOptions::default())?;
    eprintln!("{plan}\n");
    let client = ClientKey::generate(&plan)?;
    let start = Instant::now();
    let key = key(&client)?;
    eprintln!(
        "  evaluation key in {:.2} s\n",
        start.elapsed().as_secs_f64()
    );
    let input: Vec<f32> = (0..plan.client.inputs)
        .map(|i| f32::from(i % 3 == 0))
        .collect();
    let request = client.encrypt(&input)?;
    let reply = network.run_encrypted(&key, &request)?;
    assert_eq!(decrypt(&client, &request, &reply)?, network.run(&input)?);
    Ok(Box::new(move || {
        let start = Instant::now();
        network.run_encrypted(&key, &request)?;
        Ok(start.elapsed().as_secs_f64())
    }))
}

#[cfg(before)]
fn key(client: &ClientKey) -> Result<Key, Error> {
    Ok(client.evaluation_key())
}

#[cfg(not(before))]
fn key(client: &ClientKey) -> Result<Key, Error> {
    Ok(ServerKey::new(&client.evaluation_key()?))
}

#[cfg(before)]
fn decrypt(client: &ClientKey, _: &Request, reply: &Reply) -> Result<Scores, Error> {
    client.decrypt(reply)
}

#[cfg(not(before))]
fn decrypt(client: &ClientKey, request: &Request, reply: &Reply) -> Result<Scores, Error> {
    client.decrypt(request, reply)
}

#[cfg(before)]
fn tables<N: Network>(folder: &Path, name: &str) -> Result<N, Box<dyn StdError>> {
    let network = random::<N>()?;
    network.save(folder.join(format!("{name}.safetensors")))?;
    Ok(network)
}

/// A network with weights and samples from a linear congruential generator.
#[cfg(before)]
fn random<N: Network>() -> Result<N, Box<dyn StdError>> {
    let mut state = 7u64;
    let mut draw = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u32 << 24) as f32
    };
    let inputs: usize = N::SPEC.input.shape.iter().product();
    let mut floats = Floats::new();
    for (layer, outputs, inputs) in [("first", 8, inputs), ("second", 8, 8), ("scores", 2, 8)] {
        let weights = ndarray::ArrayD::from_shape_simple_fn(vec![outputs, inputs], || draw() - 0.5);
        floats.insert(format!("{layer}.weight"), weights)?;
    }
    let samples = ndarray::Array2::from_shape_simple_fn((200, inputs), || draw() * 3.0);
    Ok(N::quantize(&floats, &samples)?.network)
}

#[cfg(not(before))]
fn tables<N: Network>(folder: &Path, name: &str) -> Result<N, Box<dyn StdError>> {
    Ok(N::load(folder.join(format!("{name}.safetensors")))?)
}
