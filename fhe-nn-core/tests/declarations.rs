//! Declarations that no struct can have: chains of sums and products that grow without end, and sizes that
//! would fill memory. A file with one is refused, with numbers, before anything is computed from it.

use fhe_nn_core::{Error, Model};
use fhe_nn_proof::client::{Affine, Combination, Interface, Outputs, ScoreTerm};
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::model;
use fhe_nn_proof::part::Part;
use fhe_nn_proof::plan::PlanError;
use fhe_nn_proof::spec::{
    ActivationSpec, ConvSpec, DenseSpec, FlowError, Function, Input, Layer, Op, Overflow, Padding,
    Pool, PoolSpec, Rounding, Spec, Window,
};

/// A declaration with these operations. Each comes with the distances to the tensors that it reads: 0 is
/// the result of the layer before.
fn declared(input: Input, ops: impl IntoIterator<Item = (Op, &'static [usize])>) -> Spec {
    let layers = ops
        .into_iter()
        .enumerate()
        .map(|(index, (op, back))| Layer {
            name: format!("layer{index}").into(),
            sources: back.iter().map(|back| index - back).collect(),
            op,
        });
    Spec {
        layers: layers.collect(),
        ..Spec::new("Strange", input, &[])
    }
}

/// A model of layers without integers of their own.
fn read(spec: &Spec) -> Result<Model, Error> {
    let meaning = Affine {
        scale: 1.0,
        zero_point: 0,
    };
    let parts = (0..spec.layers.len())
        .map(|index| Part::Sources(vec![meaning.into(); spec.sources(index).len()].into()));
    Model::from_bytes(&model::to_bytes(spec, &parts.collect::<Vec<_>>()))
}

/// The message of the error for a file with this declaration.
fn refused(spec: &Spec) -> String {
    let error = read(spec).expect_err("a strange declaration");
    assert!(matches!(error, Error::Model(_)), "{error}");
    error.to_string()
}

/// Runs a model and asks for a plan; there need not be one.
fn runs(spec: &Spec) -> Result<(), Error> {
    let model = read(spec).expect("a lawful declaration");
    let input = vec![1.0; model.spec().input_len()];
    model.run(&input).expect("an input of its shape");
    model.plan(&Default::default()).map(|_| ())
}

fn pool(kind: Pool, channels: usize, input: [usize; 2], kernel: [usize; 2]) -> Op {
    Op::Pool(PoolSpec {
        window: Window {
            channels,
            outputs: channels,
            input,
            kernel,
            stride: [1, 1],
            padding: [Padding::NONE; 2],
            dilation: [1, 1],
            groups: channels,
        },
        flat: false,
        kind,
    })
}

fn doublings(count: usize) -> Spec {
    let add = (Op::Add, &[0, 0][..]);
    declared(Input::new(&[2], 1), vec![add; count])
}

#[test]
fn sums_that_double_are_refused_beyond_32_bits() {
    assert_eq!(
        refused(&doublings(70)),
        "`layer30` has sums of 33 bits, but at most 32 are allowed"
    );
    assert!(runs(&doublings(1)).is_ok());
    assert!(runs(&doublings(30)).is_err(), "32 bits are not decrypted");
}

#[test]
fn products_of_products_are_refused_beyond_a_table() {
    let squares = |count| declared(Input::new(&[2], 3), vec![(Op::Mul, &[0, 0][..]); count]);
    assert_eq!(
        refused(&squares(70)),
        "`layer2` multiplies values whose sums need 14 bits, but a table reads at most 8"
    );
    assert!(runs(&squares(1)).is_ok());
}

#[test]
fn sums_of_pools_are_refused_beyond_32_bits() {
    let average = || pool(Pool::Average, 1, [64, 64], [64, 64]);
    let add = (Op::Add, &[0, 0][..]);
    let pooled = |doublings: usize| {
        let ops = [(average(), &[0][..])].into_iter();
        let ops = ops.chain(vec![add.clone(); doublings]);
        declared(Input::new(&[1, 64, 64], 16), ops)
    };
    // 4,096 values of 16 bits take 28, and a sign
    assert_eq!(
        refused(&pooled(70)),
        "`layer4` has sums of 33 bits, but at most 32 are allowed"
    );
    assert!(runs(&pooled(3)).is_err(), "29 bits are not decrypted");
    let greatest = declared(
        Input::new(&[1, 2, 2], 8),
        [(pool(Pool::Max, 1, [2, 2], [2, 2]), &[0][..])],
    );
    assert_eq!(
        refused(&greatest),
        "`layer0` compares values whose differences need 9 bits, but a table reads at most 8"
    );
}

#[test]
fn an_interface_takes_its_own_rows_and_gives_its_own_outputs() {
    let with = |order: Option<Vec<usize>>, outputs: Option<Outputs>| Spec {
        interface: Interface {
            order: order.map(Into::into),
            outputs,
        },
        ..doublings(1)
    };
    let score = |score| ScoreTerm { score, weight: 0.5 };
    let outputs = |terms: Vec<ScoreTerm>| {
        let combination = Combination {
            offset: 1.0,
            terms: terms.into(),
        };
        Some(Outputs {
            combinations: vec![combination].into(),
            grid: None,
        })
    };
    // the sums are twice the values, which lie between 0 and 1
    let own = with(None, None);
    let plain = read(&own).expect("a lawful declaration");
    let scores = plain.run(&[1.0, 0.0]).expect("two values");
    assert_eq!(
        (scores.integers(), scores.reals()),
        (&[2, 0][..], &[2.0, 0.0][..])
    );
    let spec = with(Some(vec![1, 0]), outputs(vec![score(0), score(1)]));
    let model = read(&spec).expect("a lawful interface");
    let scores = model.run(&[1.0, 0.0]).expect("two values");
    assert_eq!(
        (scores.integers(), scores.reals()),
        (&[0, 2][..], &[2.0][..])
    );
    assert_eq!(
        model.fingerprint(),
        plain.fingerprint(),
        "no integer is another"
    );
    assert_eq!(model.client_spec().output_len(), 1);
    let again = Model::from_bytes(&model.to_bytes()).expect("its own file");
    assert_eq!(again, model);
    assert!(runs(&spec).is_ok());

    for (spec, law) in [
        (
            with(Some(vec![1, 1]), None),
            "has the place of each value once",
        ),
        (
            with(Some(vec![1]), None),
            "has the place of each value once",
        ),
        (
            with(None, outputs(vec![score(2)])),
            "are made of scores that there are",
        ),
    ] {
        let text = refused(&spec);
        assert!(text.contains(law), "{text}");
    }
}

/// A layer with weights may be held to few bits and still reach many.
#[test]
fn sums_that_do_not_fit_64_bits_are_refused() {
    let dense = Op::Dense(DenseSpec {
        inputs: 1 << 17,
        outputs: 1,
        weights: 16,
        accumulator: 8,
        overflow: Overflow::Calibrated,
    });
    let doubled = vec![(Op::Add, &[0, 0][..]); 15].into_iter();
    let spec = declared(
        Input::new(&[1 << 17], 16),
        doubled.chain([(dense, &[0][..])]),
    );
    let (index, error) = spec.flow().expect_err("2^17 x 2^31 x 2^15");
    assert_eq!(index, 15);
    assert_eq!(
        error.to_string(),
        "adds up 131072 products of up to 2147450880 x 32767, but its sums may reach at most 62 bits"
    );
}

/// A few bytes may declare windows that see more values than memory holds.
#[test]
fn terms_that_do_not_fit_memory_are_refused() {
    let input = || Input::new(&[1, 4096, 4096], 1);
    let error = |op: Op| {
        let spec = declared(input(), [(op, &[0][..])]);
        spec.check_numbers().expect("each number is lawful");
        spec.flow().expect_err("too many terms").1
    };
    for kind in [Pool::Average, Pool::Max] {
        let terms = error(pool(kind, 1, [4096, 4096], [1024, 1024]));
        assert_eq!(terms, FlowError::Terms(3073 * 3073 * 1024 * 1024));
    }
    let conv = Op::Conv(ConvSpec {
        window: Window {
            channels: 1,
            outputs: 1,
            input: [4096, 4096],
            kernel: [1024, 1024],
            stride: [1, 1],
            padding: [Padding::NONE; 2],
            dilation: [1, 1],
            groups: 1,
        },
        flat: false,
        weights: 2,
        accumulator: 8,
        overflow: Overflow::Calibrated,
    });
    assert_eq!(
        error(conv).to_string(),
        "brings the terms of all sums to 9902048149504, but at most 134217728 are allowed"
    );
    // many layers together
    let copy = (pool(Pool::Average, 1, [4096, 4096], [1, 1]), &[0][..]);
    let spec = declared(input(), vec![copy; 9]);
    assert_eq!(spec.flow(), Err((8, FlowError::Terms(9 << 24))));
}

/// A window along one axis has no height in the shape of what it reads, so a height would be believed.
#[test]
fn windows_keep_to_their_axes_and_channels() {
    let law = |change: fn(&mut PoolSpec)| {
        let mut op = pool(Pool::Max, 2, [1, 4], [1, 2]);
        if let Op::Pool(pool) = &mut op {
            pool.flat = true;
            change(pool);
        }
        let spec = declared(Input::new(&[2, 4], 1), [(op, &[0][..])]);
        spec.check_numbers().err().map(|error| error.to_string())
    };
    assert_eq!(law(|_| {}), None);
    let flat = "declaration of `layer0` breaks the law: windows along one axis have a height of 1";
    assert_eq!(law(|pool| pool.window.input[0] = 2).as_deref(), Some(flat));
    assert_eq!(
        law(|pool| pool.window.padding[0] = Padding::both(1)).as_deref(),
        Some(flat)
    );
    assert_eq!(
        law(|pool| pool.window.groups = 1).as_deref(),
        Some("declaration of `layer0` breaks the law: pools see each channel by itself")
    );
}

#[test]
fn thousands_of_layers_are_read_and_more_are_refused() {
    let copies = |count| {
        let copy = (pool(Pool::Average, 1, [1, 1], [1, 1]), &[0][..]);
        declared(Input::new(&[1, 1, 1], 1), vec![copy; count])
    };
    assert!(runs(&copies(4096)).is_ok());
    assert_eq!(
        refused(&copies(4097)),
        "declaration of `Strange` breaks the law: a network has at most 4,096 layers"
    );
}

/// More tables in a row than a plan may have are refused before a plan is searched for.
#[test]
fn hundreds_of_tables_run_in_the_clear_alone() {
    let tables = (0..200).map(|index| {
        let greatest = pool(Pool::Max, 1, [1, 300 - index], [1, 2]);
        (greatest, &[0][..])
    });
    let scores = (pool(Pool::Average, 1, [1, 100], [1, 100]), &[0][..]);
    let spec = declared(Input::new(&[1, 1, 300], 2), tables.chain([scores]));
    let error = runs(&spec).expect_err("200 stages");
    assert!(
        matches!(
            error,
            Error::Plan(PlanError::OutOfRange {
                value: 200,
                most: 128,
                ..
            })
        ),
        "{error}"
    );
}

#[test]
fn phases_beyond_half_a_period_are_refused() {
    let dense = |accumulator| {
        Op::Dense(DenseSpec {
            inputs: 8,
            outputs: 1,
            weights: 2,
            accumulator,
            overflow: Overflow::Wrap,
        })
    };
    let wave = |table, phases| {
        Op::Activation(ActivationSpec {
            function: Function::Wave,
            output: 2,
            table,
            rounding: Rounding::Exact,
            phases,
        })
    };
    let broken = |before: Op, wave: Op| {
        let spec = declared(
            Input::new(&[8], 1),
            [(before, &[0][..]), (wave, &[0]), (Op::Add, &[0, 0])],
        );
        match spec.check_numbers() {
            Ok(()) => None,
            Err(ModelError::Undeclarable { layer, law }) => Some((layer, law)),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(broken(dense(3), wave(None, 4)), None);
    assert_eq!(
        broken(dense(2), wave(None, 4)),
        Some(("layer0".to_owned(), "phases are at most half a period"))
    );
    assert_eq!(
        broken(dense(3), wave(Some(2), 4)),
        Some((
            "layer1".to_owned(),
            "phases are a power of two, at most half a period"
        ))
    );
    // sums do not wrap
    assert_eq!(
        broken(Op::Flatten, wave(None, 1)),
        Some(("layer1".to_owned(), "`Wave` reads accumulators"))
    );
}
