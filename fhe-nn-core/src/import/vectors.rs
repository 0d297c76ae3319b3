//! The test vectors of ONNX for its operators (onnx 1.19.1, Apache-2.0, `tests/onnx/vectors.zip`): as constants,
//! and with the first input as values of a tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::rc::Rc;

use fhe_nn_proof::spec::Window;
use ndarray::Array2;
use prost::Message;

use crate::quantize::{CustomFn, float_scores};

use super::error::ImportError;
use super::expr::Expr;
use super::graph::Graph;
use super::layers::Linear;
use super::net::{Net, Source};
use super::propose::{Widths, propose};
use super::proto;
use super::signal::{Signal, Value};
use super::tensor::{Budget, Constant};
use super::walk::{end, run};

/// A node with values for its inputs and its first output.
struct Case {
    name: String,
    model: proto::Model,
    inputs: Vec<Constant>,
    output: Constant,
}

/// What became of a case.
#[derive(Debug, PartialEq)]
enum Outcome {
    Same,
    /// Not supported, and so said.
    Refused(String),
    Different(String),
}

#[test]
fn operators_compute_what_onnx_says() {
    let cases = cases();
    let mut constants = Vec::new();
    let mut tensors = Vec::new();
    for case in &cases {
        constants.push((case.name.as_str(), case.of_constants()));
        // the sign of 0 is 1 here, and an import says so
        if case.name != "test_sign" {
            tensors.push((case.name.as_str(), case.of_tensors()));
        }
    }
    let wrong = |outcomes: &[(&str, Outcome)]| -> String {
        let outcomes = outcomes.iter();
        let wrong = outcomes.filter_map(|(name, outcome)| match outcome {
            Outcome::Different(how) => Some(format!("{name}: {how}")),
            Outcome::Same | Outcome::Refused(_) => None,
        });
        wrong.collect::<Vec<_>>().join("\n")
    };
    let (of_constants, of_tensors) = (wrong(&constants), wrong(&tensors));
    assert!(
        of_constants.is_empty() && of_tensors.is_empty(),
        "{of_constants}\n\n{of_tensors}"
    );
    let same = |outcomes: &[(&str, Outcome)]| -> BTreeSet<String> {
        let same = outcomes
            .iter()
            .filter(|(_, outcome)| *outcome == Outcome::Same);
        same.map(|(name, _)| (*name).to_owned()).collect()
    };
    let (of_constants, of_tensors) = (same(&constants), same(&tensors));
    let either = of_constants.union(&of_tensors).count();
    assert_eq!(cases.len(), 307);
    // the others are refused: uneven windows, averages of fewer values at the border, three dimensions,
    // empty tensors, blocks with scales of their own
    assert_eq!(
        (of_constants.len(), of_tensors.len(), either),
        (238, 153, 275)
    );
}

impl Case {
    /// The graph, with all inputs constant but the first.
    fn graph(&self, budget: &Budget) -> Result<Graph, ImportError> {
        Graph::parse(&self.model.encode_to_vec(), budget)
    }

    fn of_constants(&self) -> Outcome {
        let Some(input) = self.inputs.first() else {
            return Outcome::Refused("no input".to_owned());
        };
        let budget = Budget::new();
        let result = self.graph(&budget).and_then(|graph| {
            let first = Value::Constant(Rc::new(input.clone()));
            run(&mut Net::new(&[1]), &graph, first, &budget)
        });
        match result {
            Ok(Value::Constant(result)) => self.compare(result.values.iter().copied()),
            Ok(_) => Outcome::Refused("no constant".to_owned()),
            Err(error) => Outcome::Refused(error.to_string()),
        }
    }

    /// Each sample of the first input by itself, behind a layer that changes nothing: a table may follow.
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
            return Outcome::Refused("it moves values between samples".to_owned());
        }
        if input.is_empty() {
            return Outcome::Refused("no values".to_owned());
        }
        let budget = Budget::new();
        let built = self.graph(&budget).and_then(|graph| {
            let mut net = Net::new(&graph.input.shape);
            let own = net.bases[0].shape.clone();
            let first = identity(&mut net, &own, &graph.input.shape);
            let output = run(&mut net, &graph, Value::Signal(first), &budget)?;
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

/// Operators that may take values of several samples.
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

/// A function of scores is the client's, so another layer comes behind it.
fn written(net: &mut Net, output: Value) -> Value {
    match output {
        Value::Signal(signal) if signal.expr.line().is_none() => match net.plain(&signal) {
            Ok(tensor) => Value::Signal(Signal {
                base: net.written(tensor),
                expr: Expr::itself(),
                ..signal
            }),
            Err(_) => Value::Unknown,
        },
        output => output,
    }
}

/// A layer that is not written, of weights 1.
fn identity(net: &mut Net, own: &[usize], shape: &[usize]) -> Signal {
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
    let linear = Linear {
        name: "first".to_owned(),
        reads: 0,
        window,
        weights,
        bias: vec![0.0; channels],
        scales: None,
    };
    let own = match window {
        Some(_) => own.to_vec(),
        None => vec![values],
    };
    let base = net.base(own, Source::Linear(Rc::new(linear)));
    Signal::whole(base, shape)
}

/// The cases of the archive.
fn cases() -> Vec<Case> {
    let bytes = include_bytes!("../../../tests/onnx/vectors.zip");
    let mut archive = zip::ZipArchive::new(Cursor::new(&bytes[..])).expect("an archive");
    let mut files: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).expect("one of its files");
        let path = file.name().expect("a name").into_owned();
        let mut content = Vec::new();
        file.read_to_end(&mut content).expect("whole");
        if let Some((folder, file)) = path.split_once('/') {
            files
                .entry(folder.to_owned())
                .or_default()
                .insert(file.to_owned(), content);
        }
    }
    files
        .into_iter()
        .map(|(name, files)| case(name, &files))
        .collect()
}

fn case(name: String, files: &BTreeMap<String, Vec<u8>>) -> Case {
    let mut model = proto::Model::decode(&files["model.onnx"][..]).expect("a model");
    let budget = Budget::new();
    let tensors = |kind: &str| -> Vec<proto::Tensor> {
        let names = (0..).map(|index| format!("test_data_set_0/{kind}_{index}.pb"));
        let files = names.map_while(|name| files.get(&name));
        files
            .map(|file| proto::Tensor::decode(&file[..]).expect("a tensor"))
            .collect()
    };
    let decode = |tensor: &proto::Tensor| {
        Constant::decode(tensor, &budget).expect("a tensor of a known type")
    };
    let (inputs, outputs) = (tensors("input"), tensors("output"));
    let graph = model.graph.as_mut().expect("a graph");
    for (value, tensor) in graph.inputs.iter().zip(&inputs).skip(1) {
        let mut tensor = tensor.clone();
        tensor.name.clone_from(&value.name);
        graph.constants.push(tensor);
    }
    graph.outputs.truncate(1);
    if let Some(kind) = graph
        .inputs
        .first_mut()
        .and_then(|input| input.kind.as_mut())
        && let Some(shape) = kind
            .tensor
            .as_mut()
            .and_then(|tensor| tensor.shape.as_mut())
        && let [first, _, ..] = shape.extents.as_mut_slice()
    {
        first.value = Some(proto::ExtentValue::Number(1));
    }
    Case {
        name,
        model,
        inputs: inputs.iter().map(decode).collect(),
        output: decode(&outputs[0]),
    }
}
