//! Names of networks and of fields.

use fhe_nn_proof::spec::Function;

use crate::layer;

/// A field name made of the name that a model uses.
pub(super) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    let mut before = '_';
    for character in name.chars() {
        let next = match character {
            'a'..='z' | '0'..='9' => character,
            'A'..='Z' => {
                if before.is_ascii_lowercase() || before.is_ascii_digit() {
                    snake.push('_');
                }
                character.to_ascii_lowercase()
            }
            _ => '_',
        };
        if next != '_' || !snake.is_empty() && !snake.ends_with('_') {
            snake.push(next);
        }
        before = character;
    }
    let snake = snake.trim_end_matches('_');
    // a name from a file must stay readable
    let snake = snake.get(..MOST).unwrap_or(snake);
    match snake.chars().next() {
        None => "layer".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("layer_{snake}"),
        Some(_) if is_keyword(snake) => format!("{snake}_"),
        Some(_) => snake.to_owned(),
    }
}

/// The layer that a tensor of weights belongs to: `net.0` for a tensor called `net.0.weight`, else the path of the
/// node without the operator at its end, else `other`.
pub(crate) fn layer_name(tensor: &str, node: &str, other: &str) -> String {
    let known = [".weight", ".kernel", "/kernel", ".embedding"];
    let of_weights = known.iter().find_map(|end| tensor.strip_suffix(end));
    let mut parts: Vec<&str> = node.split('/').filter(|part| !part.is_empty()).collect();
    parts.pop();
    match (of_weights, parts.as_slice()) {
        (Some(layer), _) if !layer.is_empty() => layer.to_owned(),
        (_, []) => other.to_owned(),
        (_, parts) => parts.join("_"),
    }
}

/// The name of a network that is read from a file with this stem.
pub(crate) fn network_name(stem: &str) -> String {
    let words = snake_case(stem);
    let words = words.split('_').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    let mut name: String = words.collect();
    // a layer or trait of that name would be hidden
    if is_taken(&name) {
        name.push_str("Network");
    }
    name
}

/// Whether a program that uses a network has something else of this name.
fn is_taken(name: &str) -> bool {
    const OTHERS: &[&str] = &[
        "Network",
        "Model",
        "Plan",
        "Spec",
        "Scores",
        "PlanOptions",
        "Error",
        "Floats",
        "Calibration",
        "Quantized",
        "ClientKey",
        "EvaluationKey",
        "ServerKey",
        "Embedded",
        "Execution",
        "Progress",
        "Reply",
        "Request",
        "Self",
        "Option",
        "Some",
        "None",
        "Result",
        "Ok",
        "Err",
        "Vec",
        "Box",
        "String",
        "Send",
        "Sync",
        "Sized",
        "Copy",
        "Clone",
        "Drop",
        "Fn",
        "From",
        "Into",
        "Iterator",
    ];
    OTHERS.contains(&name)
        || layer::NAMES.contains(&name)
        || Function::all().any(|function| function.name() == name)
}

/// The longest name.
const MOST: usize = 40;

/// Whether a name is a keyword of Rust, which a field cannot have.
fn is_keyword(name: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
        "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
        "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
        "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type",
        "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
    ];
    KEYWORDS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fields() {
        let cases = [
            ("fc1", "fc1"),
            ("net.0", "net_0"),
            ("0", "layer_0"),
            ("/layers/Conv2D_1/", "layers_conv2_d_1"),
            ("HardSwish", "hard_swish"),
            ("match", "match_"),
            ("é", "layer"),
            ("", "layer"),
        ];
        for (name, field) in cases {
            assert_eq!(snake_case(name), field, "{name}");
        }
        assert_eq!(layer_name("net.0.weight", "/net/0/Gemm", "dense"), "net.0");
        assert_eq!(layer_name("onnx::MatMul_17", "/fc/MatMul", "dense"), "fc");
        assert_eq!(layer_name("onnx::MatMul_17", "/MatMul_1", "dense"), "dense");
    }
}
