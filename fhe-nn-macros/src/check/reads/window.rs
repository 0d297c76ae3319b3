//! The law that windows fit what they move over.

use fhe_nn_proof::spec::{Window, WindowError};

use super::Reads;
use crate::errors::{Error, Spanned, count};
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
        flat: bool,
        input: [usize; 2],
        (channels, outputs, groups): (usize, usize, usize),
    ) -> Option<Window> {
        let both = |value: usize, one: usize| if flat { [one, value] } else { [value, value] };
        let window = Window {
            channels,
            outputs,
            input,
            kernel: both(taps.kernel.value, 1),
            stride: both(taps.stride.value, 1),
            padding: both(taps.padding.value, 0),
            dilation: both(taps.dilation, 1),
            groups,
        };
        let name = &self.layer.name;
        let changed = |taps: Taps| match self.layer.kind {
            Kind::Linear(_) => self.rewritten(&[channels, outputs], &taps, groups),
            _ => self.rewritten(&[], &taps, 1),
        };
        let (place, law, help) = match window.check() {
            Ok(()) => return Some(window),
            Err(WindowError::Kernel) => {
                let reach = window.reach(1);
                let side = input[1].min(if flat { input[1] } else { input[0] });
                let padded = side + 2 * taps.padding.value;
                let fits = (padded - 1) / taps.dilation + 1;
                let mut values = count(side, "value");
                if padded > side {
                    values += &format!(" and {} of padding", padded - side);
                }
                (
                    taps.kernel.place,
                    format!(
                        "kernel of `{name}` spans {reach}, but its input has {values} along an axis"
                    ),
                    changed(Taps {
                        kernel: Spanned {
                            value: fits,
                            ..taps.kernel
                        },
                        ..*taps
                    }),
                )
            }
            Err(WindowError::Padding) => {
                let (padding, reach) = (taps.padding, window.reach(1));
                let value = reach - 1;
                let law = format!(
                    "padding of `{name}` is {}, but must be less than {reach}",
                    padding.value
                );
                let help = changed(Taps {
                    padding: Spanned { value, ..padding },
                    ..*taps
                });
                let error = Error::new(padding.place, law).note(format!(
                    "the kernel spans {reach}, so a window would see padding alone"
                ));
                self.errors.push(error.help(help));
                return None;
            }
            Err(error @ (WindowError::Zero | WindowError::Groups)) => (
                self.layer.place,
                format!("`{name}` has windows that cannot be: {error}"),
                "change its sizes".to_owned(),
            ),
        };
        self.mismatch(place, law, help);
        None
    }

    /// The layer with these sizes, as far as they are not the defaults.
    pub(crate) fn rewritten(&self, channels: &[usize], taps: &Taps, groups: usize) -> String {
        let kernel = taps.kernel.value;
        let (mut sizes, mut defaults) = (channels.to_vec(), Vec::new());
        sizes.extend([kernel, taps.stride.value, taps.padding.value]);
        match channels {
            [] => defaults.extend([kernel, 0]),
            _ => {
                sizes.extend([taps.dilation, groups]);
                defaults.extend([1, 0, 1, 1]);
            }
        }
        while sizes.len() > channels.len() + 1 && sizes.last() == defaults.last() {
            sizes.pop();
            defaults.pop();
        }
        let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
        let (name, layer) = (&self.layer.name, self.layer.layer_type.name());
        format!("write `{name}: {layer}<{}>`", sizes.join(", "))
    }
}
