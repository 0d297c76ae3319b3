//! Iterators that run on all cores if the feature `parallel` is enabled.
//!
//! With the feature, this module is rayon's prelude. Without it, the same names run on the caller's thread,
//! as in a browser.

#[cfg(feature = "parallel")]
pub(crate) use rayon::prelude::*;

#[cfg(not(feature = "parallel"))]
pub(crate) use sequential::*;

#[cfg(not(feature = "parallel"))]
mod sequential {
    #[cfg(feature = "client")]
    use std::slice::ChunksMut;

    /// Rayon's trait of this name, on one thread.
    pub(crate) trait IntoParallelIterator: IntoIterator + Sized {
        fn into_par_iter(self) -> Self::IntoIter {
            self.into_iter()
        }
    }

    impl<T: IntoIterator> IntoParallelIterator for T {}

    /// Rayon's trait of this name, on one thread.
    #[cfg(feature = "client")]
    pub(crate) trait ParallelSliceMut<T> {
        fn par_chunks_mut(&mut self, size: usize) -> ChunksMut<'_, T>;
    }

    #[cfg(feature = "client")]
    impl<T> ParallelSliceMut<T> for [T] {
        fn par_chunks_mut(&mut self, size: usize) -> ChunksMut<'_, T> {
            self.chunks_mut(size)
        }
    }
}
