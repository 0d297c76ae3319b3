//! The test vectors of ONNX: a model with one node, inputs and outputs for each case.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use prost::Message;

use crate::import::budget::Budget;
use crate::import::onnx::{
    Constant, Dimension, DimensionProto, ModelProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};

/// A node with values for its inputs and its first output.
pub(super) struct Case {
    pub(super) name: String,
    /// The model, in which all inputs but the first are constants.
    pub(super) model: ModelProto,
    /// The model, in which all inputs are constants, beside one that is not used.
    pub(super) of_constants: ModelProto,
    pub(super) inputs: Vec<Constant>,
    pub(super) output: Constant,
}

/// The cases of the archive.
pub(super) fn cases() -> Vec<Case> {
    let bytes = include_bytes!("../../../../tests/onnx/vectors.zip");
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
    let mut model = ModelProto::decode(&files["model.onnx"][..]).expect("a model");
    let budget = Budget::new();
    let tensors = |kind: &str| -> Vec<TensorProto> {
        let names = (0..).map(|index| format!("test_data_set_0/{kind}_{index}.pb"));
        let files = names.map_while(|name| files.get(&name));
        files
            .map(|file| TensorProto::decode(&file[..]).expect("a tensor"))
            .collect()
    };
    let decode =
        |tensor: &TensorProto| Constant::decode(tensor, &budget).expect("a tensor of a known type");
    let (inputs, outputs) = (tensors("input"), tensors("output"));
    let of_constants = of_constants(&model, &inputs);
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
        first.value = Some(Dimension::Number(1));
    }
    Case {
        name,
        of_constants,
        model,
        inputs: inputs.iter().map(decode).collect(),
        output: decode(&outputs[0]),
    }
}

fn of_constants(model: &ModelProto, inputs: &[TensorProto]) -> ModelProto {
    let mut model = model.clone();
    let graph = model.graph.as_mut().expect("a graph");
    for (value, tensor) in graph.inputs.drain(..).zip(inputs) {
        graph.constants.push(TensorProto {
            name: value.name,
            ..tensor.clone()
        });
    }
    graph.outputs.truncate(1);
    let extent = DimensionProto {
        value: Some(Dimension::Number(1)),
    };
    let shape = TensorShapeProto {
        extents: vec![extent],
    };
    graph.inputs.push(ValueInfoProto {
        name: "unused".to_owned(),
        kind: Some(TypeProto {
            tensor: Some(TensorTypeProto {
                data_type: 1,
                shape: Some(shape),
            }),
        }),
    });
    model
}
