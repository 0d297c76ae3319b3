//! What a layer reads of a view, and everything that must be written before the layer can be.

use fhe_nn_proof::spec::{Op, TensorKind};

use super::network::{Net, Source, Written};
use crate::import::error::{Refusal, refuse};
use crate::import::function::{Expr, Line, Recognized, custom, never_decreases, recognize};
use crate::import::place::View;

impl Net {
    /// Writes what is needed before another layer can read a view, up to a line.
    pub(crate) fn written(&mut self, view: &View) -> Result<Written, Refusal> {
        let known =
            |(base, expr, _): &&(usize, Expr, Written)| *base == view.base && expr.is(&view.expr);
        if let Some((_, _, written)) = self.made.iter().find(known) {
            return Ok(written.clone());
        }
        let (channels, positions) = self.channels(view.base);
        let written = match self.bases[view.base].source.clone() {
            Source::Input => {
                if self.arrangement.is_none() {
                    let shape = self.bases[view.base].shape.clone();
                    let all: Vec<u32> = (0..channels as u32).collect();
                    self.arrange(&shape, &all)?;
                }
                let Some(line) = view.expr.line() else {
                    return refuse("the function of the input is the client's: apply it before");
                };
                Written {
                    tensor: 0,
                    line: self.normalized(line),
                    positions,
                }
            }
            Source::Tensor(tensor) | Source::Each(tensor) => match view.expr.line() {
                Some(line) => Written {
                    tensor,
                    line,
                    positions,
                },
                None => {
                    let found = known_function(view)?;
                    let tensor = match self.bases[view.base].source {
                        Source::Each(tensor) => self.flattened(tensor)?,
                        _ => tensor,
                    };
                    let sums = self.facts[tensor].kind == TensorKind::Sums;
                    let reads = if sums && found.inner.is_itself() {
                        tensor
                    } else {
                        self.scaled(tensor, &found.inner)?
                    };
                    self.activated(reads, &found, positions)?
                }
            },
            Source::Linear(linear) => {
                let (line, found) = match view.expr.line() {
                    Some(line) => (line, None),
                    None => {
                        let found = known_function(view)?;
                        (found.inner.clone(), Some(found))
                    }
                };
                let sums = self.linear(&linear, &line)?;
                match found {
                    Some(found) => self.activated(sums, &found, positions)?,
                    None => Written {
                        tensor: self.identity(sums)?,
                        line: Line::itself(),
                        positions,
                    },
                }
            }
            Source::Client(_) => return refuse("it reads what is left to the client"),
            Source::MaxPool(linear, pool) => {
                // a function that never decreases maps the greatest value to the greatest result
                let through = never_decreases(&view.expr);
                let inner = View {
                    base: linear,
                    by: view.by.clone(),
                    is_integer: false,
                    places: view.places.clone(),
                    expr: if through {
                        view.expr.clone()
                    } else {
                        Expr::itself()
                    },
                };
                let tensor = self.plain(&inner)?;
                let pooled = self.push("max_pool", vec![tensor], Op::Pool(pool))?;
                let base = self.base_of(pooled);
                if through {
                    Written {
                        tensor: pooled,
                        line: Line::itself(),
                        positions,
                    }
                } else {
                    self.written(&View {
                        base,
                        by: view.by.clone(),
                        is_integer: false,
                        places: view.places.clone(),
                        expr: view.expr.clone(),
                    })?
                }
            }
        };
        self.made
            .push((view.base, view.expr.clone(), written.clone()));
        Ok(written)
    }

    /// Writes all of a view, including its line.
    pub(crate) fn plain(&mut self, view: &View) -> Result<usize, Refusal> {
        let written = self.written(view)?;
        if written.line.is_itself() {
            return Ok(written.tensor);
        }
        let (reads, line) = match self.by_channel(&written) {
            Ok(line) => (written.tensor, line),
            // every value gets a line of its own
            Err(Refusal::Unsupported(_)) if written.tensor != 0 => {
                (self.flattened(written.tensor)?, written.line)
            }
            Err(refusal) => return Err(refusal),
        };
        let channels = self.facts[reads].shape[0];
        let sums = self.scaled(reads, &line)?;
        let tensor = self.identity(sums)?;
        let count = self.facts[tensor].len();
        self.notes.push(format!(
            "`{}` only scales and shifts {channels} channels: {count} bootstraps more",
            self.layers[tensor - 1].name
        ));
        Ok(tensor)
    }

    /// Writes all of a view, as results of tables.
    pub(crate) fn plain_values(&mut self, view: &View) -> Result<usize, Refusal> {
        let tensor = self.plain(view)?;
        self.of_tables(tensor)
    }

    /// The tensor itself, or its values after a table if it has sums.
    pub(crate) fn of_tables(&mut self, tensor: usize) -> Result<usize, Refusal> {
        match self.facts[tensor].kind {
            TensorKind::Sums => self.identity(tensor),
            _ => Ok(tensor),
        }
    }

    /// The line of every channel, which must be the same for all its values.
    pub(crate) fn by_channel(&self, written: &Written) -> Result<Line, Refusal> {
        let tensor = &self.facts[written.tensor];
        let positions = tensor.len() / tensor.shape[0].max(1);
        if written.line.is_uniform() || written.tensor != 0 && written.positions == positions {
            return Ok(written.line.clone());
        }
        // here there is a line for every value, by its place in the model's input or in the tensor
        let order = self.arrangement.as_deref().unwrap_or_default();
        let own = |channel: usize| {
            let line = |value: usize| {
                let place = match written.tensor {
                    0 => order[value] as usize,
                    _ => value / written.positions.max(1),
                };
                (written.line.slope_at(place), written.line.offset_at(place))
            };
            let mut lines = (channel * positions..(channel + 1) * positions).map(line);
            let first = lines.next()?;
            lines.all(|line| line == first).then_some(first)
        };
        let lines: Option<Vec<(f64, f64)>> = (0..tensor.shape[0]).map(own).collect();
        match lines {
            Some(lines) => {
                let (slope, offset) = lines.into_iter().unzip();
                Ok(Line { slope, offset })
            }
            None => refuse("values of one channel are scaled or shifted differently"),
        }
    }
}

/// The activation that computes the function of a view.
///
/// # Errors
/// A refusal if there is none.
fn known_function(view: &View) -> Result<Recognized, Refusal> {
    let found = recognize(&view.expr).or_else(|| custom(&view.expr));
    found.map_or_else(
        || refuse(format!("no activation computes what `{}` does, and channels differ or Rust has no such function", view.by)),
        Ok,
    )
}
