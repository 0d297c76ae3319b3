//! Augmentation: images are slightly moved, turned and distorted.

use std::array::from_fn;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::idx::SIDE;

/// Number of points along each axis of the lattice of an elastic distortion.
const LATTICE: usize = 6;
/// The displacement of each lattice point, `(columns, rows)`, row by row.
type Lattice = [[(f32, f32); LATTICE]; LATTICE];

/// How far an image may be moved and deformed. Each amount is a maximum: the applied amount is drawn
/// uniformly between its negative and itself.
#[derive(Clone, Copy, Debug)]
pub struct Augment {
    shift: f32,
    rotation: f32,
    scale: f32,
    shear: f32,
    elastic: f32,
    mirror: bool,
}

impl Default for Augment {
    fn default() -> Self {
        Augment::new()
    }
}

impl Augment {
    /// An augmentation that leaves images as they are.
    pub const fn new() -> Self {
        Augment {
            shift: 0.0,
            rotation: 0.0,
            scale: 0.0,
            shear: 0.0,
            elastic: 0.0,
            mirror: false,
        }
    }

    /// Moves images by at most this many pixels along each axis.
    pub const fn with_shift(mut self, pixels: f32) -> Self {
        self.shift = pixels;
        self
    }

    /// Turns images by at most this angle, in radians.
    pub const fn with_rotation(mut self, radians: f32) -> Self {
        self.rotation = radians;
        self
    }

    /// Stretches images along each axis by at most this fraction of their size.
    pub const fn with_scale(mut self, scale: f32) -> Self {
        self.scale = scale;
        self
    }

    /// Shears images by at most this horizontal displacement per row.
    pub const fn with_shear(mut self, shear: f32) -> Self {
        self.shear = shear;
        self
    }

    /// Distorts images elastically (Simard, Steinkraus, Platt 2003, section 2). The points of a lattice of 6 x 6, in
    /// place of a smoothed random field, move by at most this many pixels along each axis. Displacements between
    /// them are interpolated.
    pub const fn with_elastic(mut self, pixels: f32) -> Self {
        self.elastic = pixels;
        self
    }

    /// Sets whether every second image, at random, is mirrored.
    pub const fn with_mirror(mut self, mirror: bool) -> Self {
        self.mirror = mirror;
        self
    }

    /// Writes a moved and deformed copy of an image. Pixels that come from outside the image are black.
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

        let lattice: Option<Lattice> = (self.elastic > 0.0)
            .then(|| from_fn(|_| from_fn(|_| (draw(self.elastic), draw(self.elastic)))));

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
            let (across, down) = lattice.as_ref().map_or((0.0, 0.0), |lattice| {
                moved(lattice, index % SIDE, index / SIDE)
            });
            let column = side * wide * (cos * x - sin * y + shear * y) + middle + across;
            let row = high * (sin * x + cos * y) + middle + down;
            let (left, top) = (column.floor(), row.floor());
            let (right, below) = (column - left, row - top);
            let (left, top) = (left as i32, top as i32);
            let above = (1.0 - right) * pixel(top, left) + right * pixel(top, left + 1);
            let under = (1.0 - right) * pixel(top + 1, left) + right * pixel(top + 1, left + 1);
            *value = (1.0 - below) * above + below * under;
        }
    }
}

/// The displacement of the position from which a pixel is read, `(columns, rows)`, interpolated linearly between the
/// four lattice points around it.
fn moved(lattice: &Lattice, column: usize, row: usize) -> (f32, f32) {
    // the last point lies on the last pixel, and is not followed by another one
    let place = |pixel: usize| {
        let at = (pixel * (LATTICE - 1)) as f32 / (SIDE - 1) as f32;
        let point = (at as usize).min(LATTICE - 2);
        (point, at - point as f32)
    };
    let ((left, right), (top, below)) = (place(column), place(row));
    let mix = |a: (f32, f32), b: (f32, f32), part: f32| {
        (a.0 + part * (b.0 - a.0), a.1 + part * (b.1 - a.1))
    };
    let above = mix(lattice[top][left], lattice[top][left + 1], right);
    let under = mix(lattice[top + 1][left], lattice[top + 1][left + 1], right);
    mix(above, under, below)
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn amounts_of_zero_leave_an_image_as_it_is() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let image: Vec<f32> = (0..SIDE * SIDE)
            .map(|index| (index % 11) as f32 / 10.0)
            .collect();
        let mut copy = vec![0.0; image.len()];
        Augment::new().apply(&image, &mut copy, &mut rng);
        assert_eq!(copy, image);
    }

    #[test]
    fn a_lattice_moves_pixels_by_its_amount_at_most() {
        let elastic = 2.0;
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let middle = SIDE / 2;
        let mut image = vec![0.0; SIDE * SIDE];
        image[middle * SIDE + middle] = 1.0;
        let mut farthest = 0.0_f32;
        for _ in 0..200 {
            let mut copy = vec![0.0; image.len()];
            Augment::new()
                .with_elastic(elastic)
                .apply(&image, &mut copy, &mut rng);
            for (index, _) in copy.iter().enumerate().filter(|(_, value)| **value > 0.0) {
                let away = (index % SIDE)
                    .abs_diff(middle)
                    .max((index / SIDE).abs_diff(middle));
                farthest = farthest.max(away as f32);
            }
        }
        // bilinear interpolation spreads a pixel over those less than one pixel away
        assert!(
            farthest < elastic + 1.0,
            "moved by {farthest}, but {elastic} is the most"
        );
        assert!(farthest > 1.0, "moved by {farthest} only");
    }

    #[test]
    fn a_lattice_is_linear_between_its_points() {
        let lattice = from_fn(|row| from_fn(|column| (column as f32, 10.0 * row as f32)));
        let points = |pixel: usize| (pixel * (LATTICE - 1)) as f32 / (SIDE - 1) as f32;
        for (row, column) in (0..SIDE).flat_map(|row| (0..SIDE).map(move |column| (row, column))) {
            let (across, down) = moved(&lattice, column, row);
            let (expected_across, expected_down) = (points(column), 10.0 * points(row));
            assert!(
                (across - expected_across).abs() < 1e-4,
                "{row}, {column}: {across}"
            );
            assert!(
                (down - expected_down).abs() < 1e-4,
                "{row}, {column}: {down}"
            );
        }
    }
}
