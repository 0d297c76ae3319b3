//! Operators that take averages, sums or maxima.

use fhe_nn_proof::spec::{Op, Pool, PoolSpec, Window};
use ndarray::{Array2, ArrayD, Axis, IxDyn};

use super::area::{Area, extents};
use super::conv::convolution;
use super::regular::regular;
use crate::import::error::{Refusal, refuse};
use crate::import::function::Expr;
use crate::import::net::{Net, Source, Weights, dense, layer_name};
use crate::import::onnx::{Constant, Kind, Node};
use crate::import::place::{View, Windows, reduced_axes};

/// `AveragePool`, `MaxPool` and their global forms.
pub(super) fn pool(net: &mut Net, node: &Node, view: &View) -> Result<View, Refusal> {
    let kind = match node.operator.as_str() {
        "MaxPool" | "GlobalMaxPool" => Pool::Max,
        _ => Pool::Average,
    };
    let rank = view.shape().len();
    let flat = rank == 3;
    let outer = extents(view, flat)?;
    let area = Area::of(net, view, flat)?;
    let global = node.operator.starts_with("Global");
    let axes = if flat { &outer[1..] } else { &outer[..] };
    let kernel = if global {
        axes.to_vec()
    } else {
        node.sizes("kernel_shape", axes.len(), 0)?
    };
    let windows = Windows::of(node, &kernel, outer, flat)?;
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
    let flat_tensor = net.shape(view.base).len() == 2;
    let sides = |pair: [usize; 2]| flat_tensor || pair[0] == pair[1];
    let first = windows.padding.map(|[before, _]| before);
    let whole = windows.kernel == windows.input && !windows.is_padded();
    let square = [windows.kernel, windows.stride, first]
        .into_iter()
        .all(sides);
    let plain_taps = windows.dilation == [1, 1];
    if !(whole || symmetric && square && plain_taps) {
        return match kind {
            // a convolution with the same weight everywhere
            Pool::Average => {
                let [down, across] = windows.kernel;
                let channels = view.shape()[1];
                let mut shape = vec![channels, 1];
                shape.extend(&kernel);
                let weight = 1.0 / (down * across) as f64;
                let kernel = Constant::new(ArrayD::from_elem(IxDyn(&shape), weight), Kind::Real);
                convolution(net, node, view, channels, &kernel, None)
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
        flat: flat_tensor,
        kind,
    };
    let [down, across] = spec.window.output();
    let channels = area.order.len();
    let shape = if flat {
        vec![1, channels, across]
    } else {
        vec![1, channels, down, across]
    };
    if area.is_in_order() {
        return pooled(net, view, spec, &shape);
    }
    let made = pooled(net, view, spec, &[area.channels, down * across])?;
    let places = made.places.select(Axis(0), &area.order);
    let places = ArrayD::from_shape_vec(IxDyn(&shape), places.into_iter().collect());
    Ok(made.at(places.unwrap_or_default()))
}

/// `ReduceMean`, `ReduceSum` and `ReduceMax` over the positions of each channel; the first two also over any other
/// values.
pub(super) fn reduce(
    net: &mut Net,
    node: &Node,
    view: &View,
    axes: Option<&Constant>,
) -> Result<View, Refusal> {
    let rank = view.shape().len();
    let axes = reduced_axes(node, axes, rank)?;
    let kept: Vec<usize> = (0..rank).filter(|axis| !axes.contains(axis)).collect();
    let keeps = node.integer("keepdims", 1) != 0;
    let extents = (0..rank).filter(|axis| keeps || !axes.contains(axis));
    let shape: Vec<usize> = extents
        .map(|axis| {
            if axes.contains(&axis) {
                1
            } else {
                view.shape()[axis]
            }
        })
        .collect();
    // one row for every result
    let order: Vec<usize> = kept.iter().chain(&axes).copied().collect();
    let places: Vec<u32> = (*view.places)
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
    let (channels, positions) = match net.bases[view.base].source {
        Source::Input => (0, 0),
        _ => net.channels(view.base),
    };
    let is_channel = |(channel, row): (usize, &&[u32])| {
        let mut sorted = row.to_vec();
        sorted.sort_unstable();
        let start = (channel * positions) as u32;
        sorted.into_iter().eq(start..start + positions as u32)
    };
    let by_channels = channels == rows.len() && rows.iter().enumerate().all(is_channel);
    let area = match net.bases[view.base].shape.as_slice() {
        [_, across] => Some(([1, *across], true)),
        [_, down, across] => Some(([*down, *across], false)),
        _ => None,
    };
    let window = area.and_then(|(area, flat)| {
        let whole = Window {
            input: area,
            kernel: area,
            groups: channels,
            ..Window::each(channels, channels, 1)
        };
        let window = if by_channels {
            Some(whole)
        } else {
            regular(&rows, channels, area)
        };
        Some((window?, flat))
    });
    match window {
        Some((window, flat)) => {
            let mut result = pooled(net, view, PoolSpec { window, flat, kind }, &shape)?;
            if factor != 1.0 {
                result.expr = result.expr * factor;
            }
            Ok(result)
        }
        None if kind == Pool::Max => refuse(
            "it takes the greatest of other values than those of a channel, or of square windows",
        ),
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
            let base = dense(net, view, places, weights)?;
            Ok(View::whole(base, &shape))
        }
    }
}

/// A pool of all of a tensor, whose results have a shape.
fn pooled(net: &mut Net, view: &View, spec: PoolSpec, shape: &[usize]) -> Result<View, Refusal> {
    // whether a table comes before or after the maximum is not yet known
    if spec.kind == Pool::Max
        && matches!(net.bases[view.base].source, Source::Linear(_))
        && view.expr.is_itself()
    {
        let window = spec.window;
        let own = window.output_shape(spec.flat);
        let base = net.base(own, Source::MaxPool(view.base, spec));
        return Ok(View::whole(base, shape));
    }
    let written = net.written(view)?;
    let line = net.by_channel(&written)?;
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
        (true, true) => (net.of_tables(written.tensor)?, Expr::from(&line)),
        (true, false) => (written.tensor, Expr::from(&line)),
        (false, true) => (net.plain_values(view)?, Expr::itself()),
        (false, false) => (net.plain(view)?, Expr::itself()),
    };
    let pooled = net.push(name, vec![tensor], Op::Pool(spec))?;
    let base = net.base_of(pooled);
    let mut result = View::whole(base, shape);
    result.expr = expr;
    Ok(result)
}
