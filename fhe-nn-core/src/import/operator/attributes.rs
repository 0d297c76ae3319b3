//! Attributes of operators: each is read, or must have its default, or has no effect here.

use super::table::Operator;
use crate::import::error::{Refusal, refuse};
use crate::import::onnx::{AttributeProto, Node};

/// An attribute that is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) kind: AttributeKind,
    pub(crate) reading: Reading,
    /// The first and the last version of the operators that have it.
    pub(crate) versions: (i64, i64),
}

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttributeKind {
    Real,
    Integer,
    Text,
    Tensor,
    Graph,
    Reals,
    Integers,
    Texts,
    /// A kind that is not read, such as a sparse tensor.
    Other,
}

/// What becomes of an attribute.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reading {
    /// What the node computes follows from it.
    Read,
    /// It must be this integer, which is its default.
    Integer(i64),
    /// It must be this text, which is its default.
    Text(&'static str),
    /// It has no effect on the values that are read.
    Inert,
    /// It must not be there.
    Absent,
}

impl Attribute {
    /// An attribute of all versions that is read.
    pub(super) const fn new(kind: AttributeKind, name: &'static str) -> Self {
        Attribute {
            name,
            kind,
            reading: Reading::Read,
            versions: (1, i64::MAX),
        }
    }

    /// The first version that has it.
    pub(super) const fn since(self, version: i64) -> Self {
        Attribute {
            versions: (version, self.versions.1),
            ..self
        }
    }

    /// The last version that has it.
    pub(super) const fn until(self, version: i64) -> Self {
        Attribute {
            versions: (self.versions.0, version),
            ..self
        }
    }

    pub(super) const fn reading(self, reading: Reading) -> Self {
        Attribute { reading, ..self }
    }
}

/// Checks that every attribute of a node is one that is known, and has a value that is.
///
/// # Errors
/// A refusal that names the attribute.
pub(super) fn check(node: &Node, operator: &Operator) -> Result<(), Refusal> {
    for (index, given) in node.attributes.iter().enumerate() {
        let name = given.name.as_str();
        if node.attributes[..index]
            .iter()
            .any(|other| other.name == name)
        {
            return refuse(format!("it has two attributes `{name}`"));
        }
        if !given.reference.is_empty() {
            return refuse(format!("its attribute `{name}` is that of a function"));
        }
        let known = operator.attributes.iter().find(|known| known.name == name);
        let Some(known) = known else {
            return refuse(format!("its attribute `{name}` is not known"));
        };
        let (first, last) = known.versions;
        let version = node.version;
        if !(first..=last).contains(&version) {
            return refuse(format!(
                "its attribute `{name}` is not one of operators of version {version}"
            ));
        }
        let kind = AttributeKind::of(given.kind);
        if given.kind != 0 && kind != known.kind {
            let (kind, expected) = (kind.text(), known.kind.text());
            return refuse(format!(
                "its attribute `{name}` is {kind}, but must be {expected}"
            ));
        }
        let only = match known.reading {
            Reading::Read | Reading::Inert => continue,
            Reading::Integer(only) if given.integer == only => continue,
            Reading::Text(only) if given.text == only.as_bytes() => continue,
            Reading::Integer(only) => only.to_string(),
            Reading::Text(only) => format!("`{only}`"),
            Reading::Absent => {
                return refuse(format!("its attribute `{name}` is not supported"));
            }
        };
        let value = value(given, known.kind);
        return refuse(format!(
            "its attribute `{name}` is {value}, but only {only} is supported"
        ));
    }
    Ok(())
}

fn value(given: &AttributeProto, kind: AttributeKind) -> String {
    match kind {
        AttributeKind::Integer => given.integer.to_string(),
        _ => format!("`{}`", String::from_utf8_lossy(&given.text)),
    }
}

impl AttributeKind {
    /// The type with a number in `onnx.proto`.
    fn of(number: i32) -> Self {
        match number {
            1 => AttributeKind::Real,
            2 => AttributeKind::Integer,
            3 => AttributeKind::Text,
            4 => AttributeKind::Tensor,
            5 => AttributeKind::Graph,
            6 => AttributeKind::Reals,
            7 => AttributeKind::Integers,
            8 => AttributeKind::Texts,
            _ => AttributeKind::Other,
        }
    }

    fn text(self) -> &'static str {
        match self {
            AttributeKind::Real => "a real",
            AttributeKind::Integer => "an integer",
            AttributeKind::Text => "a text",
            AttributeKind::Tensor => "a tensor",
            AttributeKind::Graph => "a graph",
            AttributeKind::Reals => "a list of reals",
            AttributeKind::Integers => "a list of integers",
            AttributeKind::Texts => "a list of texts",
            AttributeKind::Other => "of another kind",
        }
    }
}
