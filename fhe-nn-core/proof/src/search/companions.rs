//! Companion modulus switches of the plan with the smallest keys.
//!
//! They change no key, and add noise. The smallest keys are searched for without them, because noise costs bytes. But
//! numbers of dimensions are whole, so that most stages have room for a little more noise, and time is what counts among
//! plans of the same bytes.

use crate::plan::range::COMPANIONS;
use crate::search::assemble::bootstrap;
use crate::search::merge::Chain;
use crate::search::rotation::Rotation;
use crate::search::state::Choice;

/// Gives every choice the greatest companion modulus switch that its readers have room for, and returns the choices with
/// the rotations that they are of. The choices that come in are of rotations without any.
pub(super) fn spend(
    chain: &Chain<'_>,
    rotations: &[Rotation],
    mut choices: Vec<Choice>,
) -> (Vec<Rotation>, Vec<Choice>) {
    let mut all = rotations.to_vec();
    for index in 0..choices.len() {
        let plain = choices[index].rotation;
        if !all[plain].is_extended() {
            continue;
        }
        for companion in COMPANIONS.into_iter().rev() {
            all.push(all[plain].with_companion(companion));
            choices[index].rotation = all.len() - 1;
            if chain.holds(&choices, |choice| bootstrap(choice, &all)) {
                break;
            }
        }
    }
    (all, choices)
}
