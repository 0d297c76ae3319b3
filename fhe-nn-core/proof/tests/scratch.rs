use fhe_nn_proof::client::*;
use fhe_nn_proof::plan::*;
use fhe_nn_proof::widths::*;
use std::time::Instant;
fn program(layers: &[(Reader, u32, u32, u32, f64)]) -> Program {
    // reader, inputs, neurons, width, gain
    let acc = |i: usize| {
        let l = layers[i];
        Accumulators::new(format!("l{i}"), l.0, l.1, (0..l.2).map(|_| (l.3, 0, l.4)))
    };
    let n = layers.len() - 1;
    let last = layers[n];
    Program {
        client: ClientSpec {
            network: "N".into(),
            inputs: layers[0].1 as usize,
            input_bits: 1,
            encoder: Affine {
                scale: 1.0,
                zero_point: 0,
            },
            widths: vec![last.3; last.2 as usize],
            lattices: vec![
                Lattice {
                    step_bits: 0,
                    offset: 0
                };
                last.2 as usize
            ],
            decoder: vec![
                Line {
                    slope: 1.0,
                    offset: 0.0
                };
                last.2 as usize
            ],
        },
        stages: (0..n)
            .map(|i| StageDemand {
                accumulators: acc(i),
                lookup: "a".into(),
                phases: 1,
            })
            .collect(),
        output: acc(n),
        model: [0; 32],
    }
}
#[test]
fn show() {
    use Reader::*;
    let nets: Vec<(&str, Vec<(Reader, u32, u32, u32, f64)>)> = vec![
        (
            "mnist wave",
            vec![
                (Antiperiodic, 784, 64, 5, 400.0),
                (Client, 64, 10, 12, 64.0 * 49.0 * 4.0),
            ],
        ),
        (
            "mnist small wave",
            vec![
                (Antiperiodic, 784, 32, 5, 400.0),
                (Client, 32, 10, 9, 32.0 * 16.0),
            ],
        ),
        ("linear", vec![(Client, 784, 10, 12, 784.0 * 9.0)]),
        ("linear 8", vec![(Client, 64, 10, 8, 64.0 * 9.0)]),
        (
            "two waves",
            vec![
                (Antiperiodic, 784, 64, 5, 400.0),
                (Antiperiodic, 64, 64, 5, 64.0 * 4.0),
                (Client, 64, 10, 10, 64.0 * 16.0),
            ],
        ),
        (
            "relu",
            vec![
                (Padded, 784, 92, 6, 400.0),
                (Padded, 92, 92, 6, 92.0 * 4.0),
                (Client, 92, 10, 10, 64.0 * 16.0),
            ],
        ),
        (
            "mixed",
            vec![
                (Padded, 784, 92, 4, 400.0),
                (Antiperiodic, 92, 92, 6, 92.0 * 4.0),
                (Padded, 92, 30, 3, 92.0 * 4.0),
                (Padded, 30, 92, 5, 92.0 * 4.0),
                (Client, 92, 10, 10, 64.0 * 16.0),
            ],
        ),
    ];
    for (name, net) in nets {
        for prefer in [Prefer::Fastest, Prefer::SmallestKeys] {
            let p = program(&net);
            let t = Instant::now();
            let plan = Plan::find(
                &p,
                &Options {
                    prefer,
                    ..Default::default()
                },
            )
            .unwrap();
            println!(
                "== {name} {prefer:?} {:?} predicted {:.4} s\n{plan}\n",
                t.elapsed(),
                plan.predicted_seconds(1)
            );
        }
    }
}
#[test]
fn deep() {
    use Reader::*;
    let mut seed = 1u64;
    let mut rnd = |n: u64| {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (seed >> 33) % n
    };
    for t in 0..8 {
        let mut net: Vec<_> = (0..20)
            .map(|_| {
                let r = [Padded, Antiperiodic][rnd(2) as usize];
                (
                    r,
                    64u32,
                    1 + rnd(100) as u32,
                    2 + rnd(5) as u32,
                    2f64.powi(rnd(14) as i32),
                )
            })
            .collect();
        if t == 0 {
            for l in &mut net {
                *l = (Padded, 64, 64, 5, 300.0);
            }
        }
        net.push((Client, 64, 10, 10, 3000.0));
        for prefer in [Prefer::Fastest, Prefer::SmallestKeys] {
            let p = program(&net);
            let s = Instant::now();
            let plan = Plan::find(
                &p,
                &Options {
                    prefer,
                    ..Default::default()
                },
            );
            let d = s.elapsed();
            match plan {
                Ok(plan) => println!(
                    "== {t} {prefer:?} {d:?} {} s keys {} own {}",
                    plan.predicted_seconds(1),
                    plan.evaluation_key_bytes(),
                    plan.stages.iter().filter(|s| !s.shares_key).count()
                ),
                Err(e) => println!("{d:?} {e}"),
            }
        }
    }
}
