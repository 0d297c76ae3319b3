//! The attribute macro [`#[fhe_network]`](macro@fhe_network): a struct with bit-widths on its
//! layers is a network, and the compiler checks the laws of its widths, shapes and order.
//!
//! ```
//! use fhe_nn_core::prelude::*;
//!
//! /// Reads a 28 x 28 black-and-white image of a handwritten digit.
//! #[fhe_network(input(shape = [784], bits = 1))]
//! pub struct Digits {
//!     #[bits(weights = 2, accumulator = 5, overflow = wrap)]
//!     hidden: Dense<784, 64>,
//!     #[bits(output = 3, phases = 4)]
//!     wave: Wave,
//!     #[bits(weights = 4)]
//!     scores: Dense<256, 10>,
//! }
//!
//! assert_eq!(Digits::SPEC.output_len(), 10);
//! ```
//!
//! A field's type is its layer, the attribute holds its widths, and the order of the fields is
//! the order of execution. The macro adds `impl Network for Digits` and nothing else; attributes,
//! documentation and visibility stay as they are.
//!
//! # Layers
//!
//! Types may be path-qualified; `Add` and `Mul` usually are, because the prelude leaves these names to the
//! operators of the standard library. Omitted sizes take the default shown after their `=`.
//!
//! | layer | shapes | bootstraps |
//! |---|---|---|
//! | `Dense<I, O>` | any shape of `I` values to `[O]` | |
//! | `Conv2d<IN, OUT, K, STRIDE = 1, PADDING = 0, DILATION = 1, GROUPS = 1>` | `[IN, H, W]` to `[OUT, H', W']` | |
//! | `Conv1d<IN, OUT, K, STRIDE = 1, PADDING = 0, DILATION = 1, GROUPS = 1>` | `[IN, L]` to `[OUT, L']` | |
//! | `Conv<IN, OUT, WINDOWS, GROUPS = 1>` | as `Conv2d` or `Conv1d` | |
//! | `Embedding<V, DIM>` | `T` tokens to `[DIM, T]` | none, or one a result: [tokens](#tokens) |
//! | an activation | `[C, ..]` to the same; with k phases to `[k C, ..]` | one for each value that it reads, and more for [wide accumulators](#wide-accumulators) |
//! | `AvgPool2d<K, STRIDE = K, PADDING = 0>` | `[C, H, W]` to `[C, H', W']` | |
//! | `AvgPool1d<K, STRIDE = K, PADDING = 0>` | `[C, L]` to `[C, L']` | |
//! | `AvgPool<WINDOWS>` | as `AvgPool2d` or `AvgPool1d` | |
//! | `MaxPool2d<K, STRIDE = K, PADDING = 0>` | `[C, H, W]` to `[C, H', W']` | `K x K - 1` a result, fewer at padding |
//! | `MaxPool1d<K, STRIDE = K, PADDING = 0>` | `[C, L]` to `[C, L']` | `K - 1` a result |
//! | `MaxPool<WINDOWS>` | as `MaxPool2d` or `MaxPool1d` | one less than the taps of a window for a result, fewer at padding |
//! | `GlobalAvgPool` | `[C, H, W]` to `[C, 1, 1]`, `[C, L]` to `[C, 1]` | |
//! | `GlobalMaxPool` | as `GlobalAvgPool` | `H W - 1` or `L - 1` a result |
//! | `layer::Add` | two tensors or more of one shape to the same; those after the first may have one value for each channel | |
//! | `layer::Mul` | two tensors of one shape to the same; the second may have one value for each channel | two a result |
//! | `Concat` | `[A, ..]`, `[B, ..]` and so on to `[A + B + .., ..]` | |
//! | `Flatten` | any shape to a row | |
//!
//! Shapes, kernels and padding are PyTorch's: `H' = floor((H + 2 PADDING - DILATION (K - 1) - 1) / STRIDE) + 1`.
//! Padding is 0 in reals, and never the greatest of a window.
//!
//! Windows that differ by axis or have other padding at the far end are written axis by axis. `WINDOWS` is
//! `Axis<K, STRIDE = 1, PADDING = 0, DILATION = 1, FAR = PADDING>` for one axis, and a pair of them, down and across, for
//! two: `Conv<1, 8, (Axis<1>, Axis<5, 2>)>` has windows of 1 x 5 that are 1 down and 2 across apart, and
//! `MaxPool<Axis<2, 2, 0, 1, 1>>` has one position of padding behind the last value. An axis of a pool has its stride
//! written.
//!
//! | activations | |
//! |---|---|
//! | rectifiers | `Relu`, `Relu6`, `LeakyRelu`, `Prelu`, `Threshold` |
//! | smooth rectifiers | `Elu`, `Selu`, `Celu`, `Gelu`, `Silu`, `Mish`, `Softplus`, `HardSwish` |
//! | sigmoids | `Sigmoid`, `HardSigmoid`, `Tanh`, `HardTanh`, `Softsign` |
//! | elementary | `Identity`, `Abs`, `Square`, `Exp` |
//! | antiperiodic | `Sign`, `Wave` |
//! | a function of your own | `Custom` |
//!
//! All but the last three are PyTorch's, and a table costs the same whatever its function is. Results are
//! unsigned integers if the function is never negative, and signed otherwise; those of `Custom` are signed.
//! `fhe_nn_core::layer` has the formulas.
//!
//! # Keys
//!
//! | on | key | meaning | default |
//! |---|---|---|---|
//! | `input(..)` | `shape = [..]` | extents of one input, slowest first; at most 2^24 values | must be written |
//! | `input(..)` | `bits = 1..=16` | inputs are unsigned integers of this width | must be written, except for tokens |
//! | `input(..)` | `scales = one` | all values are encoded with one scale and zero point | yes |
//! | | `scales = per_channel` | those of each channel, the first extent, have their own; `Dense` and convolutions read them | |
//! | | `scales = per_value` | each value has its own, as features of a table need; `Dense` reads them | |
//! | `input(..)` | `vocabulary = V` | inputs are [tokens](#tokens), `0..V` | numbers |
//! | `Dense`, `Conv..`, `Embedding` | `weights = 2..=16` | weights are signed integers, `2^(weights-1) - 1` at most | must be written |
//! | `Dense`, `Conv..` | `accumulator = 2..=32` | width that the accumulator is held to | the worst case of the widths |
//! | `Dense`, `Conv..` | `overflow = ..` | `checked`: it never leaves that width, proved; `calibrated`: that width is what calibration saw; `wrap`: it counts modulo 2^`accumulator` | `checked` |
//! | activation except `Sign` | `output = 1..=8` | width of a result | must be written |
//! | activation | `table = 1..=8` | the table reads the top bits of the accumulator; `Sign` to 9, `Wave` 2 to 9 | all bits |
//! | activation | `rounding = ..` | how the lower bits are dropped: `exact` or `approximate`, see [below](#wide-accumulators) | `exact` |
//! | `Wave`, `Sign` | `phases = k` | k values per neuron from one bootstrap | 1 |
//! | `Custom` | `function = path` | the function, a `fn(f32) -> f32`; the quantizer calls it, and the model keeps its tables | must be written |
//!
//! Shapes, sizes and widths are integer literals, because a macro runs before constants are evaluated.
//! All other layers take no keys, because their integers follow from what they read.
//!
//! # Graphs
//!
//! A layer reads the field before it, and the first one reads the input. `#[from(a, b)]` names other fields
//! before it, and `input` is the name of the input:
//!
//! ```
//! use fhe_nn_core::prelude::*;
//!
//! /// A convolution with a residual block behind it.
//! #[fhe_network(input(shape = [1, 8, 8], bits = 2))]
//! struct Residual {
//!     #[bits(weights = 2, overflow = calibrated)]
//!     stem: Conv2d<1, 4, 3, 2, 1>,
//!     #[bits(output = 2, table = 4)]
//!     stem_act: Relu,
//!     #[bits(weights = 2, overflow = calibrated)]
//!     branch: Conv2d<4, 4, 3, 1, 1>,
//!     #[bits(output = 2, table = 4)]
//!     branch_act: Identity,
//!     #[from(stem_act, branch_act)]
//!     sum: layer::Add,
//!     #[bits(output = 2)]
//!     act: Relu,
//!     pool: GlobalAvgPool,
//!     #[bits(weights = 3)]
//!     scores: Dense<4, 2>,
//! }
//!
//! let tensors = Residual::SPEC.flow().expect("it was compiled");
//! assert_eq!(tensors[5].shape, [4, 4, 4]); // that of the sum: tensor 0 is the input
//! ```
//!
//! Which layers may read a result depends on what it is:
//!
//! | results of | are | and are read by |
//! |---|---|---|
//! | `Dense`, `Conv..` | accumulators, whose scales and bias live in the table behind them | one activation alone; at the end the client |
//! | `AvgPool..`, `GlobalAvgPool`, `Add`, `Mul` | sums of values | every layer but `Embedding`; at the end the client |
//! | activations, `Embedding`, `MaxPool..`, `GlobalMaxPool`, `Concat`, `Flatten`, and an input of numbers | values | every layer but activations and `Embedding` |
//! | an input of tokens | tokens | `Embedding` |
//!
//! # Tokens
//!
//! The client is given the numbers of tokens and encrypts them in one of two ways:
//!
//! - `input(shape = [T], vocabulary = V)`: a token as one 1 among V values. An `Embedding` is then an exact
//!   sum without a bootstrap, but a request has V values for each token.
//! - `input(shape = [T], vocabulary = V, bits = b)`: a token as its number, of `b = ceil(log2 V)` bits, 1 to 8.
//!   A request has one value for each token, and an `Embedding` takes `DIM x T` bootstraps.
//!
//! # Floats
//!
//! The quantizer finds a layer's floats by the name of its field and PyTorch's names. A float without a
//! default must be there.
//!
//! | layer | floats |
//! |---|---|
//! | `Dense`, `Conv..` | `fc.weight`; `fc.bias`, 0 |
//! | `Embedding` | `words.weight` |
//! | `LeakyRelu` | `act.negative_slope`, 0.01 |
//! | `Prelu` | `act.weight` |
//! | `Threshold` | `act.threshold` and `act.value` |
//! | `Elu`, `Celu` | `act.alpha`, 1 |
//! | `Softplus` | `act.beta`, 1, and `act.threshold`, 20 |
//! | `HardSigmoid` | `act.alpha`, 1/6, and `act.beta`, 1/2 |
//! | `HardTanh` | `act.min_val`, -1, and `act.max_val`, 1 |
//!
//! A parameter of an activation is one number, or one for every channel.
//!
//! # Wide accumulators
//!
//! With `table`, an accumulator may be wider than a table can read: the lower bits are dropped, which
//! in the clear is the floor. Encrypted, `rounding` says how:
//!
//! - `exact`: the same floor, so that encrypted equals clear. More bootstraps, each of a small table,
//!   remove the lower bits of every neuron: four bits take two bootstraps; of what is left, one bit
//!   takes one, two or three bits take two. So 1, 4, 5, 9 and 12 bits take 1, 2, 3, 5 and 6.
//! - `approximate`: no more bootstraps. The table reads the noisy top bits, and a value near a boundary
//!   may be off by one step.
//!
//! What counts is the width after quantization, which is often less than the worst case. Where a table
//! drops bits, an encrypted run takes accumulators of at most 20, and the plan refuses wider ones; a
//! written `accumulator` bounds them. A table that reads fewer bits is cheaper, although more are
//! dropped: each bit that it reads above 4 (`Wave` and `Sign`: 5) costs 2 to 4 times as much.
//!
//! # A model at compile time
//!
//! With `weights`, the macro reads the quantized model, and the compiler proves it: every neuron's range from
//! its own weights, and that parameters exist for every layer at `failure` bits, 128 unless written. The
//! path starts from the folder of the source file, like that of `include_bytes!`, and a change of the file
//! triggers a new compilation. (In an editor that does not tell the macro which file it is in, the macro
//! looks in the package and in its `src`.) The network then is `fhe_nn_core::Embedded`: `Digits::embedded()`
//! needs no file and cannot fail, and `Digits::PLAN` is its plan as a constant: the parameters of every
//! stage, the scores and the fingerprint of the model.
//!
//! ```text
//! #[fhe_network(input(shape = [784], bits = 1), weights = "digits.safetensors", failure = 128)]
//! ```
//!
//! An error points at the number to change or, if the file is not the model of the declaration, at its path.
//!
//! ```text
//! error: neuron 1 of `scores` reaches [0, 4]: 4 bits, but `accumulator` is 3
//!        = note: with the weights of `models/one_too_many.safetensors`; 3 bits hold [-4, 3]
//!        = help: write `accumulator = 4` on `scores`; then quantize and save the model again
//!   |
//!   |     #[bits(weights = 4, accumulator = 3)]
//!   |                                       ^
//! ```
//!
//! # The laws
//!
//! 1. Shapes agree from layer to layer and with the input; kernels fit, padding at either end is less than what
//!    a kernel spans, each window of a pool sees a value, groups divide channels.
//! 2. Accumulators fit: inputs (for a convolution, taps) x greatest input x greatest weight, and a sign, take
//!    at most 32 bits.
//! 3. Tables fit: a table reads at most 8 bits, or 9 for `Wave` and `Sign`; it reads the top `table` bits of
//!    a wider accumulator or sum. The tables of `MaxPool..` read all bits of differences of two values, those
//!    of `Mul` all bits of sums and differences.
//! 4. `wrap` and `phases` need `Wave` or `Sign`; `Wave` needs `wrap`. Phases divide half a period.
//! 5. Scores fit: what is decrypted, accumulators or sums, has at most 20 bits.
//! 6. Layers read what they [can](#graphs), from fields before them, and every result is read; a network
//!    ends with accumulators or sums, and no activation reads the input. Every key is known, written once,
//!    and of use.
//!
//! An error names the law, the numbers and an edit, and all mistakes of a struct are shown at once:
//!
//! ```text
//! error: accumulator of `hidden` needs 11 bits, but the table of `act` reads at most 8
//!        = note: 64 inputs x 3 (2-bit input) x 3 (3-bit weights) = 576, plus a sign
//!        = help: write `table = 5` on `act`: it reads the top 5 bits, and at most 4 more bootstraps per neuron remove the lower 6; `table = 8` would take about 4 times as long; without it, at most 14 inputs would fit at these widths
//!   |
//!   |     #[bits(weights = 3)]
//!   |                      ^
//!
//! error: `scores` takes 676 values, but gets 144
//!        = note: input [1, 28, 28] -> conv [4, 13, 13] -> act [4, 13, 13] -> pool [4, 6, 6]
//!        = help: write `scores: Dense<144, 2>`
//!   |
//!   |     scores: Dense<676, 2>,
//!   |                   ^^^
//! ```

mod ast;
mod attr;
mod check;
mod errors;
mod expand;
mod key;
mod layers;
mod literal;
mod parse;
#[cfg(test)]
mod tests;
mod weights;

use errors::Error;
use proc_macro2::TokenStream;

/// Declares a network: checks the struct and implements `fhe_nn_core::Network` for it.
///
/// The [crate's page](crate) is the reference of its language.
#[proc_macro_attribute]
pub fn fhe_network(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let (args, item) = (TokenStream::from(args), TokenStream::from(item));
    let embeds = parse::embeds(&args);
    declare(args, item.clone())
        .unwrap_or_else(|errors| expand::fallback(item, &errors, embeds))
        .into()
}

/// The phases, with a barrier after each.
fn declare(args: TokenStream, item: TokenStream) -> Result<TokenStream, Vec<Error>> {
    let network = parse::parse(args, item)?;
    let spec = check::check(&network)?;
    let model = weights::prove(&network, &spec)?;
    Ok(expand::expand(&network, &spec, model.as_ref()))
}
