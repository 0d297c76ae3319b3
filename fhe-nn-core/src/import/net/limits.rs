//! Kept widths that are too wide for a layer that reads them: maxima compare values by their differences, and products
//! are made of sums and differences, all of which tables read.

use fhe_nn_proof::spec::{Op, Pool};
use fhe_nn_proof::widths::{MAX_TABLE_BITS, Range};

use super::network::Net;
use super::preset_scales::chooses;

impl Net {
    /// Narrows the values that maxima and products read to the bits that tables can compare. Their scale is found from
    /// samples; the float network keeps the model's.
    pub(crate) fn limit_widths(&mut self) {
        // the layer that limits each tensor, from the last layer on
        let mut readers: Vec<Option<usize>> = vec![None; self.facts.len()];
        let is_product = |reader: &usize| self.layers[*reader].op == Op::Mul;
        // a product asks for less than a maximum
        let nearer = |own: Option<usize>, known: Option<usize>| match known.filter(is_product) {
            None => own.or(known),
            product => product,
        };
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let own = match &layer.op {
                Op::Pool(pool) if pool.kind == Pool::Max => Some(index),
                Op::Mul => Some(index),
                _ => None,
            };
            let behind = readers[index + 1].filter(|_| chooses(layer));
            let reader = nearer(own, behind);
            for source in self.sources(index) {
                readers[source] = nearer(reader, readers[source]);
            }
        }
        for at in 0..self.widths.len() {
            let (tensor, bits) = self.widths[at];
            let Some(reader) = readers[tensor] else {
                continue;
            };
            let most = match self.range(tensor, bits).lo {
                0 if self.layers[reader].op == Op::Mul => MAX_TABLE_BITS - 2,
                _ => MAX_TABLE_BITS - 1,
            };
            if bits > most {
                self.widths[at] = (tensor, most);
                self.narrowed.push(tensor);
                let reader = &self.layers[reader].name;
                let because = format!("has {bits} bits, but `{reader}` compares at most {most}");
                self.drop_scale(tensor, &because);
            }
        }
    }

    /// The range of a tensor with a width.
    fn range(&self, tensor: usize, bits: u32) -> Range {
        match self.maker(tensor).and_then(|layer| layer.op.activation()) {
            Some(act) => act.function.range(bits),
            None => Range::unsigned(bits),
        }
    }
}
