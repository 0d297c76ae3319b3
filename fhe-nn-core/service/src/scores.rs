//! Scores for a person and for a program.

use std::fmt::Write;

use fhe_nn_core::Scores;
use serde_json::{Value, json};

/// The greatest number of scores that are printed of one input.
const SHOWN: usize = 12;

/// Returns one line for each input: the position or name of the greatest score, and the scores.
pub(crate) fn text(all: &[Scores], classes: &[String]) -> String {
    let mut text = String::new();
    for (index, scores) in all.iter().enumerate() {
        let reals = scores.reals();
        let shown = reals.iter().take(SHOWN).map(|real| format!("{real:.4}"));
        let shown: Vec<String> = shown.collect();
        let more = if reals.len() > SHOWN { " .." } else { "" };
        let best = best(scores, classes);
        // writing to a string cannot fail
        let _ = writeln!(text, "{index}: {best}  [{}{more}]", shown.join(" "));
    }
    text
}

/// Returns the scores of every input: integers, reals, and the position of the greatest.
pub(crate) fn json(all: &[Scores], classes: &[String]) -> Value {
    let one = |scores: &Scores| {
        let mut one = json!({
            "integers": scores.integers(),
            "reals": scores.reals(),
            "greatest": scores.argmax(),
        });
        if let Some(class) = classes.get(scores.argmax()) {
            one["class"] = json!(class);
        }
        one
    };
    all.iter().map(one).collect()
}

fn best(scores: &Scores, classes: &[String]) -> String {
    let greatest = scores.argmax();
    classes
        .get(greatest)
        .cloned()
        .unwrap_or_else(|| greatest.to_string())
}
