//! The numbers among the generics of a layer.

/// A number among the generics of a layer.
pub(crate) struct Size {
    /// What it is.
    pub(crate) what: &'static str,
    /// Least value.
    pub(crate) min: u64,
    /// Its value if it is not written.
    pub(crate) unwritten: Unwritten,
}

/// The value of a size that is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unwritten {
    /// There is none: the size must be written.
    Missing,
    /// A number.
    Number(usize),
    /// The size with this index.
    As(usize),
    /// It must be written, and is not a number but windows.
    Windows,
}

/// A size of at least 1 that must be written.
pub(super) const fn needed(what: &'static str) -> Size {
    Size {
        what,
        min: 1,
        unwritten: Unwritten::Missing,
    }
}

/// A size that may be left out.
pub(super) const fn optional(what: &'static str, min: u64, unwritten: Unwritten) -> Size {
    Size {
        what,
        min,
        unwritten,
    }
}

/// Windows, `Axis<..>` or `(Axis<..>, Axis<..>)`.
pub(super) const WINDOWS: Size = Size {
    what: "windows",
    min: 0,
    unwritten: Unwritten::Windows,
};
