//! What is refused, and how it is said.

use prost::Message;

use crate::import::onnx::{
    AttributeProto, Dimension, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::import::{ImportError, Widths, onnx};

/// A value with two extents.
fn value(name: &str, extents: [i64; 2]) -> ValueInfoProto {
    let extent = |extent| DimensionProto {
        value: Some(Dimension::Number(extent)),
    };
    ValueInfoProto {
        name: name.to_owned(),
        kind: Some(TypeProto {
            tensor: Some(TensorTypeProto {
                data_type: 1,
                shape: Some(TensorShapeProto {
                    extents: extents.map(extent).to_vec(),
                }),
            }),
        }),
    }
}

/// A node that makes a value of its own name.
fn node(operator: &str, inputs: &[&str], name: &str) -> NodeProto {
    NodeProto {
        operator: operator.to_owned(),
        inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
        outputs: vec![name.to_owned()],
        name: name.to_owned(),
        ..NodeProto::default()
    }
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        integer: value,
        kind: 2,
        ..AttributeProto::default()
    }
}

/// A model of three values with a matrix `w` of 3 x 3, whose last node makes `y`.
fn model(nodes: Vec<NodeProto>) -> ModelProto {
    let weights = TensorProto {
        name: "w".to_owned(),
        extents: vec![3, 3],
        data_type: 1,
        reals: (0..9).map(|x| x as f32 - 4.0).collect(),
        ..TensorProto::default()
    };
    ModelProto {
        graph: Some(GraphProto {
            nodes,
            constants: vec![weights],
            inputs: vec![value("x", [1, 3])],
            outputs: vec![value("y", [1, 3])],
            ..GraphProto::default()
        }),
        operator_sets: vec![OperatorSetProto {
            version: 13,
            ..OperatorSetProto::default()
        }],
    }
}

fn refused(model: &ModelProto) -> ImportError {
    let imported = onnx(&model.encode_to_vec(), "Refused", &Widths::default());
    imported.expect_err("it is refused")
}

#[test]
fn attributes_that_change_what_is_computed_are_named() {
    let gemm = |attribute: AttributeProto| NodeProto {
        attributes: vec![attribute],
        ..node("Gemm", &["x", "w"], "y")
    };
    let real = AttributeProto {
        kind: 1,
        real: 1.0,
        ..integer("transB", 0)
    };
    let reference = AttributeProto {
        reference: "outer".to_owned(),
        ..integer("transB", 0)
    };
    let twice = NodeProto {
        attributes: vec![integer("transB", 1), integer("transB", 0)],
        ..node("Gemm", &["x", "w"], "y")
    };
    let shape = |attribute: AttributeProto| NodeProto {
        attributes: vec![attribute],
        ..node("Shape", &["x"], "y")
    };
    let seen = NodeProto {
        attributes: vec![integer("select_last_index", 1)],
        ..node("ArgMax", &["x"], "y")
    };
    for (node, reason) in [
        (
            gemm(integer("activation", 1)),
            "its attribute `activation` is not known",
        ),
        (
            gemm(real),
            "its attribute `transB` is a real, but must be an integer",
        ),
        (
            gemm(reference),
            "its attribute `transB` is that of a function",
        ),
        (twice, "it has two attributes `transB`"),
        (
            shape(integer("start", 1)),
            "its attribute `start` is not one of operators of version 13",
        ),
        (
            seen,
            "its attribute `select_last_index` is 1, but only 0 is supported",
        ),
    ] {
        let ImportError::Unsupported(nodes) = refused(&model(vec![node])) else {
            panic!("{reason}");
        };
        assert_eq!(nodes[0].reason, reason);
    }
}

#[test]
fn recurrent_networks_are_named_as_such() {
    let lstm = refused(&model(vec![node("LSTM", &["x", "w", "w"], "y")])).to_string();
    assert!(lstm.contains("it is recurrent"), "{lstm}");
    let loops = refused(&model(vec![node("Loop", &["", "", "x"], "y")])).to_string();
    assert!(loops.contains("as of a recurrent network"), "{loops}");
    // a step reads what the step before made, with the same weights
    let unrolled = model(vec![
        node("MatMul", &["x", "w"], "a"),
        node("LayerNormalization", &["a", "w"], "b"),
        node("MatMul", &["b", "w"], "y"),
    ]);
    let text = refused(&unrolled).to_string();
    assert!(
        text.contains("`w` multiplies what was made with it before"),
        "{text}"
    );
    // the same weights side by side are no steps
    let twins = model(vec![
        node("MatMul", &["x", "w"], "a"),
        node("MatMul", &["x", "w"], "b"),
        node("MatMul", &["a", "b"], "y"),
    ]);
    let text = refused(&twins).to_string();
    assert!(!text.contains("unrolled"), "{text}");
}

#[test]
fn a_condition_that_is_encrypted_chooses_no_branch() {
    let branch = |name: &str| AttributeProto {
        name: format!("{name}_branch"),
        kind: 5,
        graph: Some(Box::new(GraphProto {
            nodes: vec![node("Neg", &["x"], name)],
            outputs: vec![value(name, [1, 3])],
            ..GraphProto::default()
        })),
        ..AttributeProto::default()
    };
    let choice = |condition: &str| NodeProto {
        attributes: vec![branch("then"), branch("else")],
        ..node("If", &[condition], "y")
    };
    let text = refused(&model(vec![choice("x")])).to_string();
    assert!(
        text.contains("its condition depends on encrypted values"),
        "{text}"
    );
    // a branch reads only what is made before it
    let mut broken = model(vec![choice("w")]);
    let graph = broken.graph.as_mut().expect("a graph");
    if let Some(branch) = &mut graph.nodes[0].attributes[1].graph {
        branch.nodes[0].inputs[0] = "y".to_owned();
    }
    assert!(matches!(refused(&broken), ImportError::Graph(_)));
}

#[test]
fn models_that_are_whole_are_not_called_malformed() {
    let mut two = model(vec![node("Add", &["x", "z"], "y")]);
    let graph = two.graph.as_mut().expect("a graph");
    graph.inputs.push(value("z", [1, 3]));
    let two = refused(&two);
    assert!(matches!(two, ImportError::Model(_)), "{two}");
    assert!(two.to_string().contains("2 inputs (`x`, `z`)"), "{two}");
    let mut old = model(vec![node("MatMul", &["x", "w"], "y")]);
    old.operator_sets[0].version = 8;
    let old = refused(&old).to_string();
    assert!(
        old.ends_with("9 and later are read: export with a newer opset"),
        "{old}"
    );
    let mut many = model(vec![node("MatMul", &["x", "w"], "y")]);
    many.graph.as_mut().expect("a graph").inputs[0] = value("x", [4, 3]);
    let many = refused(&many).to_string();
    assert!(many.contains("takes a batch of 4"), "{many}");
}
