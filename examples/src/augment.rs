//! Images, slightly moved and turned.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::idx::SIDE;

/// How far an image may be moved and deformed; every amount is drawn uniformly from -it to +it.
#[derive(Clone, Copy, Debug)]
pub struct Augment {
    /// Pixels, drawn once per axis.
    pub shift: f32,
    /// Radians.
    pub rotation: f32,
    /// Relative size, drawn once per axis.
    pub scale: f32,
    /// Horizontal displacement per row.
    pub shear: f32,
    /// Whether every second image is mirrored.
    pub mirror: bool,
}

impl Augment {
    /// Writes a moved and deformed copy of an image; what comes in from outside is black.
    pub fn apply(&self, image: &[f32], copy: &mut [f32], rng: &mut ChaCha8Rng) {
        let mut uniform = || rng.next_u32() as f32 / u32::MAX as f32;
        let mut draw = |amount: f32| amount * (2.0 * uniform() - 1.0);
        let (dx, dy) = (draw(self.shift), draw(self.shift));
        let (sin, cos) = draw(self.rotation).sin_cos();
        let (wide, high) = (1.0 + draw(self.scale), 1.0 + draw(self.scale));
        let shear = draw(self.shear);
        let side = if self.mirror && draw(1.0) < 0.0 {
            -1.0
        } else {
            1.0
        };

        let middle = (SIDE - 1) as f32 / 2.0;
        let pixel = |row: i32, column: i32| {
            let inside = 0..SIDE as i32;
            if inside.contains(&row) && inside.contains(&column) {
                image[row as usize * SIDE + column as usize]
            } else {
                0.0
            }
        };
        for (index, value) in copy.iter_mut().enumerate() {
            let y = (index / SIDE) as f32 - middle - dy;
            let x = (index % SIDE) as f32 - middle - dx;
            let column = side * wide * (cos * x - sin * y + shear * y) + middle;
            let row = high * (sin * x + cos * y) + middle;
            let (left, top) = (column.floor(), row.floor());
            let (right, below) = (column - left, row - top);
            let (left, top) = (left as i32, top as i32);
            let above = (1.0 - right) * pixel(top, left) + right * pixel(top, left + 1);
            let under = (1.0 - right) * pixel(top + 1, left) + right * pixel(top + 1, left + 1);
            *value = (1.0 - below) * above + below * under;
        }
    }
}
