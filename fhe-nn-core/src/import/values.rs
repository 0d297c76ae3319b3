//! What a layer reads of a signal: all that must be written before it can.

use fhe_nn_proof::spec::{Op, TensorKind};

use super::error::{Refusal, refuse};
use super::expr::Expr;
use super::line::Line;
use super::net::{Net, Source};
use super::recognize::{Recognized, custom, never_decreases, recognize};
use super::signal::Signal;

/// A tensor that is written, and the line that its values still go through.
#[derive(Clone)]
pub(super) struct Values {
    pub(super) tensor: usize,
    pub(super) line: Line,
    /// So many values in a row have one slope and offset.
    pub(super) positions: usize,
}

impl Net {
    /// Writes what must be, so that another layer can read a signal, but for a line.
    pub(super) fn values(&mut self, signal: &Signal) -> Result<Values, Refusal> {
        let known = |(base, expr, _): &&(usize, Expr, Values)| {
            *base == signal.base && expr.is(&signal.expr)
        };
        if let Some((_, _, values)) = self.made.iter().find(known) {
            return Ok(values.clone());
        }
        let (channels, positions) = self.channels(signal.base);
        let values = match self.bases[signal.base].source.clone() {
            Source::Input => {
                if self.arrangement.is_none() {
                    let shape = self.bases[signal.base].shape.clone();
                    let all: Vec<u32> = (0..channels as u32).collect();
                    self.arrange(&shape, &all)?;
                }
                let Some(line) = signal.expr.line() else {
                    return refuse("the function of the input is the client's: apply it before");
                };
                Values {
                    tensor: 0,
                    line,
                    positions,
                }
            }
            Source::Tensor(tensor) => match signal.expr.line() {
                Some(line) => Values {
                    tensor,
                    line,
                    positions,
                },
                None => {
                    let found = known_function(signal)?;
                    let sums = self.facts[tensor].kind == TensorKind::Sums;
                    let reads = match sums && found.inner.is_itself() {
                        true => tensor,
                        false => self.scaled(tensor, &found.inner)?,
                    };
                    self.activated(reads, &found, positions)?
                }
            },
            Source::Linear(linear) => {
                let (line, found) = match signal.expr.line() {
                    Some(line) => (line, None),
                    None => {
                        let found = known_function(signal)?;
                        (found.inner.clone(), Some(found))
                    }
                };
                let sums = self.linear(&linear, &line)?;
                match found {
                    Some(found) => self.activated(sums, &found, positions)?,
                    None => Values {
                        tensor: self.identity(sums)?,
                        line: Line::itself(),
                        positions,
                    },
                }
            }
            Source::MaxPool(linear, pool) => {
                // the greatest value of a function that never decreases is that of the greatest
                let through = never_decreases(&signal.expr);
                let inner = Signal {
                    base: linear,
                    by: signal.by.clone(),
                    is_integer: false,
                    places: signal.places.clone(),
                    expr: match through {
                        true => signal.expr.clone(),
                        false => Expr::itself(),
                    },
                };
                let tensor = self.plain(&inner)?;
                let pooled = self.push("max_pool", vec![tensor], Op::Pool(pool))?;
                let base = self.written(pooled);
                match through {
                    true => Values {
                        tensor: pooled,
                        line: Line::itself(),
                        positions,
                    },
                    false => self.values(&Signal {
                        base,
                        by: signal.by.clone(),
                        is_integer: false,
                        places: signal.places.clone(),
                        expr: signal.expr.clone(),
                    })?,
                }
            }
        };
        self.made
            .push((signal.base, signal.expr.clone(), values.clone()));
        Ok(values)
    }

    /// Writes all of a signal: a tensor, through which no line goes any more.
    pub(super) fn plain(&mut self, signal: &Signal) -> Result<usize, Refusal> {
        let values = self.values(signal)?;
        if values.line.is_itself() {
            return Ok(values.tensor);
        }
        let channels = self.facts[values.tensor].shape[0];
        let line = self.by_channel(&values)?;
        let sums = self.scaled(values.tensor, &line)?;
        let tensor = self.identity(sums)?;
        let count = self.facts[tensor].len();
        self.notes.push(format!(
            "`{}` only scales and shifts {channels} channels: {count} bootstraps more",
            self.layers[tensor - 1].name
        ));
        Ok(tensor)
    }

    /// The same, of results of tables.
    pub(super) fn plain_values(&mut self, signal: &Signal) -> Result<usize, Refusal> {
        let tensor = self.plain(signal)?;
        self.of_tables(tensor)
    }

    /// A tensor itself, or its values after a table, if it has sums.
    pub(super) fn of_tables(&mut self, tensor: usize) -> Result<usize, Refusal> {
        match self.facts[tensor].kind {
            TensorKind::Sums => self.identity(tensor),
            _ => Ok(tensor),
        }
    }

    /// A line that is the same for all values of a channel.
    pub(super) fn by_channel(&self, values: &Values) -> Result<Line, Refusal> {
        let tensor = &self.facts[values.tensor];
        let positions = tensor.len() / tensor.shape[0].max(1);
        let is_uniform = values.line.slope.len() == 1 && values.line.offset.len() == 1;
        if is_uniform || values.tensor != 0 && values.positions == positions {
            return Ok(values.line.clone());
        }
        // a line for every value of the model's input
        let order = self.arrangement.as_deref().unwrap_or_default();
        let own = |channel: usize| {
            let places = &order[channel * positions..(channel + 1) * positions];
            let line = |&place: &u32| {
                let place = place as usize;
                (values.line.slope_at(place), values.line.offset_at(place))
            };
            let first = places.first().map(line)?;
            places
                .iter()
                .all(|place| line(place) == first)
                .then_some(first)
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

/// # Errors
/// A refusal if no activation computes it.
fn known_function(signal: &Signal) -> Result<Recognized, Refusal> {
    let found = recognize(&signal.expr).or_else(|| custom(&signal.expr));
    found.map_or_else(
        || refuse(format!("no activation computes what `{}` does, and channels differ or Rust has no such function", signal.by)),
        Ok,
    )
}
