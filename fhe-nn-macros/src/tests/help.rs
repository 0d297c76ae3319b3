//! A help line is checked: pasted, it compiles. Every edit that the cases of `tests/ui` propose
//! is taken from the error's own text, applied to the source, and must end the error.

use std::fs;
use std::path::Path;

use super::errors;
use crate::errors::Error;

/// Cases whose help is prose, because the remedy is not one edit: what the user meant is unknown.
const PROSE: &[&str] = &[
    "an_axis_of_six_sizes",
    "two_sizes",
    "flatten_before_the_activation",
    "later_name",
    "nothing_reads_it",
    "pool_before_a_square",
    "pool_before_the_activation",
    "product_added",
    "shapes_that_differ",
    "tokens_without_embedding",
    "two_tables_read_one",
    "bits_twice",
    "constant",
    "expression",
    "batch_norm",
    "not_a_path",
    "one_size",
    "size_is_a_constant",
    "softmax",
    "unknown",
    "activation_of_the_input",
    "too_many_terms",
    "too_many_values",
    "zero_extent",
    "zero_outputs",
    "a_function",
    "a_tuple_struct",
    "a_unit_struct",
    "an_enum",
    "bits_on_the_struct",
    "conditional_field",
    "generic",
    "input_twice",
    "no_comma",
    "the_attribute_twice",
    "widths_on_the_network",
    "bits_for_a_path",
    "corrupt_model",
    "missing_model",
    "model_of_another_network",
    "no_parameters_at_all",
    "too_large_model",
    "weights_twice",
    "widths_of_the_file",
];

#[test]
fn pasted_help_compiles() {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ui");
    // paths do not have a source file to start from here
    let models = format!("\"{}/weights/models/", ui.display());
    let mut cases: Vec<_> = fs::read_dir(ui)
        .expect("the cases are there")
        .flat_map(|law| fs::read_dir(law.expect("a law").path()).expect("a folder"))
        .map(|case| case.expect("a case").path())
        .filter(|case| case.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    cases.sort();
    let (mut mended, mut prose) = (0, Vec::new());
    for case in &cases {
        let name = case.file_stem().expect("a file").to_string_lossy();
        let source = fs::read_to_string(case).expect("readable");
        let mut source = source.replace("\"models/", &models);
        let mut last = String::new();
        // a network inside `macro_rules` has no source of its own
        while let Some(found) = errors(&source) {
            let Some(error) = found.first() else {
                mended += 1;
                break;
            };
            let message = error.message();
            assert_ne!(message, last, "{name}: the edit did not help\n{source}");
            match mend(&source, error) {
                // other widths require another model
                Some(edited) if message.ends_with("quantize and save the model again") => {
                    source = without_model(&edited);
                }
                Some(edited) => source = edited,
                None => {
                    prose.push(name.to_string());
                    break;
                }
            }
            last = message;
        }
    }
    assert_eq!(prose, PROSE);
    assert!(mended >= 55, "{mended} cases were mended");
}

#[test]
fn the_documents_show_what_the_compiler_prints() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(package.join(file)).expect("readable");
    // the lines below it name the place, which is in the case and not in the user's file
    let printed = |case: &str| {
        let printed = read(&format!("../tests/ui/{case}.stderr"));
        let (error, _) = printed.split_once(" --> ").expect("a place");
        error.to_owned()
    };
    let (readme, reference) = (read("../README.md"), read("src/lib.rs").replace("//! ", ""));
    let wide = printed("table/accumulator_too_wide");
    assert!(readme.contains(&wide) && reference.contains(&wide));
    assert!(reference.contains(&printed("weights/one_too_many")));
}

/// The source with the edit of an error applied; `None` if its help is prose.
fn mend(source: &str, error: &Error) -> Option<String> {
    let message = error.message();
    let (_, help) = message.split_once("= help: ")?;
    let (verb, rest) = help.split_once(" `")?;
    let (edit, rest) = rest.split_once('`')?;
    let target = rest
        .split_once('`')
        .and_then(|(_, rest)| rest.split_once('`'));
    let target = target.map_or("", |(target, _)| target);
    let lines: Vec<&str> = source.lines().collect();
    let field = |name: &str| {
        let named = |line: &&str| line.trim_start().starts_with(&format!("{name}:"));
        lines.iter().position(named)
    };
    // where a field's attributes begin, and the line of one of them
    let top = |name: &str| {
        let line = field(name)?;
        let attributes = lines[..line].iter().rev();
        let above = attributes.take_while(|line| line.trim_start().starts_with("#["));
        Some(line - above.count())
    };
    let attribute = |name: &str, which: &str| {
        let mut attributes = top(name)?..field(name)?;
        attributes.find(|&line| lines[line].contains(which))
    };
    let network = || {
        let attribute = |line: &&str| line.starts_with("#[fhe_network");
        lines.iter().position(attribute)
    };
    let mut edited: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    match verb {
        "write" if rest.starts_with(" instead") => {
            let mut source = source.to_owned();
            source.replace_range(error.place.bytes(), edit);
            return Some(source);
        }
        "write" if edit.starts_with("#[fhe_network") => edited[network()?] = edit.to_owned(),
        "write" if edit.starts_with("#[") => {
            let (which, _) = edit.split_once('(')?;
            match attribute(target, which) {
                Some(line) => edited[line] = edit.to_owned(),
                None => edited.insert(field(target)?, edit.to_owned()),
            }
        }
        "write" if edit.contains(" = ") => {
            let (line, open) = match attribute(target, "#[bits") {
                Some(line) => (line, "bits("),
                None if rest.starts_with(" on the input") => (network()?, "input("),
                None if rest.starts_with(" on the network") => (network()?, "fhe_network("),
                None => {
                    let line = field(target)?;
                    edited.insert(line, "#[bits()]".to_owned());
                    (line, "bits(")
                }
            };
            let start = edited[line].find(open)? + open.len();
            for entry in entries(edit) {
                edited[line] = set(&edited[line], start, entry.trim(), true)?;
            }
        }
        "write" => {
            let (name, _) = edit.split_once(':')?;
            edited[field(name)?] = format!("{edit},");
        }
        "add" => {
            if let Some((_, from)) = rest.split_once("and write `") {
                edited[attribute(target, "#[from")?] = from.split_once('`')?.0.to_owned();
            }
            let line = match rest.split_once('`')?.0 {
                " before " => top(target)?,
                " after " => field(target)? + 1,
                " to " => {
                    return Some(source.replacen(
                        &format!("{target} {{}}"),
                        &format!("{target} {{ {edit} }}"),
                        1,
                    ));
                }
                _ => return None,
            };
            edited.insert(line, edit.to_owned());
        }
        "remove" if edit.starts_with("#[bits") => {
            edited.remove(attribute(target, "#[bits")?);
        }
        "remove" if rest.starts_with(" from the input") => {
            let line = network()?;
            let start = edited[line].find("input(")? + "input(".len();
            edited[line] = set(&edited[line], start, edit, false)?;
        }
        "remove" => match field(edit) {
            Some(line) => {
                edited.drain(top(edit)?..=line);
            }
            None => {
                let mut source = source.to_owned();
                let start = error.place.bytes().start;
                let end = start + source[start..].find([',', ')'])?;
                let end = end + usize::from(source[end..].starts_with(','));
                source.replace_range(start..end, "");
                return Some(source);
            }
        },
        _ => return None,
    }
    Some(edited.join("\n"))
}

/// The source without the model of its network.
fn without_model(source: &str) -> String {
    let line = |line: &str| match line.find("fhe_network(") {
        Some(start) => {
            let start = start + "fhe_network(".len();
            let less = set(line, start, "weights = ", false);
            less.and_then(|line| set(&line, start, "failure = ", false))
        }
        None => Some(line.to_owned()),
    };
    let lines: Option<Vec<String>> = source.lines().map(line).collect();
    lines.expect("arguments on one line").join("\n")
}

/// A line with `key = value` among the keys that begin at `start`, or without the key.
fn set(line: &str, start: usize, entry: &str, with: bool) -> Option<String> {
    let (key, _) = entry.split_once(" = ")?;
    let (before, keys) = line.split_at(start);
    let end = keys
        .rfind(")]")
        .map(|end| keys[..end].trim_end_matches(')').len())?;
    let (keys, after) = keys.split_at(end);
    let mut entries = entries(keys);
    entries.retain(|old| {
        let old = old.split('=').next().unwrap_or_default().trim();
        !old.is_empty() && old != key
    });
    entries.extend(with.then(|| entry.to_owned()));
    Some(format!("{before}{}{after}", entries.join(",")))
}

/// Keys with their values; commas inside of a list do not separate them.
fn entries(keys: &str) -> Vec<String> {
    let (mut depth, mut entries) = (0, vec![String::new()]);
    for c in keys.chars() {
        depth += i32::from(c == '[') - i32::from(c == ']');
        match entries.last_mut() {
            Some(last) if c != ',' || depth > 0 => last.push(c),
            _ => entries.push(String::new()),
        }
    }
    entries
}
