//! Lists of LWE ciphertexts.

/// Ciphertexts under one key, one after the other: those of one input, then those of the next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ciphertexts {
    dimension: usize,
    data: Vec<u64>,
}

impl Ciphertexts {
    /// Makes a list from one row of `dimension + 1` elements for each ciphertext.
    pub(crate) fn new(dimension: usize, data: Vec<u64>) -> Self {
        assert_eq!(
            data.len() % (dimension + 1),
            0,
            "rows are whole ciphertexts"
        );
        Ciphertexts { dimension, data }
    }

    pub(crate) fn data(&self) -> &[u64] {
        &self.data
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.data.chunks_exact(self.dimension + 1)
    }
}

/// What only a server does with them.
#[cfg(feature = "engine")]
impl Ciphertexts {
    /// Makes `count` trivial ciphertexts of 0.
    ///
    /// # Panics
    /// If they are more than the machine can address, as any allocation of that size does.
    pub(crate) fn zero(dimension: usize, count: usize) -> Self {
        let words = count.checked_mul(dimension + 1);
        let words = words.expect("ciphertexts are no more than memory holds");
        Ciphertexts {
            dimension,
            data: vec![0; words],
        }
    }

    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    pub(crate) fn len(&self) -> usize {
        self.data.len() / (self.dimension + 1)
    }

    pub(crate) fn row(&self, index: usize) -> &[u64] {
        &self.data[index * (self.dimension + 1)..(index + 1) * (self.dimension + 1)]
    }

    /// Joins lists: all ciphertexts of one, then those of the next.
    pub(crate) fn concat(parts: impl IntoIterator<Item = Ciphertexts>) -> Self {
        let all = |mut all: Ciphertexts, part: Ciphertexts| {
            all.data.extend(part.data);
            all
        };
        let mut parts = parts.into_iter();
        let first = parts.next().unwrap_or_else(|| Ciphertexts::zero(0, 0));
        parts.fold(first, all)
    }

    /// Splits the list into parts of `count` ciphertexts.
    pub(crate) fn split(&self, count: usize) -> impl Iterator<Item = Ciphertexts> + '_ {
        let parts = self.data.chunks(count * (self.dimension + 1));
        parts.map(|part| Ciphertexts::new(self.dimension, part.to_vec()))
    }

    pub(crate) fn data_mut(&mut self) -> &mut [u64] {
        &mut self.data
    }

    pub(crate) fn row_mut(&mut self, index: usize) -> &mut [u64] {
        &mut self.data[index * (self.dimension + 1)..(index + 1) * (self.dimension + 1)]
    }

    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [u64]> {
        self.data.chunks_exact_mut(self.dimension + 1)
    }
}
