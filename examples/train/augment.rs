//! Batches of training images, each image slightly moved and turned anew every time.

use candle_core::{Device, Result, Tensor};
use fhe_nn_examples::idx::{Dataset, PIXELS, SIDE};
use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// How far an image may be moved and deformed; every amount is drawn uniformly from -it to +it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Augment {
    /// Pixels, drawn once per axis.
    pub(crate) shift: f32,
    /// Radians.
    pub(crate) rotation: f32,
    /// Relative size, drawn once per axis.
    pub(crate) scale: f32,
    /// Horizontal displacement per row.
    pub(crate) shear: f32,
}

impl Augment {
    /// Writes a moved and deformed copy of an image; what comes in from outside is black.
    fn apply(&self, image: &[f32], copy: &mut [f32], rng: &mut ChaCha8Rng) {
        let mut draw = |amount: f32| amount * (2.0 * rng.random::<f32>() - 1.0);
        let (dx, dy) = (draw(self.shift), draw(self.shift));
        let (sin, cos) = draw(self.rotation).sin_cos();
        let (wide, high) = (1.0 + draw(self.scale), 1.0 + draw(self.scale));
        let shear = draw(self.shear);

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
            let column = wide * (cos * x - sin * y + shear * y) + middle;
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

/// Draws batches: every image once per round, in a new order each time.
pub(crate) struct Batches<'a> {
    digits: &'a Dataset,
    augment: Augment,
    size: usize,
    order: Vec<usize>,
    next: usize,
}

impl<'a> Batches<'a> {
    /// Batches of `size` images.
    pub(crate) fn new(digits: &'a Dataset, augment: Augment, size: usize) -> Self {
        let order: Vec<usize> = (0..digits.labels.len()).collect();
        Self {
            digits,
            augment,
            size,
            next: order.len(),
            order,
        }
    }

    /// Batches per round; images that do not fill the last one are left for another round.
    pub(crate) fn per_round(&self) -> usize {
        self.order.len() / self.size
    }

    /// Images, size x 784, and labels of the next batch.
    ///
    /// # Errors
    ///
    /// If candle cannot make the tensors.
    pub(crate) fn draw(&mut self, rng: &mut ChaCha8Rng) -> Result<(Tensor, Tensor)> {
        if self.next + self.size > self.order.len() {
            self.order.shuffle(rng);
            self.next = 0;
        }
        let chosen = &self.order[self.next..self.next + self.size];
        self.next += self.size;

        let mut pixels = vec![0.0; self.size * PIXELS];
        for (&index, copy) in chosen.iter().zip(pixels.chunks_exact_mut(PIXELS)) {
            let image = self.digits.images.row(index);
            let image = image
                .as_slice()
                .expect("images are rows of a standard array");
            self.augment.apply(image, copy, rng);
        }
        let labels = chosen
            .iter()
            .map(|&index| u32::from(self.digits.labels[index]))
            .collect();
        Ok((
            Tensor::from_vec(pixels, (self.size, PIXELS), &Device::Cpu)?,
            Tensor::from_vec(labels, self.size, &Device::Cpu)?,
        ))
    }
}
