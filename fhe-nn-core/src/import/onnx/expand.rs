//! Operators of integers, written as the operators of reals that they stand for: `QLinearConv` is a `Conv` of what
//! `DequantizeLinear` makes of its operands, and a `QuantizeLinear` of its results.
//!
//! In the operands of these operators, a scale and a zero point follow each tensor of integers. Quantizers of trained
//! models write them, as onnxruntime's does in its QOperator form; the operators that are not ONNX's own are of the
//! domain `com.microsoft`.

use super::proto::{AttributeProto, NodeProto};

/// The nodes that a node stands for: itself, or those of reals.
pub(super) fn expanded(node: NodeProto) -> Vec<NodeProto> {
    let is_own = matches!(node.domain.as_str(), "" | "ai.onnx");
    let is_microsoft = node.domain == "com.microsoft";
    let name = node.operator.as_str();
    match name {
        "QLinearConv" if is_own => product(node, "Conv", Some(8)),
        "QLinearMatMul" if is_own => product(node, "MatMul", None),
        "QGemm" if is_microsoft => gemm(node),
        "ConvInteger" if is_own => of_integers(node, "Conv"),
        "MatMulInteger" if is_own => of_integers(node, "MatMul"),
        "QLinearAdd" | "QLinearMul" if is_microsoft => {
            let real = name.trim_start_matches("QLinear").to_owned();
            let mut work = Work::new(node);
            let reals = vec![work.real(0, None), work.real(3, None)];
            work.end(&real, reals, 6)
        }
        "QLinearSigmoid"
        | "QLinearLeakyRelu"
        | "QLinearAveragePool"
        | "QLinearGlobalAveragePool"
        | "QLinearReduceMean"
            if is_microsoft && !is_channels_last(&node) =>
        {
            let real = name.trim_start_matches("QLinear").to_owned();
            let mut work = Work::new(node);
            let reals = vec![work.real(0, None)];
            work.end(&real, reals, 3)
        }
        "QLinearConcat" if is_microsoft => {
            let mut work = Work::new(node);
            let operands = work.node.inputs.len() / 3 * 3;
            let reals = (2..operands).step_by(3).map(|at| work.real(at, None));
            let reals = reals.collect();
            work.end("Concat", reals, 0)
        }
        // the same operators as ONNX's own, for types that these had not
        "QuantizeLinear" | "DequantizeLinear" if is_microsoft => vec![NodeProto {
            domain: String::new(),
            ..node
        }],
        _ => vec![node],
    }
}

/// The attribute that ONNX's own pools have not.
const CHANNELS_LAST: &str = "channels_last";

/// Whether the channels of a pool come last.
fn is_channels_last(node: &NodeProto) -> bool {
    let mut attributes = node.attributes.iter();
    attributes.any(|each| each.name == CHANNELS_LAST && each.integer != 0)
}

/// `QLinearConv` and `QLinearMatMul`, whose bias is an operand.
fn product(node: NodeProto, real: &str, bias: Option<usize>) -> Vec<NodeProto> {
    // scales of weights are those of outputs
    let axis = if bias.is_some() { 0 } else { -1 };
    let mut work = Work::new(node);
    let mut reals = vec![work.real(0, None), work.real(3, Some(axis))];
    if let Some(bias) = bias.filter(|&bias| !work.operand(bias).is_empty()) {
        reals.push(work.bias(bias, 1.0));
    }
    work.end(real, reals, 6)
}

/// `QGemm`, whose results may be reals, and whose bias has the scale of a product.
fn gemm(node: NodeProto) -> Vec<NodeProto> {
    let mut work = Work::new(node);
    let attribute = |name: &str| work.node.attributes.iter().find(|each| each.name == name);
    let alpha = attribute("alpha").map_or(1.0, |alpha| alpha.real);
    let transposed = attribute("transB").is_some_and(|each| each.integer != 0);
    let axis = if transposed { 0 } else { 1 };
    let mut reals = vec![work.real(0, None), work.real(3, Some(axis))];
    if !work.operand(6).is_empty() {
        reals.push(work.bias(6, alpha));
    }
    work.end("Gemm", reals, 7)
}

/// `ConvInteger` and `MatMulInteger`: products of integers without their zero points, as if their scales were 1.
fn of_integers(node: NodeProto, real: &str) -> Vec<NodeProto> {
    let axis = if real == "Conv" { 0 } else { -1 };
    let mut work = Work::new(node);
    let one = work.constant("one", 1.0);
    let reals = [(0, 2, None), (1, 3, Some(axis))].map(|(operand, zero, axis)| {
        let inputs = vec![work.operand(operand), one.clone(), work.operand(zero)];
        work.dequantized(&format!("real{operand}"), inputs, axis)
    });
    let outputs = work.node.outputs.clone();
    work.push(real, reals.to_vec(), outputs, work.node.attributes.clone());
    work.nodes
}

/// A node that is expanded, and what it stands for so far.
struct Work {
    node: NodeProto,
    nodes: Vec<NodeProto>,
}

impl Work {
    fn new(mut node: NodeProto) -> Self {
        if node.name.is_empty() {
            node.name = node.outputs.first().cloned().unwrap_or_default();
        }
        Work {
            node,
            nodes: Vec::new(),
        }
    }

    /// The name of an operand; empty if it is left out.
    fn operand(&self, index: usize) -> String {
        self.node.inputs.get(index).cloned().unwrap_or_default()
    }

    /// A name that only this node can have made.
    fn name(&self, of: &str) -> String {
        let output = self.node.outputs.first().map_or("", String::as_str);
        format!("{output}/{of}")
    }

    fn push(
        &mut self,
        operator: &str,
        mut inputs: Vec<String>,
        outputs: Vec<String>,
        attributes: Vec<AttributeProto>,
    ) {
        while inputs.last().is_some_and(String::is_empty) {
            inputs.pop();
        }
        self.nodes.push(NodeProto {
            inputs,
            outputs,
            name: self.node.name.clone(),
            operator: operator.to_owned(),
            attributes,
            domain: String::new(),
        });
    }

    /// The reals of the operand with an index, which its scale and zero point follow.
    fn real(&mut self, index: usize, axis: Option<i64>) -> String {
        let inputs = (index..index + 3).map(|index| self.operand(index));
        let inputs = inputs.collect();
        self.dequantized(&format!("real{index}"), inputs, axis)
    }

    fn dequantized(&mut self, of: &str, inputs: Vec<String>, axis: Option<i64>) -> String {
        let real = self.name(of);
        let axis = axis.map(|axis| AttributeProto {
            name: "axis".to_owned(),
            integer: axis,
            ..AttributeProto::default()
        });
        let outputs = vec![real.clone()];
        self.push(
            "DequantizeLinear",
            inputs,
            outputs,
            axis.into_iter().collect(),
        );
        real
    }

    /// The reals of a bias of 32 bits, whose scale is the product of those of both factors, times another one.
    fn bias(&mut self, index: usize, factor: f32) -> String {
        let product = self.name("bias_scale");
        let inputs = vec![self.operand(1), self.operand(4)];
        self.push("Mul", inputs, vec![product.clone()], Vec::new());
        let mut scale = product;
        if factor != 1.0 {
            let factor = self.constant("alpha", factor);
            let scaled = self.name("bias_scale_alpha");
            self.push("Mul", vec![scale, factor], vec![scaled.clone()], Vec::new());
            scale = scaled;
        }
        let inputs = vec![self.operand(index), scale];
        // the last axis is that of outputs
        self.dequantized("bias", inputs, Some(-1))
    }

    /// A constant of one number.
    fn constant(&mut self, of: &str, value: f32) -> String {
        let name = self.name(of);
        let value = AttributeProto {
            name: "value_float".to_owned(),
            real: value,
            ..AttributeProto::default()
        };
        self.push("Constant", Vec::new(), vec![name.clone()], vec![value]);
        name
    }

    /// The operator of reals, whose results are quantized with the scale that is the operand with an index. Without
    /// a scale, the results are reals.
    fn end(mut self, real: &str, reals: Vec<String>, scale: usize) -> Vec<NodeProto> {
        let mut attributes = self.node.attributes.clone();
        attributes.retain(|each| each.name != CHANNELS_LAST);
        let outputs = self.node.outputs.clone();
        if self.operand(scale).is_empty() {
            self.push(real, reals, outputs, attributes);
            return self.nodes;
        }
        let result = self.name("real");
        self.push(real, reals, vec![result.clone()], attributes);
        let inputs = vec![result, self.operand(scale), self.operand(scale + 1)];
        self.push("QuantizeLinear", inputs, outputs, Vec::new());
        self.nodes
    }
}
