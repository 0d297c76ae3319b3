//! The training of a network, and what it writes.

use std::error::Error as StdError;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use fhe_nn_core::prelude::*;
use fhe_nn_core::quantize::Quantized;
use fhe_nn_core::train::{
    Device, Examples, Family, Number, Optimizer, Precision, Trainable, Trainer, WeightScales,
    accuracy,
};
use fhe_nn_core::{Error, Model, run};
use fhe_nn_examples::idx::{Dataset, Split};
use fhe_nn_examples::{cli, watch};

use crate::idle::without_idle;
use crate::inputs::{Inputs, Reads};
use crate::recipes::{self, Recipe};
use crate::{Args, Trainee};

/// The inputs with which every network is trained and compared, and the arguments.
pub(crate) struct Course {
    training: (Vec<u32>, Dataset),
    /// Those on which the best epoch is chosen; without them, the last one is kept.
    chooses: Option<(Vec<u32>, Dataset)>,
    report: (Vec<u32>, Dataset),
    args: Args,
    /// The seed of the training at hand, of which there may be several.
    seed: u64,
}

impl Course {
    /// Loads what the network of the arguments learns from.
    pub(crate) fn new(args: Args) -> Result<Self, Box<dyn StdError>> {
        let Inputs {
            training,
            chooses,
            report,
        } = Inputs::load(&args)?;
        Ok(Course {
            training: (labels(&training), training),
            chooses: chooses.map(|chooses| (labels(&chooses), chooses)),
            report: (labels(&report), report),
            seed: args.seed,
            args,
        })
    }

    /// Begins a training with another seed.
    pub(crate) fn begin(&mut self, seed: u64) {
        self.seed = seed;
    }

    pub(crate) fn network(&self) -> Trainee {
        self.args.network
    }

    /// Trains a network with a wave from random weights.
    pub(crate) fn waves<N: Network>(
        &self,
        name: &'static str,
        recipe: Recipe,
    ) -> Result<f64, Box<dyn StdError>> {
        // small integers have small noise, which gives the same accuracy faster
        let mut family = Family::new(N::SPEC);
        if let Some(neurons) = recipe.neurons {
            family = family.vary(&N::SPEC.layers[0].name, Number::Neurons, [neurons]);
        }
        let spec = family.members()?.into_iter().next();
        let spec = spec.ok_or("a network of so many neurons breaks a law of the language")?;
        let mut module = Trainable::new(&spec, Vec::new(), &Device::Cpu, 0)?
            .with_weight_scales(WeightScales::Greatest)
            .with_calibration(Calibration::new().with_clipping(recipe.clipping));
        self.integers::<N>(name, &mut module, recipe)
    }

    /// Trains the article's floats further at fewer bits.
    pub(crate) fn article<N: Network>(&self, name: &'static str) -> Result<f64, Box<dyn StdError>> {
        let mut module = N::trainable(&Device::Cpu)?;
        let floats = Floats::load(cli::data().join("article.safetensors"))?;
        let samples = Dataset::load(cli::data(), Split::Calibration)?.images;
        module.load(&floats, samples.view())?;
        let begins = accuracy(&module, &examples(&self.report)?)?;
        println!("{name}: {:.2}% before training", 100.0 * begins);
        self.integers::<N>(name, &mut module, recipes::ARTICLE)
    }

    /// Trains a network as the integers that it will compute, and checks that quantization gives these integers.
    /// Neurons that became idle are left out: `N` is then declared anew, as it is printed.
    fn integers<N: Network>(
        &self,
        name: &'static str,
        module: &mut Trainable,
        recipe: Recipe,
    ) -> Result<f64, Box<dyn StdError>> {
        let samples = self.fit(name, module, recipe)?;
        let (mut spec, mut floats) = (module.spec().clone(), module.floats()?);
        if let Some(fewer) = without_idle(&spec, &floats)? {
            (spec, floats) = fewer;
        }
        if self.writes() {
            floats.save(self.out(&format!("{name}.safetensors"))?)?;
        }
        let report = examples(&self.report)?;
        let trained = accuracy(module, &report)?;
        let Quantized {
            network,
            report: layers,
            ..
        } = Model::quantize(&spec, &floats, samples.view())?;
        let scores = network.run_batch(report.inputs())?;
        let right = run::accuracy(&scores, report.labels())?;
        let plan = network.plan(&PlanOptions::default())?;
        println!(
            "of {} examples right: {:.2}%\n{layers}\n{plan}",
            report.len(),
            100.0 * right
        );
        if right != trained {
            return Err(format!("the integers of `{name}` and what was trained disagree").into());
        }
        if spec != *N::SPEC {
            print!("declare it as\n{}", spec.declaration(&[]));
        }
        if self.writes() {
            network.save(self.out(&format!("{name}.quantized.safetensors"))?)?;
        }
        Ok(right)
    }

    /// Trains a network in floating point.
    pub(crate) fn floats<N: Network>(
        &self,
        name: &'static str,
        recipe: Recipe,
    ) -> Result<f64, Box<dyn StdError>> {
        let mut module = N::trainable(&Device::Cpu)?.with_precision(Precision::Float);
        self.fit(name, &mut module, recipe)?;
        let right = accuracy(&module, &examples(&self.report)?)?;
        println!("{name}: {:.2}% in floating point", 100.0 * right);
        if self.writes() {
            let floats = module.latent()?;
            floats.save(self.out(&format!("{name}.float.safetensors"))?)?;
        }
        Ok(right)
    }

    /// Whether the training at hand is the one whose networks are written.
    fn writes(&self) -> bool {
        self.seed == self.args.seed
    }

    /// Fits a module, and returns the samples that calibrated it.
    fn fit(
        &self,
        name: &'static str,
        module: &mut Trainable,
        recipe: Recipe,
    ) -> Result<ndarray::Array2<f32>, Box<dyn StdError>> {
        let training = examples(&self.training)?;
        let chooses = self.chooses.as_ref().map(examples).transpose()?;
        let reads = self.args.network.reads();
        let augment = |input: &[f32], copy: &mut [f32], random: &mut _| match reads {
            Reads::Images => recipe.augment.apply(input, copy, random),
            Reads::Shades(shades) => shades.augment(&recipe.augment, input, copy, random),
            Reads::Windows => watch::augment(input, copy, random),
        };
        let decay = recipe.decay;
        let mut trainer = Trainer::new()
            .with_epochs(self.args.epochs.map_or(recipe.epochs, usize::from))
            .with_batch(recipe.batch)
            .with_rate(recipe.rate)
            .with_optimizer(Optimizer::AdamW { decay })
            .with_seed(self.seed)
            .with_augment(&augment);
        if self.args.resume && self.writes() {
            trainer = trainer.with_checkpoint(self.out(&format!("{name}.checkpoint"))?);
        }
        let start = Instant::now();
        let history = trainer.fit(module, &training, chooses.as_ref())?;
        println!(
            "{name}: {} epochs in {:.0} seconds; {:?}",
            history.epochs.len(),
            start.elapsed().as_secs_f64(),
            history.epochs.last()
        );
        if self.writes() {
            history.save_svg(self.out(&format!("{name}.svg"))?)?;
        }
        Ok(trainer.samples(&training))
    }

    fn out(&self, file: &str) -> Result<PathBuf, Box<dyn StdError>> {
        let folder = self.args.out.clone().unwrap_or_else(cli::data);
        fs::create_dir_all(&folder)
            .map_err(|cause| format!("cannot create `{}`: {cause}", folder.display()))?;
        Ok(folder.join(file))
    }
}

fn labels(images: &Dataset) -> Vec<u32> {
    images
        .labels
        .iter()
        .map(|&label| u32::from(label))
        .collect()
}

fn examples((labels, images): &(Vec<u32>, Dataset)) -> Result<Examples<'_>, Error> {
    Examples::new(images.images.view(), labels)
}
