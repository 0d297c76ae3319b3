//! Values against 50-digit decimal arithmetic (Python's `decimal`, by PyTorch's formulas and not
//! by ours), and the laws of ranges.

use super::*;

const POINTS: [f64; 7] = [-7.5, -2.5, -0.5, 0.25, 1.5, 8.0, 21.0];

#[rustfmt::skip]
const VALUES: [(Function, [f64; 7]); 24] = [
    (Relu, [0.0, 0.0, 0.0, 0.25, 1.5, 8.0, 21.0]),
    (Relu6, [0.0, 0.0, 0.0, 0.25, 1.5, 6.0, 6.0]),
    (LeakyRelu, [-0.075, -0.025, -0.005, 0.25, 1.5, 8.0, 21.0]),
    (Prelu, [-1.875, -0.625, -0.125, 0.25, 1.5, 8.0, 21.0]),
    (Threshold, [-1.5, -1.5, -1.5, -1.5, 1.5, 8.0, 21.0]),
    (Elu, [-0.9994469156298522, -0.9179150013761012, -0.3934693402873666, 0.25, 1.5, 8.0, 21.0]),
    (Selu, [-1.757126963580787, -1.6137857588732425, -0.6917581878028713, 0.2626752468388701, 1.5760514810332207, 8.405607898843844, 22.06472073446509]),
    (Celu, [-0.9994469156298522, -0.9179150013761012, -0.3934693402873666, 0.25, 1.5, 8.0, 21.0]),
    (Gelu, [-2.393168754683172e-13, -0.015524163314440337, -0.15426876936299344, 0.14967658142073093, 1.399789198096713, 7.999999999999995, 21.0]),
    (Silu, [-0.004145839776926996, -0.18964545005310887, -0.18877033439907273, 0.14054412522144952, 1.2263617142904655, 7.997317198956268, 20.999999984076624]),
    (Mish, [-0.0041469856425822285, -0.19681620390653334, -0.22074377465173, 0.1695724096638176, 1.4033782663958025, 7.999998200644843, 21.0]),
    (Softplus, [0.0005529314753607964, 0.07888973429254963, 0.4740769841801067, 0.8259394198788436, 1.7014132779827524, 8.000335406372896, 21.0]),
    (HardSwish, [0.0, -0.20833333333333334, -0.20833333333333334, 0.13541666666666666, 1.125, 8.0, 21.0]),
    (Sigmoid, [0.0005527786369235996, 0.07585818002124355, 0.37754066879814546, 0.5621765008857981, 0.8175744761936437, 0.9996646498695335, 0.999999999241744]),
    (HardSigmoid, [0.0, 0.08333333333333333, 0.4166666666666667, 0.5416666666666666, 0.75, 1.0, 1.0]),
    (Tanh, [-0.9999993881955461, -0.9866142981514303, -0.46211715726000974, 0.24491866240370913, 0.9051482536448664, 0.9999997749296758, 1.0]),
    (HardTanh, [-1.0, -1.0, -0.5, 0.25, 1.0, 1.0, 1.0]),
    (Softsign, [-0.8823529411764706, -0.7142857142857143, -0.3333333333333333, 0.2, 0.6, 0.8888888888888888, 0.9545454545454546]),
    (Identity, [-7.5, -2.5, -0.5, 0.25, 1.5, 8.0, 21.0]),
    (Abs, [7.5, 2.5, 0.5, 0.25, 1.5, 8.0, 21.0]),
    (Square, [56.25, 6.25, 0.25, 0.0625, 2.25, 64.0, 441.0]),
    (Exp, [0.0005530843701478336, 0.0820849986238988, 0.6065306597126334, 1.2840254166877414, 4.4816890703380645, 2980.9579870417283, 1318815734.4832146]),
    (Sign, [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0]),
    (Wave, [0.5, -0.5, 0.5, 0.75, -0.5, 1.0, 0.0]),
];

/// Takes the default parameters; functions without defaults get 1/4, 1/2 and -3/2.
fn value(function: Function, x: f64) -> f64 {
    let given = if function == Prelu {
        [0.25, 0.0]
    } else {
        [0.5, -1.5]
    };
    let parameters = function.parameters().iter().zip(given);
    let parameters: Vec<f64> = parameters
        .map(|((_, default), given)| default.unwrap_or(given))
        .collect();
    function.value(x, &parameters)
}

/// All but `Custom`, whose values only its user knows.
fn known() -> impl Iterator<Item = Function> {
    Function::all().filter(|&function| function != Custom)
}

/// Functions whose parameters have no defaults may decrease, whatever these are here.
#[test]
fn monotone_functions_never_fall_and_others_do() {
    for function in known() {
        let values = (-800..800).map(|x| value(function, f64::from(x) / 100.0));
        let values: Vec<f64> = values.collect();
        let given = function
            .parameters()
            .iter()
            .all(|(_, default)| default.is_some());
        assert_eq!(
            function.is_monotone(),
            values.is_sorted() && given,
            "{function:?}"
        );
    }
}

#[test]
fn parameters_are_used() {
    assert_eq!(LeakyRelu.value(-2.0, &[0.1]), -0.2);
    assert_eq!(Elu.value(-1.0, &[2.0]), 2.0 * libm::expm1(-1.0));
    assert_eq!(Celu.value(-1.0, &[2.0]), 2.0 * libm::expm1(-0.5));
    assert_eq!(Softplus.value(3.0, &[2.0, 5.0]), 3.0);
    assert_eq!(
        Softplus.value(1.0, &[2.0, 5.0]),
        libm::log1p(libm::exp(2.0)) / 2.0
    );
    assert_eq!(HardSigmoid.value(1.0, &[0.2, 0.5]), 0.7);
    assert_eq!(HardTanh.value(3.0, &[-1.0, 2.5]), 2.5);
}

#[test]
fn values_are_those_of_exact_arithmetic() {
    let tabled: Vec<Function> = VALUES.iter().map(|(function, _)| *function).collect();
    assert_eq!(tabled, known().collect::<Vec<_>>());
    for (function, values) in VALUES {
        for (x, expected) in POINTS.into_iter().zip(values) {
            let value = value(function, x);
            let near = (value - expected).abs() <= 1e-12 * expected.abs();
            assert!(near, "{function:?}({x}) = {value}, not {expected}");
        }
    }
}

#[test]
fn no_finite_number_has_a_value_that_is_none() {
    for function in known() {
        for x in [f64::MAX, 1e300, 710.0, 1e-300, f64::MIN_POSITIVE, 0.0] {
            for x in [x, -x] {
                let value = value(function, x);
                let overflows = matches!(function, Selu | Square | Exp) && value == f64::INFINITY;
                assert!(
                    value.is_finite() || overflows,
                    "{function:?}({x}) = {value}"
                );
            }
        }
    }
}

#[test]
fn no_finite_parameters_give_a_value_that_is_none() {
    let numbers = [
        0.0,
        f64::from_bits(1),
        f64::MIN_POSITIVE,
        0.5,
        1.0,
        20.0,
        1e300,
        f64::MAX,
    ];
    let numbers = numbers.map(|x| [x, -x]).concat();
    for function in known() {
        for (&x, &a) in numbers
            .iter()
            .flat_map(|x| numbers.iter().map(move |a| (x, a)))
        {
            for &b in &numbers {
                let value = function.value(x, &[a, b]);
                assert!(!value.is_nan(), "{function:?}({x}) with {a} and {b}");
            }
        }
    }
    assert_eq!(
        [-1.0, 0.0, 1.0].map(|x| Celu.value(x, &[0.0])),
        [0.0, 0.0, 1.0]
    );
}

#[test]
fn a_range_begins_at_0_exactly_where_no_value_is_negative() {
    for function in known() {
        let negative = (-4000..4000).any(|i| value(function, f64::from(i) / 100.0) < 0.0);
        assert_eq!(function.range(4).lo < 0, negative, "{function:?}");
    }
}

#[test]
fn pieces_meet() {
    let limits = [
        (Relu6, 0.0),
        (Relu6, 6.0),
        (LeakyRelu, 0.0),
        (Prelu, 0.0),
        (Elu, 0.0),
        (Selu, 0.0),
        (Celu, 0.0),
        (Mish, 20.0),
        (Softplus, 20.0),
        (HardSwish, -3.0),
        (HardSwish, 3.0),
        (HardSigmoid, -3.0),
        (HardSigmoid, 3.0),
        (HardTanh, -1.0),
        (HardTanh, 1.0),
        (Wave, 2.0),
        (Wave, 4.0),
    ];
    for (function, x) in limits {
        let (below, above) = (value(function, x - 1e-9), value(function, x + 1e-9));
        assert!((below - above).abs() < 1e-8, "{function:?} at {x}");
    }
}
