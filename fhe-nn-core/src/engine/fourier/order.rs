//! The order of a rotation's steps.
//!
//! Steps commute, and a table that is spread over v parts is read at few places, most often in part 0 alone. A
//! step whose powers are multiples of `2^c` moves coefficients only between parts whose numbers differ by multiples
//! of `2^c`. So the steps with odd powers come first, and change all parts. After them only every second part
//! matters, after those whose powers are 2 modulo 4 every fourth, and so on ("sorted" blind rotations, eprint
//! 2025/2214). What the other parts hold then is of no use, and no step touches it.
//!
//! The order of each ciphertext is its own. A batch passes over the key once for every class of steps, and takes
//! the ciphertexts along whose step is of that class.

use super::batch::Batch;
use super::scratch::{GROUP, Scratch};
use crate::engine::complex::KeyBlock;

/// The parts of an accumulator, and which of them are read in the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    /// Number of parts, v, a power of 2.
    pub(crate) all: usize,
    /// How often the parts that matter are halved: those that are read are multiples of 2 to this power, which
    /// divides v.
    pub(crate) halvings: u32,
}

impl Parts {
    /// The parts of a table over `extension` of them that is read at these places.
    pub(crate) fn read_at(extension: usize, places: impl Iterator<Item = usize>) -> Self {
        Parts {
            all: extension,
            halvings: places
                .map(usize::trailing_zeros)
                .fold(extension.trailing_zeros(), u32::min),
        }
    }

    /// The class of a step with these powers: how often the parts were halved that it changes.
    fn class(self, powers: &[usize]) -> u32 {
        let bits = powers.iter().fold(0, |bits, power| bits | power);
        bits.trailing_zeros().min(self.halvings)
    }
}

/// A step of some accumulators of a batch, which share every load of the key.
pub(super) struct Step<'a> {
    /// The GGSW ciphertexts of the step.
    pub(super) key: &'a [KeyBlock],
    pub(super) group: Group<'a>,
    /// All accumulators of the batch.
    pub(super) accumulators: &'a mut [[u64; 8]],
    pub(super) scratch: &'a mut Scratch,
}

/// The accumulators of a step, and the parts of them that change.
#[derive(Clone, Copy)]
pub(super) struct Group<'a> {
    /// Number of parts of each accumulator that change.
    pub(super) parts: usize,
    class: u32,
    /// Number of words of an accumulator, and of one of its parts.
    words: (usize, usize),
    /// The indices of the accumulators in the batch.
    members: &'a [usize],
    masks: &'a [&'a [usize]],
    /// The place of the step's first element in the masks, and how many elements a step takes.
    elements: (usize, usize),
}

impl Batch<'_> {
    /// Lets `take` take every step of every accumulator, and returns whether it came to the end.
    pub(super) fn in_order(self, mut take: impl FnMut(Step<'_>)) -> bool {
        let Batch {
            layout,
            key,
            parts,
            masks,
            accumulators,
            scratch,
            stop,
            ..
        } = self;
        debug_assert!(parts.halvings <= parts.all.trailing_zeros());
        let words = layout.accumulator_words();
        let mut members = Vec::with_capacity(masks.len());
        for class in 0..=parts.halvings {
            let changing = parts.all >> class;
            let steps = key.chunks(layout.step_ciphertexts() * layout.step_blocks());
            for (index, key) in steps.enumerate() {
                if stop() {
                    return false;
                }
                let elements = (index * layout.key_bits, layout.key_bits);
                members.clear();
                members.extend(
                    (0..masks.len())
                        .filter(|&member| parts.class(powers(masks[member], elements)) == class),
                );
                for members in members.chunks(GROUP.div_ceil(changing)) {
                    let group = Group {
                        parts: changing,
                        class,
                        words: (parts.all * words, words),
                        members,
                        masks,
                        elements,
                    };
                    take(Step {
                        key,
                        group,
                        accumulators,
                        scratch,
                    });
                }
            }
        }
        true
    }
}

impl Group<'_> {
    /// Number of accumulators.
    pub(super) fn len(self) -> usize {
        self.members.len()
    }

    /// The powers of X by which bits of the key turn accumulator `index` of the group, as powers of
    /// `X^(2^class)`: with respect to that, the parts that change are all the parts of a smaller table.
    pub(super) fn powers(self, index: usize) -> impl Iterator<Item = usize> {
        let powers = powers(self.masks[self.members[index]], self.elements);
        powers.iter().map(move |power| power >> self.class)
    }

    /// Where a part that changes begins, among the words of all accumulators.
    #[inline(always)]
    pub(super) fn place(self, index: usize, part: usize) -> usize {
        self.members[index] * self.words.0 + (part << self.class) * self.words.1
    }
}

/// The elements of a mask that a step takes; the last step may take fewer.
fn powers(mask: &[usize], (first, count): (usize, usize)) -> &[usize] {
    &mask[first..mask.len().min(first + count)]
}
