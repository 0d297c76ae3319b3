//! The operators that are accepted: their attributes, and with which limits.
//!
//! The guide's page of all operators is made of this table, and a test compares it with ONNX's own schemas. An operator
//! of another domain than ONNX's has the domain in its name, except those of QONNX.

use super::attributes::{Attribute, AttributeKind, Reading};

/// An operator that is accepted.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) name: &'static str,
    pub(crate) attributes: &'static [Attribute],
    /// What it becomes, and what it must be like: a phrase of the guide and of refusals.
    pub(crate) limits: &'static str,
}

/// The accepted operator of a name, as nodes have it.
pub(super) fn operator(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|operator| operator.name == name)
}

/// A formula of single values.
const EACH: &str = "each value by itself, with constants or with other functions of the same value";
const EACH_OR_BOTH: &str =
    "each value by itself, with constants, or two tensors, one of which may be repeated";
const CONSTANTS: &str = "constants only, such as shapes";
const MOVES: &str = "moves values and computes nothing; where they go must be constant";
const SCATTERS: &str = "values of one tensor, among its values or zeros, at constant places";
const INTEGERS: &str = "as the operator of reals, between `DequantizeLinear` and `QuantizeLinear`";
const CLIENT: &str = "of the scores: left to the client";

const fn int(name: &'static str) -> Attribute {
    Attribute::new(AttributeKind::Integer, name)
}
const fn ints(name: &'static str) -> Attribute {
    Attribute::new(AttributeKind::Integers, name)
}
const fn real(name: &'static str) -> Attribute {
    Attribute::new(AttributeKind::Real, name)
}
const fn reals(name: &'static str) -> Attribute {
    Attribute::new(AttributeKind::Reals, name)
}
const fn text(name: &'static str) -> Attribute {
    Attribute::new(AttributeKind::Text, name)
}
const fn texts(name: &'static str) -> Attribute {
    Attribute::new(AttributeKind::Texts, name)
}
const fn tensor(name: &'static str) -> Attribute {
    Attribute::new(AttributeKind::Tensor, name)
}
const fn graph(name: &'static str) -> Attribute {
    Attribute::new(AttributeKind::Graph, name)
}
const fn absent(kind: AttributeKind, name: &'static str) -> Attribute {
    Attribute::new(kind, name).reading(Reading::Absent)
}
const fn only(name: &'static str, default: i64) -> Attribute {
    int(name).reading(Reading::Integer(default))
}
/// An attribute of training, of types that are not read, of an output that is not read, or of the shape of what the
/// client computes.
const fn inert(attribute: Attribute) -> Attribute {
    attribute.reading(Reading::Inert)
}
const fn op(
    name: &'static str,
    attributes: &'static [Attribute],
    limits: &'static str,
) -> Operator {
    Operator {
        name,
        attributes,
        limits,
    }
}

const SATURATE: Attribute = inert(int("saturate").since(19));
const ROUND_MODE: Attribute = inert(text("round_mode").since(24));
/// Axes are an operand in newer versions.
const fn axes_until(version: i64) -> Attribute {
    ints("axes").until(version)
}
const NOOP: Attribute = int("noop_with_empty_axes").since(18);
const KEEPDIMS: Attribute = int("keepdims");
const CHANNELS_LAST: Attribute = only("channels_last", 0);
const CONV: &[Attribute] = &[
    text("auto_pad"),
    ints("dilations"),
    int("group"),
    ints("kernel_shape"),
    ints("pads"),
    ints("strides"),
];
const QUANT: &[Attribute] = &[int("narrow"), int("signed"), text("rounding_mode")];

/// All of them, in the order of their names.
#[rustfmt::skip]
pub(crate) const OPERATORS: &[Operator] = &[
    op("Abs", &[], EACH),
    op("Add", &[], EACH_OR_BOTH),
    op("And", &[], EACH),
    op("ArgMax", &[int("axis"), inert(KEEPDIMS), only("select_last_index", 0).since(12)], CLIENT),
    op("AveragePool", &[text("auto_pad"), int("ceil_mode").since(10), int("count_include_pad"), ints("dilations").since(19),
        ints("kernel_shape"), ints("pads"), ints("strides")],
        "of one or two axes; where it leaves padding out and divides by fewer values at the border, a dense layer must follow"),
    op("BatchNormalization", &[real("epsilon"), inert(real("momentum")), int("training_mode").since(14)],
        "in evaluation mode: goes into weights"),
    op("BipolarQuant", &[], "`Sign`, or weights of 1 and -1 times a scale"),
    op("Cast", &[int("to"), SATURATE, ROUND_MODE], "to reals, to booleans, and to integers if that is a function of single values"),
    op("CastLike", &[SATURATE.since(19), ROUND_MODE], "as `Cast`; values of a tensor stay reals"),
    op("Ceil", &[], EACH),
    op("Celu", &[real("alpha").since(12)], EACH),
    op("Clip", &[real("max").until(10), real("min").until(10)], EACH),
    op("Concat", &[int("axis")], "values with values, or constants with constants"),
    op("Constant", &[tensor("value"), absent(AttributeKind::Other, "sparse_value").since(11), real("value_float").since(12),
        reals("value_floats").since(12), int("value_int").since(12), ints("value_ints").since(12),
        absent(AttributeKind::Text, "value_string").since(12), absent(AttributeKind::Texts, "value_strings").since(12)],
        "dense, of numbers"),
    op("ConstantOfShape", &[tensor("value")], CONSTANTS),
    op("Conv", CONV,
        "of one or two axes, with a constant kernel"),
    op("ConvInteger", CONV, INTEGERS),
    op("Cos", &[], EACH),
    op("DequantizeLinear", &[int("axis").since(13), int("block_size").since(21), inert(int("output_dtype").since(23))],
        "of constants, or of integers of the input or of `QuantizeLinear`, with one scale for a tensor"),
    op("Div", &[], EACH),
    op("Dropout", &[inert(real("ratio").until(11)), inert(int("seed").since(12))], "in evaluation mode: nothing"),
    op("Elu", &[real("alpha")], EACH),
    op("Equal", &[], EACH),
    op("Erf", &[], EACH),
    op("Exp", &[], EACH),
    op("Expand", &[], MOVES),
    op("Flatten", &[int("axis")], MOVES),
    op("Floor", &[], EACH),
    op("Gather", &[int("axis")], "of constant places, or vectors of constants for the tokens of the input: an `Embedding`"),
    op("GatherElements", &[int("axis").since(11)], MOVES),
    op("GatherND", &[int("batch_dims").since(12)], MOVES),
    op("Gelu", &[text("approximate").since(20)], EACH),
    op("Gemm", &[real("alpha"), real("beta"), int("transA"), int("transB")], "with constants: a `Dense`; not `transA`"),
    op("GlobalAveragePool", &[], "of one or two axes"),
    op("GlobalMaxPool", &[], "of one or two axes"),
    op("Greater", &[], EACH),
    op("GreaterOrEqual", &[], EACH),
    op("HardSigmoid", &[real("alpha"), real("beta")], EACH),
    op("HardSwish", &[], EACH),
    op("Hardmax", &[int("axis")], CLIENT),
    op("Identity", &[], EACH),
    op("If", &[graph("else_branch"), graph("then_branch")], "with a constant condition, such as one of shapes"),
    op("IntQuant", QUANT, "as `Quant`"),
    op("LeakyRelu", &[real("alpha")], EACH),
    op("Less", &[], EACH),
    op("LessOrEqual", &[], EACH),
    op("Log", &[], EACH),
    op("LogSoftmax", &[int("axis")], CLIENT),
    op("MatMul", &[], "with a constant on the right: a `Dense`, or a convolution with a kernel of 1"),
    op("MatMulInteger", &[], INTEGERS),
    op("Max", &[], EACH),
    op("MaxPool", &[text("auto_pad"), int("ceil_mode").since(10), ints("dilations").since(10), ints("kernel_shape"), ints("pads"),
        inert(int("storage_order")), ints("strides")],
        "of one or two axes, without the output of indices; zeros that a `Pad` adds need values that are never negative"),
    op("Min", &[], EACH),
    op("Mish", &[], EACH),
    op("Mul", &[], EACH_OR_BOTH),
    op("Neg", &[], EACH),
    op("Not", &[], EACH),
    op("Or", &[], EACH),
    op("PRelu", &[], EACH),
    op("Pad", &[text("mode"), ints("pads").until(10), real("value").until(10)],
        "with zeros, or with repeated values, which windows may go over only as edges in front of a `MaxPool`"),
    op("Pow", &[], EACH),
    op("QLinearConv", CONV, INTEGERS),
    op("QLinearMatMul", &[], INTEGERS),
    op("Quant", QUANT, "of constants, or with one scale for a tensor; rounded to the nearest integer, down or up"),
    op("QuantizeLinear", &[int("axis").since(13), int("block_size").since(21), int("output_dtype").since(21),
        only("precision", 0).since(23), SATURATE],
        "of constants, or with one scale for a tensor"),
    op("Range", &[inert(int("stash_type").since(27))], CONSTANTS),
    op("Reciprocal", &[], EACH),
    op("ReduceL2", &[axes_until(17), KEEPDIMS, NOOP], CONSTANTS),
    op("ReduceMax", &[axes_until(17), KEEPDIMS, NOOP], "of all values of each channel, or of windows over it"),
    op("ReduceMean", &[axes_until(17), KEEPDIMS, NOOP], "of any values"),
    op("ReduceMin", &[axes_until(17), KEEPDIMS, NOOP], CONSTANTS),
    op("ReduceProd", &[axes_until(17), KEEPDIMS, NOOP], CONSTANTS),
    op("ReduceSum", &[axes_until(12), KEEPDIMS, int("noop_with_empty_axes").since(13)], "of any values"),
    op("Relu", &[], EACH),
    op("Reshape", &[int("allowzero").since(14)], MOVES),
    op("Round", &[], EACH),
    op("ScatterElements", &[int("axis").since(11), text("reduction").since(16).reading(Reading::Text("none"))], SCATTERS),
    op("ScatterND", &[text("reduction").since(16).reading(Reading::Text("none"))], SCATTERS),
    op("Selu", &[real("alpha"), real("gamma")], EACH),
    op("Shape", &[int("end").since(15), int("start").since(15)], "a constant, as shapes are fixed"),
    op("Shrink", &[real("bias"), real("lambd")], EACH),
    op("Sigmoid", &[], EACH),
    op("Sign", &[], EACH),
    op("Sin", &[], EACH),
    op("Size", &[], "a constant, as shapes are fixed"),
    op("Slice", &[axes_until(9), ints("ends").until(9), ints("starts").until(9)], MOVES),
    op("Softmax", &[int("axis")], CLIENT),
    op("Softplus", &[], EACH),
    op("Softsign", &[], EACH),
    op("Split", &[int("axis"), ints("split").until(12), int("num_outputs").since(18)], MOVES),
    op("Sqrt", &[], EACH),
    op("Squeeze", &[axes_until(12)], MOVES),
    op("Sub", &[], EACH_OR_BOTH),
    op("Sum", &[], EACH_OR_BOTH),
    op("Swish", &[real("alpha").since(24)], EACH),
    op("Tanh", &[], EACH),
    op("ThresholdedRelu", &[real("alpha").since(10)], EACH),
    op("Transpose", &[ints("perm")], MOVES),
    op("Unsqueeze", &[axes_until(12)], MOVES),
    op("Where", &[], EACH),
    op("ai.onnx.ml:ArrayFeatureExtractor", &[], "values of constant places along the last axis"),
    op("ai.onnx.ml:Binarizer", &[real("threshold")], EACH),
    op("ai.onnx.ml:LinearClassifier", &[ints("classlabels_ints"), texts("classlabels_strings"), reals("coefficients"),
        reals("intercepts"), inert(int("multi_class")), text("post_transform")],
        "with `NONE`, `LOGISTIC` or `SOFTMAX` and a row of coefficients for each class: a `Dense`"),
    op("ai.onnx.ml:LinearRegressor", &[reals("coefficients"), reals("intercepts"), text("post_transform"), int("targets")],
        "with `NONE`: a `Dense`"),
    op("ai.onnx.ml:Normalizer", &[text("norm")], CLIENT),
    op("ai.onnx.ml:Scaler", &[reals("offset"), reals("scale")], EACH),
    op("ai.onnx.ml:ZipMap", &[inert(ints("classlabels_int64s")), inert(texts("classlabels_strings"))],
        "of scores: nothing, as the classes have the order of the scores"),
    op("com.microsoft:QGemm", &[real("alpha"), int("transA"), int("transB")], INTEGERS),
    op("com.microsoft:QLinearAdd", &[], INTEGERS),
    op("com.microsoft:QLinearAveragePool", &[text("auto_pad"), int("ceil_mode"), CHANNELS_LAST, int("count_include_pad"),
        ints("kernel_shape"), ints("pads"), ints("strides")], INTEGERS),
    op("com.microsoft:QLinearConcat", &[int("axis")], INTEGERS),
    op("com.microsoft:QLinearGlobalAveragePool", &[CHANNELS_LAST], INTEGERS),
    op("com.microsoft:QLinearLeakyRelu", &[real("alpha")], INTEGERS),
    op("com.microsoft:QLinearMul", &[], INTEGERS),
    op("com.microsoft:QLinearReduceMean", &[ints("axes"), int("keepdims")], INTEGERS),
    op("com.microsoft:QLinearSigmoid", &[], INTEGERS),
];
