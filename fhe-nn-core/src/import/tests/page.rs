//! The guide's page of all operators is made of the table, of ONNX's schemas and of its test vectors.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::schema::schemas;
use super::vectors::refused;
use crate::import::operator::{OPERATORS, reason_to_refuse};

#[test]
fn the_guide_lists_every_operator() {
    let page = page();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/operators.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &page).expect("writable");
    }
    let written = std::fs::read_to_string(path).expect("readable");
    assert!(
        page == written,
        "`BLESS=1 cargo test -p fhe-nn-core --features import --lib import::tests::page` writes {path}"
    );
}

fn page() -> String {
    let mut page = String::from(
        "# Every operator of ONNX\n\n\
         What [`import`](../../import/index.html) makes of each operator, so that you see before an export what will \
         come in. A node is accepted if its operator is in the first table and its attributes are known; every other \
         node is refused by its name, with the reason. An attribute is never ignored: it is read, must have its \
         default, or has no effect on the values (attributes of training, for example).\n\n\
         A test makes this page, from the table that the importer uses and from the schemas of ONNX.\n\n\
         ## Accepted\n\n\
         Operators without a domain are ONNX's own, or `Quant` and its like of QONNX.\n\n\
         | operator | what it may be |\n|---|---|\n",
    );
    for operator in OPERATORS {
        let _ = writeln!(page, "| `{}` | {} |", operator.name, operator.limits);
    }
    page.push_str(
        "\n## Refused\n\nOf other domains than ONNX's own, operators that are not in the table above are refused as well.\n\n\
         | operators | why |\n|---|---|\n",
    );
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, forms) in schemas() {
        let is_accepted = OPERATORS.iter().any(|operator| operator.name == name);
        let is_current = forms.iter().any(|form| !form.is_deprecated);
        if !is_accepted && is_current && !name.contains("com.microsoft") {
            let reason = reason_to_refuse(&name);
            reasons.entry(reason).or_default().push(format!("`{name}`"));
        }
    }
    for (reason, names) in reasons {
        let _ = writeln!(page, "| {} | {reason} |", names.join(", "));
    }
    page.push_str(
        "\n## ONNX's own test vectors that do not pass\n\nEach vector is one node with inputs and outputs. Of 307 of \
         operators above, these are refused, whether their first input is values of a network or constants:\n\n\
         | vector | why |\n|---|---|\n",
    );
    for (name, reason) in refused() {
        let _ = writeln!(page, "| `{name}` | {reason} |");
    }
    page
}
