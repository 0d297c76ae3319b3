//! The names of the operators that have a counterpart.

use super::formula::FORMULAS;

/// The operators that are not formulas.
const OTHERS: &[&str] = &[
    "ArgMax",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "CastLike",
    "Concat",
    "Conv",
    "DequantizeLinear",
    "Expand",
    "Flatten",
    "Gather",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Hardmax",
    "LogSoftmax",
    "MatMul",
    "MaxPool",
    "Pad",
    "Quant",
    "QuantizeLinear",
    "Range",
    "ReduceMax",
    "ReduceMean",
    "ReduceSum",
    "Reshape",
    "Shape",
    "Size",
    "Slice",
    "Softmax",
    "Split",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];

/// Whether an operator has a counterpart for some operands.
pub(super) fn is_known(operator: &str) -> bool {
    OTHERS.contains(&operator) || FORMULAS.contains(&operator)
}
