//! Bit-widths for a network that has none.

use fhe_nn_proof::spec::{Op, Overflow, Pool, Spec};
use fhe_nn_proof::widths::{MAX_OUTPUT_BITS, MAX_ROUNDED_BITS, MAX_TABLE_BITS};

use super::error::{ImportError, Unsupported};
use super::net::Net;

/// The bit-widths that an import proposes where the model has none of its own.
///
/// Accumulators are `calibrated`, which means as wide as calibration sees them. Tables read their top bits.
///
/// ```
/// use fhe_nn_core::import::Widths;
///
/// let widths = Widths::new().with_weights(3).with_activations(3);
/// assert_eq!((widths.input(), widths.weights()), (4, 3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Widths {
    input: u32,
    weights: u32,
    activations: u32,
    table: u32,
}

impl Default for Widths {
    fn default() -> Self {
        Widths {
            input: 4,
            weights: 4,
            activations: 4,
            table: 5,
        }
    }
}

impl Widths {
    /// The default widths: 4 bits for inputs, weights and activations, and tables that read 5 bits.
    pub fn new() -> Self {
        Widths::default()
    }

    /// Sets the bits of inputs, 1 to 16; by default, 4.
    pub fn with_input(mut self, bits: u32) -> Self {
        self.input = bits;
        self
    }

    /// Sets the bits of weights, 2 to 16; by default, 4.
    pub fn with_weights(mut self, bits: u32) -> Self {
        self.weights = bits;
        self
    }

    /// Sets the bits of the results of activations, 1 to 7; by default, 4.
    pub fn with_activations(mut self, bits: u32) -> Self {
        self.activations = bits;
        self
    }

    /// Sets the bits that tables read, 2 to 8; by default, 5.
    pub fn with_table(mut self, bits: u32) -> Self {
        self.table = bits;
        self
    }

    /// Bits of inputs.
    pub fn input(&self) -> u32 {
        self.input
    }

    /// Bits of weights.
    pub fn weights(&self) -> u32 {
        self.weights
    }

    /// Bits of the results of activations.
    pub fn activations(&self) -> u32 {
        self.activations
    }

    /// Bits that tables read.
    pub fn table(&self) -> u32 {
        self.table
    }

    /// Refuses a width that the language does not have.
    ///
    /// # Errors
    /// [`ImportError::Width`] for the first such width.
    fn check(&self) -> Result<(), ImportError> {
        let all = [
            ("inputs", self.input, 1, 16),
            ("weights", self.weights, 2, 16),
            ("activations", self.activations, 1, MAX_TABLE_BITS - 1),
            ("tables", self.table, 2, MAX_TABLE_BITS),
        ];
        let wrong = all
            .into_iter()
            .find(|(_, bits, least, most)| !(least..=most).contains(&bits));
        wrong.map_or(Ok(()), |(what, bits, least, most)| {
            Err(ImportError::Width {
                what,
                bits,
                least,
                most,
            })
        })
    }
}

/// The declaration of a network: its layers with widths.
///
/// # Errors
/// [`ImportError::Unsupported`] for layers that no widths make a declaration of.
pub(super) fn propose(net: &Net, name: &str, widths: &Widths) -> Result<Spec, ImportError> {
    widths.check()?;
    let own = |tensor: usize, other: u32| {
        let kept = net.widths.iter().find(|(known, _)| *known == tensor);
        kept.map_or(other, |(_, bits)| *bits)
    };
    let mut input = net.input.clone();
    if input.tokens.is_none() {
        input.bits = own(0, widths.input);
    }
    let mut spec = Spec {
        name: name.to_owned().into(),
        input,
        layers: net.layers.clone().into(),
    };
    let mut facts = vec![spec.input.tensor()];
    for index in 0..spec.layers.len() {
        let sources = spec.sources(index);
        let range = facts[sources[0]].range;
        let is_read = spec.reader(index).is_some();
        let kept = net.weights.iter().find(|(layer, _)| *layer == index);
        let weights = kept.map_or(widths.weights, |(_, bits)| *bits);
        let before = sources[0]
            .checked_sub(1)
            .map(|index| &spec.layers[index].op);
        let width = match before.and_then(Op::linear) {
            Some(linear) => linear.accumulator,
            None => range.signed_bits().max(2),
        };
        let layer = &mut spec.layers.to_mut()[index];
        let held = layer.op.linear().map(|mut linear| {
            linear.weights = weights;
            let worst = linear.worst_case(range).unwrap_or(63);
            match is_read {
                true if worst <= widths.table => (worst, Overflow::Checked),
                true => (worst.min(MAX_ROUNDED_BITS), Overflow::Calibrated),
                false if worst <= MAX_OUTPUT_BITS => (worst, Overflow::Checked),
                false => (MAX_OUTPUT_BITS, Overflow::Calibrated),
            }
        });
        match (&mut layer.op, held) {
            (Op::Dense(dense), Some((accumulator, overflow))) => {
                dense.weights = weights;
                (dense.accumulator, dense.overflow) = (accumulator, overflow);
            }
            (Op::Conv(conv), Some((accumulator, overflow))) => {
                conv.weights = weights;
                (conv.accumulator, conv.overflow) = (accumulator, overflow);
            }
            (Op::Embedding(embedding), _) => embedding.weights = weights,
            (Op::Activation(act), _) => {
                if !act.function.is_antiperiodic() {
                    act.output = own(index + 1, widths.activations);
                }
                // what was trained with these widths read all bits
                let table = match net.widths.iter().any(|(tensor, _)| *tensor == index + 1) {
                    true => MAX_TABLE_BITS,
                    false => widths.table,
                };
                act.table = (width > table).then_some(table);
            }
            _ => {}
        }
        let (layer, operands) = (
            &spec.layers[index],
            sources.iter().map(|&source| &facts[source]),
        );
        let operands: Vec<_> = operands.collect();
        let refused = |reason: String| {
            ImportError::Unsupported(vec![Unsupported {
                node: layer.name.to_string(),
                operator: "widths".to_owned(),
                reason,
            }])
        };
        let tables = match &layer.op {
            Op::Pool(pool) if pool.kind == Pool::Max => range.minus(range).signed_bits(),
            Op::Mul => operands
                .iter()
                .skip(1)
                .fold(0, |_, other| range.plus(other.range).signed_bits()),
            _ => 0,
        };
        if tables > MAX_TABLE_BITS {
            return Err(refused(format!(
                "its tables would read {tables} bits, but read at most {MAX_TABLE_BITS}: quantize what it reads to fewer"
            )));
        }
        let fact = layer.op.result(&operands);
        facts.push(fact.map_err(|error| refused(error.to_string()))?);
    }
    if let Err((index, error)) = spec.flow() {
        let layer = &spec.layers[index].name;
        return Err(ImportError::Unsupported(vec![Unsupported {
            node: layer.to_string(),
            operator: "layer".to_owned(),
            reason: error.to_string(),
        }]));
    }
    Ok(spec)
}
