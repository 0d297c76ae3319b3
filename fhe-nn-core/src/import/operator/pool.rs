//! Operators that take averages, sums or maxima.

use fhe_nn_proof::spec::{Op, Padding, Pool, PoolSpec, Window};
use ndarray::{Array2, ArrayD, Axis, IxDyn};

use super::area::{Area, extents, fits_axes};
use super::conv::convolution;
use super::regular::regular;
use crate::import::error::{Refusal, refuse};
use crate::import::function::Expr;
use crate::import::net::{Net, Source, Weights, dense, layer_name};
use crate::import::onnx::{Behind, Constant, Kind, Node};
use crate::import::place::{View, Windows, evened, fits_a_tensor, inside, reduced_axes, see_edges};

/// `AveragePool`, `MaxPool` and their global forms.
pub(super) fn pool(net: &mut Net, node: &Node, view: &View) -> Result<View, Refusal> {
    let kind = match node.operator.as_str() {
        "MaxPool" | "GlobalMaxPool" => Pool::Max,
        _ => Pool::Average,
    };
    let rank = view.shape().len();
    let flat = rank == 3;
    let outer = extents(view, flat)?;
    let mut area = Area::of(net, view, flat)?;
    let global = node.operator.starts_with("Global");
    let axes = if flat { &outer[1..] } else { &outer[..] };
    let kernel = if global {
        axes.to_vec()
    } else {
        node.sizes("kernel_shape", axes.len(), 0)?
    };
    let windows = Windows::of(node, &kernel, outer, flat)?;
    let pads = [0, 1].map(|axis| Padding {
        near: area.zeros[axis].near + area.edges[axis].near,
        far: area.zeros[axis].far + area.edges[axis].far,
    });
    let mut window = inside(windows.window, area.inner, pads);
    fits_a_tensor(&window, area.channels.max(area.order.len()))?;
    for axis in [0, 1] {
        let seen = window.output()[axis].saturating_mul(window.kernel[axis]);
        net.budget.take(seen, &node.name)?;
    }
    let divisors = match kind {
        Pool::Max => {
            neutral(net, view, &window, &area)?;
            None
        }
        Pool::Average => {
            area = area.without_edges()?;
            let counts = node.integer("count_include_pad", 0) != 0;
            divisors(&windows, counts)
        }
    };
    window = evened(window);
    let flat_tensor = fits_axes(net, view, &mut window)?;
    if window.kernel == window.input && !window.pads() {
        window.stride = [1, 1];
    }
    let seen = window.check().is_ok() && window.sees_values(0) && window.sees_values(1);
    if !seen && kind == Pool::Average && divisors.is_none() {
        // a convolution with the same weight everywhere
        let [down, across] = windows.window.kernel;
        let channels = view.shape()[1];
        let mut shape = vec![channels, 1];
        shape.extend(&kernel);
        let weight = 1.0 / (down * across) as f64;
        let kernel = Constant::new(ArrayD::from_elem(IxDyn(&shape), weight), Kind::Real);
        return convolution(net, node, view, channels, &kernel, None);
    }
    if !seen {
        return refuse("some of its windows see padding alone");
    }
    let (channels, [down, across]) = (area.channels, window.output());
    (window.channels, window.outputs, window.groups) = (channels, channels, channels);
    let spec = PoolSpec {
        window,
        flat: flat_tensor,
        kind,
    };
    let whole = window.kernel == window.input && !window.pads() && divisors.is_none();
    if node.behind >= Behind::Lines && whole && kind == Pool::Average && area.is_in_order() {
        let [down, across] = window.kernel;
        let positions = (down * across) as u32;
        let own = |channel: u32| (channel * positions..(channel + 1) * positions).collect();
        let sums = (0..channels as u32).map(own).collect();
        let shape: &[usize] = if flat {
            &[1, channels, 1]
        } else {
            &[1, channels, 1, 1]
        };
        if let Some(result) = net.client_sums(view, sums, 1.0 / f64::from(positions), shape) {
            return Ok(result);
        }
    }
    let all = [channels, down * across];
    let made = match divisors {
        None => pooled(net, view, spec, &all, window.pads())?,
        Some(divisors) => {
            // the pool divides by its taps
            let zeros = area.zeros != [Padding::NONE; 2];
            let made = pooled(net, view, spec, &all, zeros)?;
            let taps = window.taps() as f64;
            let factors = divisors.into_iter().map(|count| taps / count as f64);
            by_place(net, made, &factors.collect::<Vec<f64>>())?
        }
    };
    let shape = if flat {
        vec![1, area.order.len(), across]
    } else {
        vec![1, area.order.len(), down, across]
    };
    let places = made.places.select(Axis(0), &area.order);
    let places = ArrayD::from_shape_vec(IxDyn(&shape), places.into_iter().collect());
    Ok(made.at(places.unwrap_or_default()))
}

/// The number of values that each window of an average divides by; `None` if it is always the number of its taps.
fn divisors(windows: &Windows, counts: bool) -> Option<Vec<usize>> {
    let [down, across] = [0, 1].map(|axis| windows.counted(axis, counts));
    let all = down
        .iter()
        .flat_map(|down| across.iter().map(move |across| down * across));
    let all: Vec<usize> = all.collect();
    let taps = windows.window.taps();
    all.iter().any(|&count| count != taps).then_some(all)
}

/// A view of all of a tensor, whose values are first multiplied by a factor for each position, the same for all
/// channels.
fn by_place(net: &mut Net, mut view: View, factors: &[f64]) -> Result<View, Refusal> {
    let factor = if factors.windows(2).all(|two| two[0] == two[1]) {
        vec![factors.first().copied().unwrap_or(1.0)]
    } else {
        view = net.each_value(&view)?.0;
        let values = view.places.len();
        factors.iter().copied().cycle().take(values).collect()
    };
    view.expr = view.expr.of(&[Expr::itself() * Expr::constant(factor)]);
    Ok(view)
}

/// Checks that a maximum does not see what earlier nodes added: zeros beside values that are never negative, and
/// edges beside themselves.
fn neutral(net: &Net, view: &View, window: &Window, area: &Area) -> Result<(), Refusal> {
    if area.zeros != [Padding::NONE; 2] && !net.is_never_negative(view) {
        return refuse(
            "it takes the greatest of values and of zeros that a `Pad` adds, but the values may be negative",
        );
    }
    if [0, 1]
        .into_iter()
        .all(|axis| see_edges(window, axis, area.edges[axis]))
    {
        Ok(())
    } else {
        refuse("its windows see edges that a `Pad` repeats, but not the edges themselves")
    }
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
    let ordered = view.at((*view.places).clone().permuted_axes(order));
    let places: Vec<u32> = ordered.places.iter().copied().collect();
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
    let weight = factor / count as f64;
    if node.behind >= Behind::Lines && kind == Pool::Average {
        let sums = rows.iter().map(|row| row.to_vec()).collect();
        if let Some(result) = net.client_sums(view, sums, weight, &shape) {
            return Ok(result);
        }
    }
    let channels = match net.bases[view.base].source {
        Source::Input => 0,
        _ => net.channels(view.base).0,
    };
    let area = match net.bases[view.base].shape.as_slice() {
        [_, across] => Some(([1, *across], true)),
        [_, down, across] => Some(([*down, *across], false)),
        _ => None,
    };
    let window = area.and_then(|(area, flat)| Some((regular(&rows, channels, area)?, flat)));
    match window {
        Some((window, flat)) => {
            let mut result = pooled(net, view, PoolSpec { window, flat, kind }, &shape, false)?;
            if factor != 1.0 {
                result.expr = result.expr * factor;
            }
            Ok(result)
        }
        None if kind == Pool::Max => {
            refuse("it takes the greatest of other values than those of a channel or of windows")
        }
        None => {
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
            let base = dense(net, &ordered, weights)?;
            Ok(View::whole(base, &shape))
        }
    }
}

/// A pool of all of a tensor, whose results have a shape. `zeros` says whether an average counts padding, as zeros
/// that do not go through the line of the values.
fn pooled(
    net: &mut Net,
    view: &View,
    spec: PoolSpec,
    shape: &[usize],
    zeros: bool,
) -> Result<View, Refusal> {
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
    let commutes = match spec.kind {
        Pool::Average => !(zeros && line.shifts()),
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
