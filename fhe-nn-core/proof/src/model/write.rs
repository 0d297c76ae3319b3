//! The tensors of a layer's integers.

use ndarray::Array2;
use safetensors::Dtype;

use super::tensors::{Tensor, Writer};
use crate::encoder::Encoder;
use crate::part::{Linear, Tables, Vectors};

impl Linear {
    /// The tensors of a layer with weights of `bits` bits.
    pub(crate) fn write(&self, layer: &str, bits: u32, writer: &mut Writer) {
        let outputs = || vec![self.outputs()];
        let constants = self.constants.iter().map(|t| t.to_le_bytes());
        let widths = self.widths.iter().map(|&width| [width as u8]);
        let scales = self.scales.iter().map(|s| s.to_le_bytes());
        let bias = self.bias.iter().map(|b| b.to_le_bytes());
        writer.push(layer, "weights", weights(bits, &self.weights));
        writer.push(
            layer,
            "phases",
            Tensor::new(Dtype::I64, outputs(), constants),
        );
        writer.push(layer, "widths", Tensor::new(Dtype::U8, outputs(), widths));
        writer.push(layer, "scales", Tensor::new(Dtype::F64, outputs(), scales));
        writer.push(layer, "bias", Tensor::new(Dtype::F64, outputs(), bias));
        write_meanings(layer, core::slice::from_ref(&self.input), writer);
    }
}

impl Vectors {
    /// The tensors of a table of vectors of `bits` bits.
    pub(crate) fn write(&self, layer: &str, bits: u32, writer: &mut Writer) {
        let scale = [self.scale.to_le_bytes()];
        writer.push(layer, "weights", weights(bits, &self.weights));
        writer.push(layer, "scale", Tensor::new(Dtype::F64, vec![1], scale));
    }
}

impl Tables {
    /// The tensor of all tables.
    pub(crate) fn write(&self, layer: &str, writer: &mut Writer) {
        let entries = self.entries();
        let bytes = entries.iter().map(|y| y.to_le_bytes());
        let tensor = Tensor::new(Dtype::I16, vec![entries.len()], bytes);
        writer.push(layer, "tables", tensor);
    }
}

impl Encoder {
    /// The tensors of the normalization of inputs.
    pub(crate) fn write_norms(&self, writer: &mut Writer) {
        let shape = || vec![self.norms.len()];
        let means = self.norms.iter().map(|norm| norm.mean.to_le_bytes());
        let stds = self.norms.iter().map(|norm| norm.std.to_le_bytes());
        writer.push("input", "mean", Tensor::new(Dtype::F64, shape(), means));
        writer.push("input", "std", Tensor::new(Dtype::F64, shape(), stds));
    }
}

/// The scale and the zero point of each tensor, one tensor after the other.
pub(crate) fn write_meanings(layer: &str, sources: &[Encoder], writer: &mut Writer) {
    let affines = sources.iter().flat_map(|source| source.affines.iter());
    let pairs = affines.flat_map(|affine| [affine.scale, affine.zero_point as f64]);
    let shape = vec![
        2 * sources
            .iter()
            .map(|source| source.affines.len())
            .sum::<usize>(),
    ];
    let tensor = Tensor::new(Dtype::F64, shape, pairs.map(f64::to_le_bytes));
    writer.push(layer, "input", tensor);
}

/// Integers of `bits` bits.
fn weights(bits: u32, weights: &Array2<i16>) -> Tensor {
    let (shape, weights) = (weights.shape().to_vec(), weights.iter());
    match bits {
        ..=8 => Tensor::new(Dtype::I8, shape, weights.map(|&w| (w as i8).to_le_bytes())),
        _ => Tensor::new(Dtype::I16, shape, weights.map(|w| w.to_le_bytes())),
    }
}
