//! The inputs of the networks: images, their shades, and windows of signals.

use std::error::Error as StdError;

use fhe_nn_examples::idx::{Dataset, Split};
use fhe_nn_examples::shades::Shades;
use fhe_nn_examples::watch::Windows;

use crate::Args;

/// Number of training images held out by `--validate`.
const HELD_OUT: usize = 10_000;
/// The persons whose windows choose the best epoch. `--validate` reports on them as well.
const HELD_OUT_PERSONS: [u8; 2] = [6, 7];

/// What a network reads.
#[derive(Clone, Copy)]
pub(crate) enum Reads {
    Images,
    Shades(Shades),
    Windows,
}

/// Inputs with their classes, for three purposes. Those to test with never choose an epoch.
pub(crate) struct Inputs {
    pub(crate) training: Dataset,
    pub(crate) chooses: Option<Dataset>,
    pub(crate) report: Dataset,
}

impl Inputs {
    pub(crate) fn load(args: &Args) -> Result<Self, Box<dyn StdError>> {
        match args.network.reads() {
            Reads::Images => Self::images(args, None),
            Reads::Shades(shades) => Self::images(args, Some(shades)),
            Reads::Windows => {
                let (seen, test) = Windows::load()?;
                let part = |windows: &Windows| Dataset {
                    images: windows.inputs.clone(),
                    labels: windows.labels.clone(),
                };
                let held = part(&seen.of(&HELD_OUT_PERSONS, true));
                Ok(Inputs {
                    training: part(&seen.of(&HELD_OUT_PERSONS, false)),
                    chooses: Some(held.clone()),
                    report: if args.validate { held } else { part(&test) },
                })
            }
        }
    }

    fn images(args: &Args, shades: Option<Shades>) -> Result<Self, Box<dyn StdError>> {
        let read = |split: Split| -> Result<Dataset, Box<dyn StdError>> {
            let mut images = Dataset::load(&args.data, split)?;
            if let Some(shades) = shades {
                images.images = shades.of(images.images.view());
            }
            Ok(images)
        };
        let training = read(Split::Train)?;
        if !args.validate {
            return Ok(Inputs {
                training,
                chooses: None,
                report: read(Split::Test)?,
            });
        }
        let count = training.labels.len();
        let rest = count.checked_sub(HELD_OUT).filter(|&rest| rest > 0);
        let rest = rest.ok_or_else(|| {
            format!("validation needs more than {HELD_OUT} training images, but there are {count}")
        })?;
        let part = |range: std::ops::Range<usize>| training.select(&range.collect::<Vec<_>>());
        let held = part(rest..count);
        Ok(Inputs {
            training: part(0..rest),
            chooses: Some(held.clone()),
            report: held,
        })
    }
}
