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
//! # The language
//!
//! Layers are `Dense<I, O>` and activations, also with a path before. They take turns, a `Dense` first
//! and last.
//!
//! | activations | |
//! |---|---|
//! | rectifiers | `Relu`, `Relu6`, `LeakyRelu` |
//! | smooth rectifiers | `Elu`, `Selu`, `Celu`, `Gelu`, `Silu`, `Mish`, `Softplus`, `HardSwish` |
//! | sigmoids | `Sigmoid`, `HardSigmoid`, `Tanh`, `HardTanh`, `Softsign` |
//! | elementary | `Identity`, `Abs`, `Square`, `Exp` |
//! | antiperiodic | `Sign`, `Wave` |
//!
//! All but the antiperiodic ones are PyTorch's, with its default parameters, and are one table per
//! neuron, so they cost the same. Results are unsigned integers if the function is never negative,
//! else signed. `fhe_nn_core::layer` has the formulas.
//!
//! | on | key | meaning | default |
//! |---|---|---|---|
//! | `input(..)` | `shape = [..]` | extents of one input, slowest first; at most 2^24 values | must be written |
//! | `input(..)` | `bits = 1..=16` | inputs are unsigned integers of so many bits | must be written |
//! | `Dense` | `weights = 2..=16` | weights are signed integers, `2^(weights-1) - 1` at most | must be written |
//! | `Dense` | `accumulator = 2..=32` | width that the accumulator is held to | the worst case of the widths |
//! | `Dense` | `overflow = ..` | `checked`: it never leaves that width, proved; `calibrated`: that width is what calibration saw; `wrap`: it counts modulo 2^`accumulator` | `checked` |
//! | activation but `Sign` | `output = 1..=8` | width of a result | must be written |
//! | activation | `table = 1..=8` | the table reads the top bits of the accumulator; `Sign` to 9, `Wave` 2 to 9 | all bits |
//! | activation | `rounding = ..` | how the lower bits are dropped: `exact` or `approximate`, see [below](#wide-accumulators) | `exact` |
//! | `Wave`, `Sign` | `phases = k` | k values per neuron from one bootstrap | 1 |
//!
//! Shapes and widths are integer literals, because a macro runs before constants are evaluated.
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
//! # The laws
//!
//! 1. Shapes agree from layer to layer and with the input.
//! 2. Accumulators fit: inputs x greatest input x greatest weight, and a sign. At most 32 bits.
//! 3. Tables fit: a table reads at most 8 bits, that of `Wave` and `Sign` 9; of a wider accumulator, the
//!    top `table` bits.
//! 4. `wrap` and `phases` need `Wave` or `Sign`; `Wave` needs `wrap`. Phases divide half a period.
//! 5. Scores fit: what is decrypted has at most 20 bits.
//! 6. Layers take turns, and every key is known, written once, and of use.
//!
//! An error names the law, the numbers and an edit, and shows all mistakes of a struct at once:
//!
//! ```text
//! error: accumulator of `hidden` needs 11 bits, but the table of `act` reads at most 8
//!        = note: 64 inputs x 3 (2-bit input) x 3 (3-bit weights) = 576, plus a sign
//!        = help: write `table = 8` on `act`: it reads the top 8 bits, and at most 2 more bootstraps per neuron remove the lower 3; without it, at most 14 inputs would fit at these widths
//!   |
//!   |     #[bits(weights = 3)]
//!   |                      ^
//! ```

mod ast;
mod attr;
mod check;
mod errors;
mod expand;
mod key;
mod layer;
mod literal;
mod parse;
#[cfg(test)]
mod tests;

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
    let item = TokenStream::from(item);
    declare(args.into(), item.clone())
        .unwrap_or_else(|errors| expand::fallback(item, &errors))
        .into()
}

/// The three phases, with a barrier after each.
fn declare(args: TokenStream, item: TokenStream) -> Result<TokenStream, Vec<Error>> {
    let network = parse::parse(args, item)?;
    let spec = check::check(&network)?;
    Ok(expand::expand(&network, &spec))
}
