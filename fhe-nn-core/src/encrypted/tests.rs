//! Encrypted equals clear, on small random networks; and the noise of real ciphertexts against
//! its prediction.

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::plan::{Options, Plan};
use fhe_nn_proof::spec::{
    ActivationSpec, DenseSpec, Function, Input, Layer, Op, Overflow, Rounding, Spec,
};
use fhe_nn_proof::widths::{Range, max_weight};
use ndarray::Array2;
use std::time::Instant;

use super::*;
use crate::backend::interpret;
use crate::clear::Clear;
use crate::graph::Graph;
use crate::keys::ClientKey;
use crate::layer::{Linear, Part, PartRef, Tables};

#[test]
fn timing() {
    let mut rng = Random(7);
    let net = random_network(
        &mut rng,
        784,
        1,
        &[(64, 2, 5, Function::Wave, 3, 4)],
        (10, 4),
    );
    let graph = net.graph();
    let plan = Plan::find(&graph.program([0; 32]).expect("x"), &Options::default()).expect("y");
    println!("{plan}");
    let t = Instant::now();
    let client = ClientKey::generate(&plan).expect("generates");
    println!("client {:?}", t.elapsed());
    let t = Instant::now();
    let key = client.evaluation_key();
    println!("eval key {:?}", t.elapsed());
    for _ in 0..3 {
        let input: Vec<f32> = (0..784).map(|_| (rng.below(2)) as f32).collect();
        let t = Instant::now();
        let request = client.encrypt(&input).expect("e");
        println!("encrypt {:?}", t.elapsed());
        let t = Instant::now();
        let x = request.expand();
        println!("expand {:?}", t.elapsed());
        let t = Instant::now();
        let Ok(scores) = interpret(&graph, &mut Encrypted::new(&key), x);
        println!("run {:?}", t.elapsed());
        let reply = crate::Reply {
            fingerprint: request.fingerprint,
            id: request.id,
            scores,
        };
        let got = client.decrypt(&reply).expect("d");
        let values = crate::network::encode(
            &graph.client_spec(),
            ndarray::ArrayView2::from_shape((1, 784), &input).expect("r"),
        )
        .expect("e");
        let Ok(want) = interpret(&graph, &mut Clear, values);
        assert_eq!(got.integers(), want.row(0).to_vec());
    }
}

/// A network with owned integers.
struct Net {
    spec: Spec,
    parts: Vec<Part>,
}

impl Net {
    fn graph(&self) -> Graph<'_> {
        let parts: Vec<PartRef<'_>> = self.parts.iter().map(Part::as_ref).collect();
        Graph::new(&self.spec, &parts).expect("parts of the spec")
    }
}

/// Steele and Vigna's splitmix64: enough for tests.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    fn within(&mut self, range: Range) -> i64 {
        range.lo + self.below((range.hi - range.lo + 1) as u64) as i64
    }
}

fn random_network(
    rng: &mut Random,
    inputs: usize,
    bits: u32,
    hidden: &[(usize, u32, u32, Function, u32, u32)],
    last: (usize, u32),
) -> Net {
    let mut layers = Vec::new();
    let mut parts = Vec::new();
    let mut fan_in = inputs;
    let mut range = Range::unsigned(bits);
    let linear = |rng: &mut Random,
                  fan_in: usize,
                  outputs: usize,
                  weights: u32,
                  width: Option<u32>,
                  range: Range| {
        let m = max_weight(weights);
        let w = Array2::from_shape_fn((outputs, fan_in), |_| {
            rng.within(Range { lo: -m, hi: m }) as i16
        });
        let widths = w
            .rows()
            .into_iter()
            .map(|row| {
                width.unwrap_or_else(|| {
                    let lo: i64 = row
                        .iter()
                        .map(|&w| (i64::from(w) * range.lo).min(i64::from(w) * range.hi))
                        .sum();
                    let hi: i64 = row
                        .iter()
                        .map(|&w| (i64::from(w) * range.lo).max(i64::from(w) * range.hi))
                        .sum();
                    Range { lo, hi }.signed_bits().max(2)
                })
            })
            .collect();
        Linear {
            weights: w,
            phases: vec![0; outputs],
            widths,
            scales: vec![1.0; outputs],
            bias: vec![0.0; outputs],
            input: Affine {
                scale: 1.0,
                zero_point: 0,
            },
        }
    };
    for (index, &(outputs, weights, acc, function, out, phases)) in hidden.iter().enumerate() {
        let wrap = function.is_antiperiodic();
        let mut l = linear(rng, fan_in, outputs, weights, wrap.then_some(acc), range);
        if wrap {
            l.phases
                .iter_mut()
                .for_each(|t| *t = rng.below(1 << acc) as i64);
        }
        layers.push(Layer {
            name: format!("fc{index}").into(),
            op: Op::Dense(DenseSpec {
                inputs: fan_in,
                outputs,
                weights,
                accumulator: acc,
                overflow: if wrap {
                    Overflow::Wrap
                } else {
                    Overflow::Checked
                },
            }),
        });
        layers.push(Layer {
            name: format!("act{index}").into(),
            op: Op::Activation(ActivationSpec {
                function,
                output: out,
                table: None,
                rounding: Rounding::Exact,
                phases,
            }),
        });
        range = function.range(out);
        let part = if wrap {
            Part::Antiperiodic
        } else {
            let tables: Vec<Vec<i16>> = l
                .widths
                .iter()
                .map(|&a| (0..1 << a).map(|_| rng.within(range) as i16).collect())
                .collect();
            Part::Tables(Tables::new(tables.iter().map(Vec::as_slice)))
        };
        parts.push(Part::Linear(l));
        parts.push(part);
        fan_in = outputs * phases as usize;
    }
    parts.push(Part::Linear(linear(
        rng, fan_in, last.0, last.1, None, range,
    )));
    layers.push(Layer {
        name: "scores".into(),
        op: Op::Dense(DenseSpec {
            inputs: fan_in,
            outputs: last.0,
            weights: last.1,
            accumulator: 20,
            overflow: Overflow::Checked,
        }),
    });
    Net {
        spec: Spec {
            name: "Net".into(),
            input: Input {
                shape: vec![inputs].into(),
                bits,
            },
            layers: layers.into(),
        },
        parts,
    }
}
