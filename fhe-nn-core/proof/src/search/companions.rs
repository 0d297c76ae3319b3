//! Companion modulus switches of the plan with the smallest keys.
//!
//! They change no key, and add noise. The smallest keys are searched for without them, because noise costs bytes. But
//! numbers of dimensions are whole, so that most stages have room for a little more noise, and time is what counts among
//! plans of the same bytes.

use crate::plan::Bootstrap;
use crate::plan::range::COMPANIONS;
use crate::search::merge::Chain;
use crate::search::rotation::Rotation;
use crate::search::state::Choice;

/// The rotations, and behind them those that differ in their companion modulus switch alone.
pub(super) fn with_companions(rotations: &[Rotation]) -> Vec<Rotation> {
    let mut all = rotations.to_vec();
    let extended = rotations.iter().filter(|rotation| rotation.is_extended());
    for rotation in extended {
        all.extend(
            COMPANIONS[1..]
                .iter()
                .map(|&companion| rotation.with_companion(companion)),
        );
    }
    all
}

/// Gives every choice the greatest companion modulus switch that its readers have room for. The choices are of
/// rotations without any, and `all` are those [`with_companions`].
pub(super) fn spend(
    chain: &Chain<'_>,
    all: &[Rotation],
    mut choices: Vec<Choice>,
    bootstrap: impl Fn(&Choice) -> Bootstrap,
) -> Vec<Choice> {
    for index in 0..choices.len() {
        let own = &all[choices[index].rotation];
        let variants = all
            .iter()
            .enumerate()
            .filter(|(_, other)| other.differs_in_companion(own));
        let mut variants: Vec<usize> = variants.map(|(rotation, _)| rotation).collect();
        variants.sort_by(|&a, &b| all[b].switch.order(&all[a].switch));
        for rotation in variants {
            let before = core::mem::replace(&mut choices[index].rotation, rotation);
            if chain.holds(&choices, &bootstrap) {
                break;
            }
            choices[index].rotation = before;
        }
    }
    choices
}
