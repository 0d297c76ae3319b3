//! The tables of an activation.

/// One table per neuron, of `2^p_j` entries where the neuron's table reads `p_j` bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// The tables one behind the other. Entry `i` of a table of p bits belongs to
    /// `r = i - 2^(p-1)`.
    entries: Vec<i16>,
    /// Where each table begins, and at last where the last ends.
    starts: Vec<usize>,
}

impl Tables {
    /// Tables from one slice each.
    pub fn new<'a>(tables: impl IntoIterator<Item = &'a [i16]>) -> Self {
        let (mut entries, mut starts) = (Vec::new(), vec![0]);
        for table in tables {
            entries.extend_from_slice(table);
            starts.push(entries.len());
        }
        Tables { entries, starts }
    }

    /// The table of neuron `j`.
    pub fn table(&self, j: usize) -> &[i16] {
        &self.entries[self.starts[j]..self.starts[j + 1]]
    }

    /// Number of neurons.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is no table.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All tables one behind the other.
    pub fn entries(&self) -> &[i16] {
        &self.entries
    }
}
