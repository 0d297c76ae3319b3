//! Memory of expanded keys, on huge pages where the system has them.
//!
//! A key of 50 MB streams through every step of a rotation. On pages of 4 kB a processor looks up an
//! address for every row of it; on Linux, memory has to ask for pages of 2 MB. Nothing depends on getting
//! them.

use memmap2::MmapMut;
use pulp::bytemuck::{cast_slice, cast_slice_mut};

use crate::engine::complex::{Block, KeyBlock};

/// Number of doubles of a block.
const DOUBLES: usize = size_of::<Block>() / size_of::<f64>();

/// The blocks of a transformed key, which begin at a line of the cache.
pub(super) struct KeyMemory(Memory);

enum Memory {
    /// Pages of the system's own.
    Mapped(MmapMut),
    /// Where there are none: memory of the allocator, and the place of the first block.
    Allocated(Vec<f64>, usize),
}

impl KeyMemory {
    /// Makes memory for this number of blocks, of zeros.
    pub(super) fn zero(blocks: usize) -> Self {
        KeyMemory(match MmapMut::map_anon(blocks * size_of::<Block>()) {
            Ok(map) => {
                // a system that refuses has smaller pages, and the key is read more slowly
                #[cfg(target_os = "linux")]
                let _ = map.advise(memmap2::Advice::HugePage);
                Memory::Mapped(map)
            }
            Err(_) => Self::allocated(blocks),
        })
    }

    fn allocated(blocks: usize) -> Memory {
        let doubles = vec![0.0; DOUBLES * (blocks + 1)];
        let first = doubles.as_ptr().align_offset(align_of::<Block>());
        Memory::Allocated(doubles, first.min(DOUBLES))
    }

    pub(super) fn blocks(&self) -> &[KeyBlock] {
        match &self.0 {
            Memory::Mapped(map) => cast_slice(&map[..]),
            Memory::Allocated(doubles, first) => {
                cast_slice(&doubles[*first..][..doubles.len() - DOUBLES])
            }
        }
    }

    pub(super) fn blocks_mut(&mut self) -> &mut [KeyBlock] {
        match &mut self.0 {
            Memory::Mapped(map) => cast_slice_mut(&mut map[..]),
            Memory::Allocated(doubles, first) => {
                let len = doubles.len() - DOUBLES;
                cast_slice_mut(&mut doubles[*first..][..len])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_memory_hold_blocks_from_a_line_of_the_cache_on() {
        for mut memory in [KeyMemory::zero(3), KeyMemory(KeyMemory::allocated(3))] {
            assert_eq!(memory.blocks(), [[[0.0; 8]; 2]; 3]);
            memory.blocks_mut()[2][1][7] = 1.5;
            assert_eq!(memory.blocks()[2][1][7], 1.5);
            assert!(memory.blocks().as_ptr().cast::<Block>().is_aligned());
        }
    }
}
