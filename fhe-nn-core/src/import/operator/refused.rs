//! Why operators have no counterpart, and what to do instead.

use super::table::Operator;

/// The reason to refuse an operator that is not accepted.
pub(crate) fn reason(name: &str) -> String {
    if let Some((domain, _)) = name.rsplit_once(':') {
        return match known(name) {
            Some(why) => why.to_owned(),
            None => format!("the operator is not known, as most of the domain `{domain}` are not"),
        };
    }
    known(name)
        .unwrap_or("the operator is not known")
        .to_owned()
}

/// The reason for operands that an accepted operator cannot have.
pub(super) fn limits(operator: &Operator) -> String {
    format!("it is supported otherwise: {}", operator.limits)
}

/// The reason, for operators of which one can be given.
fn known(name: &str) -> Option<&'static str> {
    let groups = GROUPS.iter();
    let mut own = groups.filter(|(_, names)| names.contains(&name));
    own.next().map(|(why, _)| *why)
}

/// Reasons, and the operators that have them.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "it finds a scale when the model runs: quantize with static scales, as `quantize_static` does, or import the \
         model from before its quantization",
        &[
            "DynamicQuantizeLinear",
            "com.microsoft:DynamicQuantizeLSTM",
            "com.microsoft:DynamicQuantizeMatMul",
        ],
    ),
    (
        "it drops low bits of sums: export averages without it",
        &["Trunc"],
    ),
    (
        "it quantizes to numbers with an exponent, but values here are integers times a scale",
        &["FloatQuant"],
    ),
    (
        "it is recurrent, and recurrent networks are not supported: `Conv1d` over the same steps is",
        &[
            "GRU",
            "LSTM",
            "RNN",
            "LinearAttention",
            "CausalConvWithState",
        ],
    ),
    (
        "it is a loop, as of a recurrent network, and loops are not supported: export with the loop unrolled, or use \
         `Conv1d` over the same steps",
        &["Loop", "Scan", "SequenceMap"],
    ),
    (
        "it normalizes by statistics of encrypted values: use batch normalization, which goes into weights",
        &[
            "GroupNormalization",
            "InstanceNormalization",
            "LRN",
            "LayerNormalization",
            "LpNormalization",
            "MeanVarianceNormalization",
            "RMSNormalization",
        ],
    ),
    (
        "it multiplies encrypted values with one another many times: attention is not supported",
        &["Attention", "RotaryEmbedding", "SwiGLU"],
    ),
    (
        "no layer computes it: write it as a matrix product or a convolution",
        &[
            "Col2Im",
            "ConvTranspose",
            "CumSum",
            "DFT",
            "Einsum",
            "GlobalLpPool",
            "LpPool",
            "STFT",
        ],
    ),
    (
        "it multiplies values with one another, or takes their greatest in groups that no layer has",
        &[
            "CumProd",
            "Det",
            "ReduceL1",
            "ReduceLogSum",
            "ReduceLogSumExp",
            "ReduceSumSquare",
        ],
    ),
    (
        "where it takes values from depends on encrypted values",
        &[
            "AffineGrid",
            "Compress",
            "DeformConv",
            "GridSample",
            "MaxRoiPool",
            "MaxUnpool",
            "NonMaxSuppression",
            "NonZero",
            "RoiAlign",
            "TensorScatter",
            "TopK",
            "Unique",
        ],
    ),
    (
        "it draws at random: export for inference",
        &[
            "Bernoulli",
            "Multinomial",
            "RandomNormal",
            "RandomNormalLike",
            "RandomUniform",
            "RandomUniformLike",
        ],
    ),
    (
        "it is of training alone: export for inference",
        &["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"],
    ),
    (
        "values are numbers here, not texts",
        &[
            "RegexFullMatch",
            "StringConcat",
            "StringNormalizer",
            "StringSplit",
            "TfIdfVectorizer",
        ],
    ),
    (
        "values are tensors here, not sequences, optional values or maps",
        &[
            "ConcatFromSequence",
            "Optional",
            "OptionalGetElement",
            "OptionalHasElement",
            "SequenceAt",
            "SequenceConstruct",
            "SequenceEmpty",
            "SequenceErase",
            "SequenceInsert",
            "SequenceLength",
            "SplitToSequence",
        ],
    ),
    (
        "it computes something of the bits of integers",
        &[
            "BitCast",
            "BitShift",
            "BitwiseAnd",
            "BitwiseNot",
            "BitwiseOr",
            "BitwiseXor",
        ],
    ),
];
