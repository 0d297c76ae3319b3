//! Shades: a grey image as several black-and-white ones, each with a threshold of its own.
//!
//! A wave takes its sums modulo a period, so inputs of several bits would leave it after a few pixels. As many inputs of
//! one bit as there are shades tell the same, and every shade has its own weight.

use ndarray::{Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;

use crate::augment::Augment;
use crate::idx::PIXELS;

/// Thresholds, in brightness from 0 for black to 1 for white. One of them is [`Shades::HALF`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shades(pub &'static [f32]);

impl Shades {
    /// The threshold at which an input of one bit changes. The shade of this threshold is the image itself.
    pub const HALF: f32 = 0.5;

    /// Writes all shades of an image one after the other. Each is the image, brightened or darkened until its threshold
    /// lies at [`Shades::HALF`], and cut to 1.
    ///
    /// # Shapes
    /// `image`: 784 pixels; `shades`: 784 for each threshold.
    pub fn spread(&self, image: &[f32], shades: &mut [f32]) {
        for (threshold, shade) in self.0.iter().zip(shades.chunks_exact_mut(PIXELS)) {
            for (value, pixel) in shade.iter_mut().zip(image) {
                *value = (pixel * (Self::HALF / threshold)).min(1.0);
            }
        }
    }

    /// The shades of images, `[images, 784]`, as rows of `[images, thresholds x 784]`.
    pub fn of(&self, images: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut all = Array2::zeros((images.nrows(), self.0.len() * PIXELS));
        for (image, mut shades) in images.rows().into_iter().zip(all.rows_mut()) {
            let image: Vec<f32> = image.to_vec();
            self.spread(&image, shades.as_slice_mut().expect("rows are contiguous"));
        }
        all
    }

    /// Writes the shades of a moved and deformed copy of the image whose shades these are.
    ///
    /// # Panics
    /// Panics if no threshold is [`Shades::HALF`].
    pub fn augment(
        &self,
        augment: &Augment,
        shades: &[f32],
        copy: &mut [f32],
        rng: &mut ChaCha8Rng,
    ) {
        let half = self.0.iter().position(|&threshold| threshold == Self::HALF);
        let start = half.expect("one of the thresholds is a half") * PIXELS;
        let mut moved = [0.0; PIXELS];
        augment.apply(&shades[start..start + PIXELS], &mut moved, rng);
        self.spread(&moved, copy);
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    const THREE: Shades = Shades(&[0.1, 0.5, 0.8]);

    #[test]
    fn an_input_of_one_bit_changes_at_the_threshold_of_its_shade() {
        let levels = [0.0, 0.09, 0.11, 0.49, 0.51, 0.79, 0.81, 1.0];
        let mut image = vec![0.0; PIXELS];
        image[..levels.len()].copy_from_slice(&levels);
        let shades = THREE.of(ArrayView2::from_shape((1, PIXELS), &image).expect("an image"));
        for (threshold, shade) in THREE.0.iter().zip(shades.exact_chunks((1, PIXELS))) {
            let bits: Vec<bool> = shade.iter().map(|x| x.round_ties_even() == 1.0).collect();
            let expected: Vec<bool> = image.iter().map(|pixel| pixel > threshold).collect();
            assert_eq!(bits, expected, "{threshold}");
        }
    }

    #[test]
    fn shades_are_augmented_as_their_image_is() {
        let image: Vec<f32> = (0..PIXELS).map(|i| i as f32 / PIXELS as f32).collect();
        let augment = Augment::new().with_shift(2.0).with_rotation(0.2);
        let random = || ChaCha8Rng::seed_from_u64(1);
        let [mut shades, mut copy, mut expected] = [(); 3].map(|()| vec![0.0; 3 * PIXELS]);
        THREE.spread(&image, &mut shades);
        THREE.augment(&augment, &shades, &mut copy, &mut random());
        let mut moved = vec![0.0; PIXELS];
        augment.apply(&image, &mut moved, &mut random());
        THREE.spread(&moved, &mut expected);
        assert_eq!(copy, expected);
        assert_ne!(copy, shades);
    }
}
