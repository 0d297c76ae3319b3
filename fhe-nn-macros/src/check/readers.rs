//! Law 6, on a graph: every result is read, and accumulators by one table alone.

use crate::ast::{Layer, Network};
use crate::errors::{Error, Errors};
use crate::layers::Kind;

/// Reports results that are never read, and accumulators that several layers read.
pub(super) fn check(errors: &mut Errors, network: &Network) {
    let last = network.layers.len() - 1;
    for (index, layer) in network.layers.iter().enumerate() {
        let readers = network.layers.iter();
        let readers: Vec<&Layer> = readers
            .filter(|reader| reader.sources.contains(&(index + 1)))
            .collect();
        let name = &layer.name;
        match (&layer.kind, readers.as_slice()) {
            (_, [reader, ..]) if index == last => {
                unreachable!("`{}` is after the last", reader.name)
            }
            (_, []) if index != last => errors.push(
                Error::new(
                    layer.name_place,
                    format!("`{name}` is never read, but every result must be"),
                )
                .note("a layer without `#[from(..)]` reads the field before it")
                .help(format!("read it by `#[from(..)]`, or remove `{name}`")),
            ),
            (Kind::Linear(_), [first, second, ..]) => errors.push(
                Error::new(
                    second.reads_at(index + 1),
                    format!(
                        "`{}` reads the accumulators of `{name}`, but so does `{}`",
                        second.name, first.name
                    ),
                )
                .note("an accumulator is encrypted for the one table that reads it")
                .help(format!("declare `{name}` twice, once for each")),
            ),
            _ => {}
        }
    }
}
