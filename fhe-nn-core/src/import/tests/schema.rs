//! The table of operators against ONNX's own schemas: no attribute of an accepted operator is ignored.

use std::collections::BTreeMap;

use crate::import::operator::{AttributeKind, OPERATORS, Operator, Reading};

/// The attributes that an operator has in some versions.
pub(super) struct Form {
    first: i64,
    /// `i64::MAX` if it is in force.
    last: i64,
    pub(super) is_deprecated: bool,
    attributes: Vec<Declared>,
}

/// An attribute of a schema.
struct Declared {
    name: String,
    kind: AttributeKind,
    default: Option<String>,
}

/// The oldest version of ONNX's operators that is read.
const OLDEST: i64 = 9;

/// The forms of every operator, by its name as nodes have it.
pub(super) fn schemas() -> BTreeMap<String, Vec<Form>> {
    let text = include_str!("../../../../tests/onnx/schema.txt");
    let mut forms: BTreeMap<String, Vec<Form>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let [domain, name, first, last, attributes @ ..] = words.as_slice() else {
            panic!("{line}");
        };
        let name = match *domain {
            "ai.onnx" | "qonnx.custom_op.general" => (*name).to_owned(),
            domain => format!("{domain}:{name}"),
        };
        let is_deprecated = *attributes == ["deprecated"];
        let attributes = attributes.iter().filter(|_| !is_deprecated);
        forms.entry(name).or_default().push(Form {
            first: first.parse().expect("a version"),
            last: last.parse().unwrap_or(i64::MAX),
            is_deprecated,
            attributes: attributes.map(|text| declared(text)).collect(),
        });
    }
    forms
}

fn declared(text: &str) -> Declared {
    let (name, rest) = text.split_once(':').expect("a name and a type");
    let (kind, default) = match rest.split_once('=') {
        Some((kind, default)) => (kind, Some(default.to_owned())),
        None => (rest, None),
    };
    let kind = match kind {
        "f" => AttributeKind::Real,
        "i" => AttributeKind::Integer,
        "s" => AttributeKind::Text,
        "t" => AttributeKind::Tensor,
        "g" => AttributeKind::Graph,
        "f*" => AttributeKind::Reals,
        "i*" => AttributeKind::Integers,
        "s*" => AttributeKind::Texts,
        _ => AttributeKind::Other,
    };
    Declared {
        name: name.to_owned(),
        kind,
        default,
    }
}

#[test]
fn every_attribute_of_an_accepted_operator_is_read_or_checked() {
    let schemas = schemas();
    let mut wrong = Vec::new();
    for operator in OPERATORS {
        let forms = schemas.get(operator.name);
        let Some(forms) = forms.filter(|forms| forms.iter().any(|form| !form.is_deprecated)) else {
            wrong.push(format!("`{}` has no schema", operator.name));
            continue;
        };
        wrong.extend(forms.iter().flat_map(|form| ignored(operator, form)));
        wrong.extend(invented(operator, forms));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn operators_are_listed_once_and_in_order() {
    let names: Vec<&str> = OPERATORS.iter().map(|operator| operator.name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(names, sorted);
}

/// The attributes of a form that the table does not have as they are.
fn ignored(operator: &Operator, form: &Form) -> Vec<String> {
    let mut wrong = Vec::new();
    for declared in &form.attributes {
        let mut say = |what: &str| {
            wrong.push(format!(
                "`{}` of `{}` in version {}: {what}",
                declared.name, operator.name, form.first
            ));
        };
        let known = operator.attributes.iter();
        let Some(known) = known.clone().find(|known| known.name == declared.name) else {
            say("it is not in the table");
            continue;
        };
        if known.kind != declared.kind {
            say("it has another type");
        }
        let (first, last) = known.versions;
        if first > form.first.max(OLDEST) || last < form.last {
            say("the table has it for fewer versions");
        }
        let same = match known.reading {
            Reading::Integer(default) => declared.default == Some(default.to_string()),
            Reading::Text(default) => declared.default.as_deref() == Some(default),
            Reading::Read | Reading::Inert | Reading::Absent => true,
        };
        if !same {
            say("its default is another");
        }
    }
    wrong
}

/// The attributes of the table that the operator does not have in some of their versions.
fn invented(operator: &Operator, forms: &[Form]) -> Vec<String> {
    let mut wrong = Vec::new();
    for known in operator.attributes {
        let (first, last) = known.versions;
        for form in forms {
            let applies = first <= form.last && form.first <= last && !form.is_deprecated;
            let has = form.attributes.iter().any(|each| each.name == known.name);
            if applies && !has {
                wrong.push(format!(
                    "`{}` of `{}` is not one of version {}",
                    known.name, operator.name, form.first
                ));
            }
        }
    }
    wrong
}
