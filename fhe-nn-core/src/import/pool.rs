//! Operators that take averages, sums or greatest values.

use fhe_nn_proof::spec::{Op, Pool, PoolSpec, Window};
use ndarray::{Array2, ArrayD, IxDyn};

use super::area::Area;
use super::axes::reduced_axes;
use super::conv::convolution;
use super::error::{Refusal, refuse};
use super::expr::Expr;
use super::graph::Node;
use super::linear::{Weights, dense};
use super::names::layer_name;
use super::net::{Net, Source};
use super::signal::Signal;
use super::tensor::{Constant, Kind};
use super::windows::Windows;

/// `AveragePool`, `MaxPool` and their global forms.
pub(super) fn pool(net: &mut Net, node: &Node, signal: &Signal) -> Result<Signal, Refusal> {
    let kind = match node.operator.as_str() {
        "MaxPool" | "GlobalMaxPool" => Pool::Max,
        _ => Pool::Average,
    };
    let rank = signal.shape().len();
    let flat = rank == 3;
    let area = Area::of(net, signal, flat)?;
    let global = node.operator.starts_with("Global");
    let axes = if flat {
        &area.outer[1..]
    } else {
        &area.outer[..]
    };
    let kernel = match global {
        true => axes.to_vec(),
        false => node.sizes("kernel_shape", axes.len(), 0)?,
    };
    let windows = Windows::of(node, &kernel, area.outer, flat)?;
    let own_padding = windows.is_padded();
    let windows = windows.padded(area.inner, area.pads);
    let zeros = area.pads != [[0, 0], [0, 0]];
    let counts = node.integer("count_include_pad", 0) != 0;
    if kind == Pool::Max && zeros {
        return refuse("it takes the greatest of values and of zeros that were added");
    }
    if kind == Pool::Average && own_padding && !counts {
        return refuse("its averages at the border are of fewer values: set `count_include_pad`");
    }
    let symmetric = windows
        .padding
        .iter()
        .all(|[before, behind]| before == behind);
    let sides = |pair: [usize; 2]| flat || pair[0] == pair[1];
    let first = windows.padding.map(|[before, _]| before);
    let whole = windows.kernel == windows.input && !windows.is_padded();
    let square = [windows.kernel, windows.stride, first]
        .into_iter()
        .all(sides);
    let plain_taps = windows.dilation == [1, 1];
    if !(whole || symmetric && square && plain_taps) {
        return match kind {
            // a convolution by the same weight everywhere
            Pool::Average => {
                let [down, across] = windows.kernel;
                let mut shape = vec![area.channels, 1];
                shape.extend(&kernel);
                let weight = 1.0 / (down * across) as f64;
                let kernel = Constant::new(ArrayD::from_elem(IxDyn(&shape), weight), Kind::Real);
                convolution(net, node, signal, area.channels, &kernel, None)
            }
            Pool::Max => refuse("its windows are not square, with the same padding on all sides"),
        };
    }
    let spec = PoolSpec {
        window: Window {
            channels: area.channels,
            outputs: area.channels,
            input: windows.input,
            kernel: windows.kernel,
            stride: if whole { [1, 1] } else { windows.stride },
            padding: first,
            dilation: [1, 1],
            groups: area.channels,
        },
        flat: net.shape(signal.base).len() == 2,
        kind,
    };
    let [down, across] = spec.window.output();
    let shape = match flat {
        true => vec![1, area.channels, across],
        false => vec![1, area.channels, down, across],
    };
    pooled(net, signal, spec, &shape)
}

/// `ReduceMean`, `ReduceSum` and `ReduceMax` over the positions of each channel, or, but the last, over any
/// values.
pub(super) fn reduce(
    net: &mut Net,
    node: &Node,
    signal: &Signal,
    axes: Option<&Constant>,
) -> Result<Signal, Refusal> {
    let rank = signal.shape().len();
    let axes = reduced_axes(node, axes, rank)?;
    let kept: Vec<usize> = (0..rank).filter(|axis| !axes.contains(axis)).collect();
    let keeps = node.integer("keepdims", 1) != 0;
    let extents = (0..rank).filter(|axis| keeps || !axes.contains(axis));
    let shape: Vec<usize> = extents
        .map(|axis| {
            if axes.contains(&axis) {
                1
            } else {
                signal.shape()[axis]
            }
        })
        .collect();
    // a row for every result
    let order: Vec<usize> = kept.iter().chain(&axes).copied().collect();
    let places: Vec<u32> = (*signal.places)
        .clone()
        .permuted_axes(order)
        .iter()
        .copied()
        .collect();
    let results: usize = shape.iter().product();
    let count = places.len() / results.max(1);
    if count == 0 || results == 0 {
        return refuse("it reduces no values");
    }
    let rows: Vec<&[u32]> = places.chunks(count).collect();
    let (kind, factor) = match node.operator.as_str() {
        "ReduceMax" => (Pool::Max, 1.0),
        "ReduceSum" => (Pool::Average, count as f64),
        _ => (Pool::Average, 1.0),
    };
    let (channels, positions) = match net.bases[signal.base].source {
        Source::Input => (0, 0),
        _ => net.channels(signal.base),
    };
    let is_channel = |(channel, row): (usize, &&[u32])| {
        let mut sorted = row.to_vec();
        sorted.sort_unstable();
        let start = (channel * positions) as u32;
        sorted.into_iter().eq(start..start + positions as u32)
    };
    let by_channels = channels == rows.len() && rows.iter().enumerate().all(is_channel);
    let area = match net.bases[signal.base].shape.as_slice() {
        [_, across] => Some(([1, *across], true)),
        [_, down, across] => Some(([*down, *across], false)),
        _ => None,
    };
    match area.filter(|_| by_channels) {
        Some((area, flat)) => {
            let window = Window {
                input: area,
                kernel: area,
                groups: channels,
                ..Window::each(channels, channels, 1)
            };
            let mut result = pooled(net, signal, PoolSpec { window, flat, kind }, &shape)?;
            if factor != 1.0 {
                result.expr = result.expr * factor;
            }
            Ok(result)
        }
        None if kind == Pool::Max => {
            refuse("it takes the greatest of other values than all of a channel")
        }
        None => {
            let weight = factor / count as f64;
            let columns = places.len();
            net.budget
                .take(columns.saturating_mul(results), &node.name)?;
            let matrix = Array2::from_shape_fn((results, columns), |(row, column)| {
                if column / count == row { weight } else { 0.0 }
            });
            let weights = Weights {
                bias: vec![0.0; results],
                scales: None,
                name: layer_name("", &node.name, "reduce"),
                matrix,
            };
            let base = dense(net, signal, places, weights)?;
            Ok(Signal::whole(base, &shape))
        }
    }
}

/// A pool of all of a tensor, in a shape.
fn pooled(
    net: &mut Net,
    signal: &Signal,
    spec: PoolSpec,
    shape: &[usize],
) -> Result<Signal, Refusal> {
    // a table for the greatest value comes after it, or before, which is not yet known
    if spec.kind == Pool::Max
        && matches!(net.bases[signal.base].source, Source::Linear(_))
        && signal.expr.is_itself()
    {
        let window = spec.window;
        let own = window.output_shape(spec.flat);
        let base = net.base(own, Source::MaxPool(signal.base, spec));
        return Ok(Signal::whole(base, shape));
    }
    let values = net.values(signal)?;
    let line = net.by_channel(&values)?;
    let pads = spec.window.pads();
    let commutes = match spec.kind {
        Pool::Average => !(pads && line.shifts()),
        Pool::Max => line.slope.iter().all(|&slope| slope > 0.0),
    };
    let (name, max) = match spec.kind {
        Pool::Average => ("pool", false),
        Pool::Max => ("max_pool", true),
    };
    let (tensor, expr) = match (commutes, max) {
        (true, true) => (net.of_tables(values.tensor)?, line.expr()),
        (true, false) => (values.tensor, line.expr()),
        (false, true) => (net.plain_values(signal)?, Expr::itself()),
        (false, false) => (net.plain(signal)?, Expr::itself()),
    };
    let pooled = net.push(name, vec![tensor], Op::Pool(spec))?;
    let base = net.written(pooled);
    let mut result = Signal::whole(base, shape);
    result.expr = expr;
    Ok(result)
}
