//! Fitting a module to examples.

mod accuracy;
mod checkpoint;
mod examples;
mod history;
mod optimizer;
mod outcome;
mod run;
mod schedule;
mod spread;
mod teacher;
mod trainer;

pub use accuracy::accuracy;
pub use examples::{Augment, Examples};
pub use history::{Epoch, History};
pub use optimizer::Optimizer;
pub use outcome::Outcome;
pub use schedule::Schedule;
pub use spread::Spread;
pub use teacher::Teacher;
pub use trainer::Trainer;
