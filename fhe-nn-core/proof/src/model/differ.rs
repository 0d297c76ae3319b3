//! How the declaration in a file differs from that of the program.

use serde_json::Value;

use crate::spec::{Input, Interface, Layer, Spec};

/// The first difference between a declaration and that of a file.
pub(super) fn difference(ours: &Spec, theirs: &Spec) -> Option<String> {
    let (count, their_count) = (ours.layers.len(), theirs.layers.len());
    if ours.name != theirs.name {
        Some(format!("it is `{}`", theirs.name))
    } else if ours.input != theirs.input {
        let (ours, theirs) = (described(&ours.input), described(&theirs.input));
        Some(format!("its input is {theirs}, not {ours}"))
    } else if count != their_count {
        Some(format!("it has {their_count} layers, not {count}"))
    } else if ours.interface != theirs.interface {
        Some(interfaces(&theirs.interface))
    } else {
        let mut layers = ours.layers.iter().zip(theirs.layers.iter()).enumerate();
        layers.find_map(|(index, (own, their))| {
            of_layers(own, their).or_else(|| of_sources(ours, theirs, index))
        })
    }
}

/// How the interface of a file differs from that of a declaration, which has none of its own.
fn interfaces(theirs: &Interface) -> String {
    let does = match (theirs.order.is_some(), theirs.outputs.is_some()) {
        (true, true) => "reorders inputs and makes outputs of the scores",
        (true, false) => "reorders inputs",
        (false, true) => "makes outputs of the scores",
        (false, false) => return "its inputs and scores are the network's own".to_owned(),
    };
    format!(
        "its client {does}, as an imported model does, which a declared struct does not say\n  \
         = help: read it with `Model::load`"
    )
}

/// An input with all its numbers: "[784] of 1 bits".
fn described(input: &Input) -> String {
    let (shape, bits) = (&input.shape, input.bits);
    match input.tokens {
        None if input.scales.is_one() => format!("{shape:?} of {bits} bits"),
        None => format!("{shape:?} of {bits} bits, scales {}", input.scales),
        Some(tokens) => {
            let (vocabulary, encoding) = (tokens.vocabulary, tokens.encoding);
            format!("{shape:?} tokens of {vocabulary}, {encoding}, of {bits} bits")
        }
    }
}

/// The difference in what layer `index` reads; the layers before it are the same.
fn of_sources(ours: &Spec, theirs: &Spec, index: usize) -> Option<String> {
    let sources = |spec: &Spec| {
        let sources = spec.sources(index).into_iter();
        let names = sources.map(|source| format!("`{}`", spec.name_of(source)));
        names.collect::<Vec<_>>().join(", ")
    };
    (ours.sources(index) != theirs.sources(index)).then(|| {
        let (name, ours, theirs) = (&theirs.layers[index].name, sources(ours), sources(theirs));
        format!("its layer `{name}` reads {theirs}, not {ours}")
    })
}

/// The first key whose values differ between two layers.
fn of_layers(ours: &Layer, theirs: &Layer) -> Option<String> {
    let name = &theirs.name;
    if ours.name != theirs.name {
        return Some(format!(
            "its layer `{name}` is in the place of `{}`",
            ours.name
        ));
    }
    let fields = |layer: &Layer| serde_json::to_value(&layer.op).expect("a spec is data");
    let (ours, theirs) = (fields(ours), fields(theirs));
    let Some(((kind, ours), (their_kind, theirs))) = only(&ours).zip(only(&theirs)) else {
        return (ours != theirs).then(|| format!("its layer `{name}` is {theirs}, not {ours}"));
    };
    if kind != their_kind {
        return Some(format!(
            "its layer `{name}` is of kind {their_kind}, not {kind}"
        ));
    }
    let mut differing = ours
        .iter()
        .filter(|&(key, value)| theirs.get(key) != Some(value));
    differing.next().map(|(key, value)| {
        let their_value = theirs.get(key).unwrap_or(&Value::Null);
        format!("its layer `{name}` has {key} {their_value}, not {value}")
    })
}

/// An enum with fields is an object with one key, its variant.
fn only(op: &Value) -> Option<(&String, &serde_json::Map<String, Value>)> {
    let (kind, fields) = op.as_object()?.iter().next()?;
    Some((kind, fields.as_object()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Op;

    /// Two layers over the input, and a third that reads these tensors.
    fn wired(sources: &[usize], input: Input) -> Spec {
        let layers = vec![
            Layer::reading("twice", &[0, 0], Op::Add),
            Layer::reading("square", &[0, 0], Op::Mul),
            Layer {
                sources: sources.to_vec().into(),
                ..Layer::new("sum", Op::Add)
            },
        ];
        Spec {
            layers: layers.into(),
            ..Spec::new("Wired", input, &[])
        }
    }

    #[test]
    fn another_wiring_is_a_difference() {
        let of = |sources: &[usize]| wired(sources, Input::new(&[2], 1));
        assert_eq!(difference(&of(&[1, 2]), &of(&[1, 2])), None);
        let found = difference(&of(&[1, 2]), &of(&[2, 0])).expect("another wiring");
        assert_eq!(
            found,
            "its layer `sum` reads `square`, `input`, not `twice`, `square`"
        );
        // the tensor before it, whether it is written or not
        assert_eq!(difference(&of(&[2]), &of(&[])), None);
    }

    #[test]
    fn an_interface_is_a_difference() {
        let own = wired(&[1, 2], Input::new(&[2], 1));
        let mut theirs = own.clone();
        theirs.interface.order = Some(vec![1, 0].into());
        let found = difference(&own, &theirs).expect("another order of rows");
        assert_eq!(
            found,
            "its client reorders inputs, as an imported model does, which a declared struct does not say\n  \
             = help: read it with `Model::load`"
        );
    }

    #[test]
    fn another_vocabulary_is_a_difference_that_shows() {
        let of = |input| wired(&[1, 2], input);
        let numbers = |vocabulary| of(Input::numbers(&[7], vocabulary, 4));
        assert_eq!(
            difference(&numbers(12), &numbers(11)).as_deref(),
            Some(
                "its input is [7] tokens of 11, by number, of 4 bits, \
                 not [7] tokens of 12, by number, of 4 bits"
            )
        );
        let one_hot = of(Input::one_hot(&[7], 12));
        let values = of(Input::new(&[7], 1));
        assert_eq!(
            difference(&values, &one_hot).as_deref(),
            Some("its input is [7] tokens of 12, one-hot, of 1 bits, not [7] of 1 bits")
        );
    }
}
