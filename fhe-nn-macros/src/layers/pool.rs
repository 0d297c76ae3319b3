//! `AvgPool2d<..>` and its like.

use fhe_nn_proof::spec::{Op, Pool as Kind, PoolSpec, Window};
use proc_macro2::TokenStream;
use quote::quote;

use super::size::{Size, Unwritten, needed, optional};
use super::windows::{Axes, Taps, window_tokens};
use crate::check::reads::Reads;
use crate::parse::reader::FieldReader;

const SIZES: &[Size] = &[
    needed("kernel"),
    optional("stride", 1, Unwritten::First),
    optional("padding", 0, Unwritten::Number(0)),
];

/// A pool as it was written.
pub(crate) struct Pool {
    /// The way in which the values of a window become one.
    pub(crate) kind: Kind,
    /// What it moves over.
    axes: Axes,
    /// Its geometry; none if one window sees all.
    pub(crate) taps: Option<Taps>,
}

pub(super) fn name(kind: Kind, axes: Axes) -> &'static str {
    match (kind, axes) {
        (Kind::Average, Axes::One) => "AvgPool1d",
        (Kind::Average, Axes::Two) => "AvgPool2d",
        (Kind::Average, Axes::All) => "GlobalAvgPool",
        (Kind::Max, Axes::One) => "MaxPool1d",
        (Kind::Max, Axes::Two) => "MaxPool2d",
        (Kind::Max, Axes::All) => "GlobalMaxPool",
    }
}

pub(super) fn sizes(axes: Axes) -> &'static [Size] {
    match axes {
        Axes::One | Axes::Two => SIZES,
        Axes::All => &[],
    }
}

impl Pool {
    pub(super) fn parse(field: &mut FieldReader<'_, '_>, kind: Kind, axes: Axes) -> Option<Self> {
        let taps = match *field.sizes()?.as_slice() {
            [kernel, stride, padding] => Some(Taps {
                kernel,
                stride,
                padding,
                dilation: 1,
            }),
            _ => None,
        };
        Some(Pool { kind, axes, taps })
    }

    /// Checks that its windows fit.
    pub(super) fn agree(&self, reads: &mut Reads<'_>) -> Option<Op> {
        let shape = &reads.first().shape;
        let flat = match (self.axes, shape.len()) {
            (Axes::One, _) | (Axes::All, ..=2) => true,
            (Axes::Two, _) | (Axes::All, _) => false,
        };
        let area = reads.area(shape, flat)?;
        let channels = shape[0];
        let window = match &self.taps {
            Some(taps) => reads.window(taps, flat, area, (channels, channels, channels))?,
            None => Window {
                kernel: area,
                input: area,
                groups: channels,
                ..Window::each(channels, channels, 1)
            },
        };
        let kind = self.kind;
        Some(Op::Pool(PoolSpec { window, flat, kind }))
    }
}

/// Why an activation that reads the greatest values of `found` is of no use.
pub(super) fn before_an_activation(found: &str) -> String {
    format!("`{found}` only chooses from values, and adds up none")
}

pub(super) fn tokens(pool: &PoolSpec) -> TokenStream {
    let PoolSpec { window, flat, kind } = pool;
    let window = window_tokens(window);
    let kind = match kind {
        Kind::Average => quote!(Average),
        Kind::Max => quote!(Max),
    };
    quote! {
        Pool(::fhe_nn_core::spec::PoolSpec {
            window: #window,
            flat: #flat,
            kind: ::fhe_nn_core::spec::Pool::#kind,
        })
    }
}
