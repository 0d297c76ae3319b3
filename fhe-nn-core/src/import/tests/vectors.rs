//! The operators compute what the test vectors of ONNX say: with constants, and with the first input as values of
//! a tensor.

use std::rc::Rc;

use fhe_nn_proof::spec::Window;
use ndarray::Array2;
use prost::Message;

use super::cases::{Case, cases};
use crate::import::budget::Budget;
use crate::import::error::ImportError;
use crate::import::function::Expr;
use crate::import::net::{Net, PendingLinear, Source, Weights, Widths, propose};
use crate::import::onnx::{Beside, Constant, Graph};
use crate::import::place::{Value, View};
use crate::import::walk::{end, run};
use crate::quantize::{CustomFn, float_scores};

/// The outcome of a case.
#[derive(Debug, PartialEq)]
enum Outcome {
    Same,
    /// The operator is not supported, and the import says so.
    Refused(String),
    Different(String),
}

/// The outcomes of a case, whose first input is constant or the values of a tensor.
struct Outcomes {
    name: String,
    constants: Outcome,
    tensors: Outcome,
}

fn outcomes() -> Vec<Outcomes> {
    let outcomes = |case: Case| Outcomes {
        constants: case.of_constants(),
        // the sign of 0 is 1 here, which an import notes
        tensors: match case.name.as_str() {
            "test_sign" => Outcome::Refused("the sign of 0 is 1".to_owned()),
            _ => case.of_tensors(),
        },
        name: case.name,
    };
    cases().into_iter().map(outcomes).collect()
}

/// The cases that are refused in both ways, and why.
pub(super) fn refused() -> Vec<(String, String)> {
    let both = outcomes().into_iter().filter_map(|case| match case {
        Outcomes {
            name,
            constants: Outcome::Refused(constants),
            tensors: Outcome::Refused(tensors),
        } => {
            let why = if tensors == MOVES { constants } else { tensors };
            let why = why.lines().last().unwrap_or_default().trim().to_owned();
            Some((name, why.replace('|', "\\|")))
        }
        _ => None,
    });
    both.collect()
}

#[test]
fn operators_compute_what_onnx_says() {
    let outcomes = outcomes();
    let mut wrong = Vec::new();
    let (mut of_constants, mut of_tensors, mut either) = (0, 0, 0);
    for case in &outcomes {
        for outcome in [&case.constants, &case.tensors] {
            if let Outcome::Different(how) = outcome {
                wrong.push(format!("{}: {how}", case.name));
            }
        }
        let (a, b) = (
            case.constants == Outcome::Same,
            case.tensors == Outcome::Same,
        );
        of_constants += usize::from(a);
        of_tensors += usize::from(b);
        either += usize::from(a || b);
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(outcomes.len(), 307);
    // the guide's page of operators has the others, each with its reason
    assert_eq!((of_constants, of_tensors, either), (263, 168, 300));
}

/// Why a case of several samples is not one of tensors.
const MOVES: &str = "it moves values between samples";

impl Case {
    /// The graph, in which all inputs but the first are constants.
    fn graph(&self, budget: &Budget) -> Result<Graph, ImportError> {
        Graph::parse(
            &self.model.encode_to_vec(),
            Beside::Memory(&[]),
            None,
            budget,
        )
    }

    /// The outcome for a first input that is constant too.
    fn of_constants(&self) -> Outcome {
        let budget = Budget::new();
        let bytes = self.of_constants.encode_to_vec();
        let graph = Graph::parse(&bytes, Beside::Memory(&[]), None, &budget);
        let result =
            graph.and_then(|graph| run(&mut Net::new(&[1]), &graph, Value::Unknown, &budget));
        match result {
            Ok(Value::Constant(result)) => self.compare(result.values.iter().copied()),
            Ok(_) => Outcome::Refused("no constant".to_owned()),
            Err(error) => Outcome::Refused(error.to_string()),
        }
    }

    /// The outcome for the samples of the first input, one at a time, after a layer that changes nothing, so that a
    /// table may follow.
    fn of_tensors(&self) -> Outcome {
        let Some(Constant { values: input, .. }) = self.inputs.first() else {
            return Outcome::Refused("no input".to_owned());
        };
        let [samples, ..] = *input.shape() else {
            return Outcome::Refused("no extents".to_owned());
        };
        let rank_of_one = input.ndim() == 1;
        let samples = if rank_of_one { 1 } else { samples };
        let operators = self.model.graph.iter().flat_map(|graph| &graph.nodes);
        let mut operators = operators.map(|node| node.operator.as_str());
        if samples > 1 && operators.any(|operator| MOVES_SAMPLES.contains(&operator)) {
            return Outcome::Refused(MOVES.to_owned());
        }
        if input.is_empty() {
            return Outcome::Refused("no values".to_owned());
        }
        let budget = Budget::new();
        let built = self.graph(&budget).and_then(|graph| {
            let mut net = Net::new(&graph.input.shape);
            let own = net.bases[0].shape.clone();
            let first = identity(&mut net, &own, &graph.input.shape);
            let output = run(&mut net, &graph, Value::View(first), &budget)?;
            let output = written(&mut net, output);
            end(&mut net, &graph, output)?;
            let spec = propose(&net, "Case", &Widths::default())?;
            Ok((net, spec))
        });
        let (net, spec) = match built {
            Ok(built) => built,
            Err(error) => return Outcome::Refused(error.to_string()),
        };
        let values: Vec<f32> = input.iter().map(|&x| x as f32).collect();
        let inputs = Array2::from_shape_vec((samples, values.len() / samples), values);
        let functions = net.functions.iter();
        let functions: Vec<_> = functions
            .map(|(_, own)| move |x: f32| own.value(&[x.into()], 0) as f32)
            .collect();
        let functions: Vec<CustomFn<'_>> =
            functions.iter().map(|own| own as CustomFn<'_>).collect();
        let scores = float_scores(
            &spec,
            &functions,
            &net.floats,
            inputs.expect("as many values").view(),
        );
        match scores {
            Ok(scores) => self.compare(scores.iter().copied()),
            Err(error) => Outcome::Refused(error.to_string()),
        }
    }

    fn compare(&self, result: impl ExactSizeIterator<Item = f64>) -> Outcome {
        let expected = &self.output.values;
        if result.len() != expected.len() {
            return Outcome::Different(format!("{} values, not {}", result.len(), expected.len()));
        }
        let is_same = |(own, other): &(f64, &f64)| {
            own == *other
                || (own - **other).abs() <= 1e-4 * other.abs().max(1.0)
                || own.is_nan() && other.is_nan()
        };
        match result.zip(expected).find(|pair| !is_same(pair)) {
            None => Outcome::Same,
            Some((own, other)) => Outcome::Different(format!("{own}, not {other}")),
        }
    }
}

/// Operators that may combine values of several samples.
const MOVES_SAMPLES: &[&str] = &[
    "Transpose",
    "Reshape",
    "Flatten",
    "Slice",
    "Split",
    "Gather",
    "Concat",
    "Expand",
    "Squeeze",
    "Unsqueeze",
    "ReduceSum",
    "ReduceMean",
    "ReduceMax",
];

/// Adds another layer after a function of the scores, which would be left to the client.
fn written(net: &mut Net, output: Value) -> Value {
    match output {
        Value::View(view) if view.expr.line().is_none() => match net.plain(&view) {
            Ok(tensor) => Value::View(View {
                base: net.base_of(tensor),
                expr: Expr::itself(),
                ..view
            }),
            Err(_) => Value::Unknown,
        },
        output => output,
    }
}

/// A pending layer whose weights are 1.
fn identity(net: &mut Net, own: &[usize], shape: &[usize]) -> View {
    let values: usize = own.iter().product();
    let (window, channels) = match own {
        [channels, area @ ..] if (1..=2).contains(&area.len()) => {
            let input = match area {
                [down, across] => [*down, *across],
                _ => [1, area[0]],
            };
            let window = Window {
                input,
                groups: *channels,
                ..Window::each(*channels, *channels, 1)
            };
            (Some((window, area.len() == 1)), *channels)
        }
        _ => (None, values),
    };
    let weights = match window {
        Some(_) => Array2::ones((channels, 1)),
        None => Array2::eye(channels),
    };
    let all: Vec<u32> = (0..values as u32).collect();
    assert!(net.arrange(own, &all).is_ok(), "nothing was read before");
    let linear = PendingLinear {
        reads: 0,
        window,
        weights: Weights {
            name: "first".to_owned(),
            matrix: weights,
            bias: vec![0.0; channels],
            scales: None,
        },
    };
    let own = match window {
        Some(_) => own.to_vec(),
        None => vec![values],
    };
    let base = net.base(own, Source::Linear(Rc::new(linear)));
    View::whole(base, shape)
}
