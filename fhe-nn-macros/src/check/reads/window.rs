//! The law that windows fit what they move over.

use fhe_nn_proof::spec::{Padding, Window, WindowError, conv_type, pool_type};

use super::Reads;
use crate::errors::{Error, count};
use crate::layers::{Kind, Taps};

impl Reads<'_> {
    /// Height and width of what windows move over; a length counts as an area of height 1.
    pub(crate) fn area(&mut self, shape: &[usize], flat: bool) -> Option<[usize; 2]> {
        if !self.known {
            return None;
        }
        match (shape, flat) {
            (&[_, length], true) => Some([1, length]),
            (&[_, down, across], false) => Some([down, across]),
            _ => {
                let layer = &self.layer;
                let name = layer.layer_type.name();
                let (takes, other) = if flat {
                    ("[channels, length]", name.replace("1d", "2d"))
                } else {
                    ("[channels, height, width]", name.replace("2d", "1d"))
                };
                let law = format!("`{}` takes {takes}, but gets {shape:?}", layer.name);
                let fits = matches!((shape.len(), flat), (2, false) | (3, true));
                let help = match (layer.sources[0], shape) {
                    (0, [down, across]) if !flat => {
                        format!("write `shape = [1, {down}, {across}]` on the input")
                    }
                    (0, [length]) if flat => format!("write `shape = [1, {length}]` on the input"),
                    _ if fits && other == name && flat => {
                        "write a pair of axes instead of one, as in `(Axis<3>, Axis<3>)`".to_owned()
                    }
                    _ if fits && other == name => {
                        "write one axis instead of a pair, as in `Axis<3>`".to_owned()
                    }
                    _ if fits => format!("use `{other}` instead"),
                    _ => "give it channels and positions: what comes in is flat".to_owned(),
                };
                self.mismatch(layer.place, law, help);
                None
            }
        }
    }

    /// The windows of a layer.
    pub(crate) fn window(
        &mut self,
        taps: &Taps,
        input: [usize; 2],
        channels: (usize, usize, usize),
    ) -> Option<Window> {
        let window = taps.window(input, channels);
        match window.check() {
            Ok(()) => {}
            Err(WindowError::Kernel) => {
                self.kernel_is_too_large(taps, &window);
                return None;
            }
            Err(WindowError::Padding) => {
                let error = self.padding_is_too_large(taps, &window);
                self.errors.push(error);
                return None;
            }
            Err(error @ (WindowError::Zero | WindowError::Groups)) => {
                let law = format!("`{}` has windows that cannot be: {error}", self.layer.name);
                self.mismatch(self.layer.place, law, "change its sizes".to_owned());
                return None;
            }
        }
        let steps_over = |axis: &usize| !window.sees_values(*axis);
        if let Kind::Pool(_) = self.layer.kind
            && let Some(axis) = [0, 1].into_iter().find(steps_over)
        {
            let law = format!("some windows of `{}` see padding alone", self.layer.name);
            let (apart, values) = (window.dilation[axis], count(input[axis], "value"));
            let mut closer = window;
            closer.dilation[axis] = 1;
            let Padding { near, far } = &mut closer.padding[axis];
            let most = window.kernel[axis] - 1;
            (*near, *far) = ((*near).min(most), (*far).min(most));
            self.errors.push(
                Error::new(taps.axes[axis].near.place, law)
                    .note(format!("taps are {apart} apart, and step over {values}"))
                    .help(self.rewritten(&closer, taps.flat)),
            );
            return None;
        }
        Some(window)
    }

    /// Reports a kernel that is larger than what it moves over, where there is least room for it.
    fn kernel_is_too_large(&mut self, taps: &Taps, window: &Window) {
        let failing = [1, 0]
            .into_iter()
            .filter(|&axis| window.check_axis(axis) == Err(WindowError::Kernel));
        let axis = failing.min_by_key(|&axis| window.input[axis]).unwrap_or(1);
        let (reach, side, padded) = (window.reach(axis), window.input[axis], window.padded(axis));
        let fits = (padded - 1) / window.dilation[axis] + 1;
        let mut values = count(side, "value");
        if padded > side {
            values += &format!(" and {} of padding", padded - side);
        }
        let name = &self.layer.name;
        let along = along(taps, axis);
        let law = format!("kernel of `{name}` spans {reach}, but its input has {values} {along}");
        let mut other = *window;
        for changed in changed(taps, axis) {
            other.kernel[changed] = fits;
        }
        let help = self.rewritten(&other, taps.flat);
        self.mismatch(taps.axes[axis].kernel.place, law, help);
    }

    /// The error for padding that fills a window.
    fn padding_is_too_large(&self, taps: &Taps, window: &Window) -> Error {
        let failing = |axis| window.check_axis(axis) == Err(WindowError::Padding);
        let axis = if failing(1) { 1 } else { 0 };
        let (reach, written) = (window.reach(axis), &taps.axes[axis]);
        let (what, padding) = if written.near.value >= reach || taps.square {
            ("padding", written.near)
        } else {
            ("far padding", written.far)
        };
        let law = format!(
            "{what} of `{}` is {}, but must be less than {reach}",
            self.layer.name, padding.value
        );
        let mut other = *window;
        for changed in changed(taps, axis) {
            let Padding { near, far } = &mut other.padding[changed];
            (*near, *far) = ((*near).min(reach - 1), (*far).min(reach - 1));
        }
        Error::new(padding.place, law)
            .note(format!(
                "the kernel spans {reach}, so a window would see padding alone"
            ))
            .help(self.rewritten(&other, taps.flat))
    }

    /// The layer with other windows.
    pub(crate) fn rewritten(&self, window: &Window, flat: bool) -> String {
        let layer = match &self.layer.kind {
            Kind::Pool(pool) => pool_type(pool.kind, window, flat),
            _ => conv_type(window, flat),
        };
        format!("write `{}: {layer}`", self.layer.name)
    }
}

/// The axes that a changed number of an axis changes.
fn changed(taps: &Taps, axis: usize) -> impl Iterator<Item = usize> {
    let both = taps.square && !taps.flat;
    [0, 1]
        .into_iter()
        .filter(move |&other| both || other == axis)
}

/// An axis in words.
const fn along(taps: &Taps, axis: usize) -> &'static str {
    match (taps.flat || taps.square, axis) {
        (true, _) => "along an axis",
        (false, 0) => "along its height",
        (false, _) => "along its width",
    }
}
