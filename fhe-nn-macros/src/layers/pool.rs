//! `AvgPool2d<..>` and its like.

use fhe_nn_proof::spec::{Op, Pool as Kind, PoolSpec, Window};
use proc_macro2::TokenStream;
use quote::quote;

use super::size::{Size, Unwritten, WINDOWS, needed, optional};
use super::windows::{Axes, AxisTaps, Taps, window_tokens};
use crate::check::reads::Reads;
use crate::parse::reader::FieldReader;

const SIZES: &[Size] = &[
    needed("kernel"),
    optional("stride", 1, Unwritten::As(0)),
    optional("padding", 0, Unwritten::Number(0)),
];

/// A pool as it was written.
pub(crate) struct Pool {
    /// The way in which the values of a window become one.
    pub(crate) kind: Kind,
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
        (Kind::Average, Axes::Each) => "AvgPool",
        (Kind::Max, Axes::Each) => "MaxPool",
    }
}

pub(super) fn sizes(axes: Axes) -> &'static [Size] {
    match axes {
        Axes::One | Axes::Two => SIZES,
        Axes::Each => &[WINDOWS],
        Axes::All => &[],
    }
}

impl Pool {
    pub(super) fn parse(field: &mut FieldReader<'_, '_>, kind: Kind, axes: Axes) -> Option<Self> {
        let taps = match axes {
            Axes::All => None,
            Axes::Each => Some(field.windows()?),
            Axes::One | Axes::Two => {
                let sizes = field.sizes()?;
                let &[kernel, stride, padding] = sizes.as_slice() else {
                    return None;
                };
                let axis = AxisTaps {
                    kernel,
                    stride,
                    near: padding,
                    dilation: 1,
                    far: padding,
                };
                Some(Taps::square(axis, axes == Axes::One))
            }
        };
        Some(Pool { kind, taps })
    }

    /// Checks that its windows fit.
    pub(super) fn agree(&self, reads: &mut Reads<'_>) -> Option<Op> {
        let shape = &reads.first().shape;
        let flat = match &self.taps {
            Some(taps) => taps.flat,
            None => shape.len() <= 2,
        };
        let area = reads.area(shape, flat)?;
        let channels = shape[0];
        let window = match &self.taps {
            Some(taps) => reads.window(taps, area, (channels, channels, channels))?,
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
