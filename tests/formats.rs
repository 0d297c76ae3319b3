//! Files of every kind and version that was ever written stay readable.
//!
//! The files lie beside this test. `BLESS=1 cargo test -p fhe-nn-tests formats` writes those that are
//! missing, in the versions of today. `read.py` reads them by the page `guide::formats` alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use fhe_nn_core::import::{self, Imported, Reference, Widths};
use fhe_nn_core::plan::{Prefer, Ties, Version};
use fhe_nn_core::prelude::*;
use fhe_nn_core::{Error, Kind, Label, Passphrase, Protection, StoredKey};
use ndarray::array;

use crate::random::Random;
use crate::windows::Line;

// the network of the guide's examples, with its floats and samples
include!("../fhe-nn-core/src/guide/majority.rs");

/// A network whose values have scales of their own, behind a normalization.
#[fhe_network(input(shape = [2], bits = 3, scales = per_value))]
struct Scaled {
    #[bits(weights = 3)]
    scores: Dense<2, 1>,
}

fn scaled() -> Result<Scaled, Error> {
    let mut floats = Floats::new();
    for (name, values) in [
        ("input.mean", [10.0, -2.0]),
        ("input.std", [2.0, 0.25]),
        ("input.scale", [0.5, 4.0]),
        ("input.zero_point", [1.0, 2.0]),
    ] {
        floats.insert(name, array![values[0], values[1]].into_dyn())?;
    }
    floats.insert("scores.weight", array![[2.0, -0.75]].into_dyn())?;
    floats.insert("scores.weight_scale", array![1.0].into_dyn())?;
    let samples = array![[9.0, -3.0], [17.0, 3.0]];
    Ok(Scaled::quantize(&floats, samples.view())?.network)
}

/// A network with tables over several polynomials.
#[fhe_network(input(shape = [16], bits = 2))]
struct Wide {
    #[bits(weights = 3, accumulator = 7, overflow = calibrated)]
    sums: Dense<16, 8>,
    #[bits(output = 5, table = 7)]
    tables: Sigmoid,
    #[bits(weights = 2, accumulator = 12, overflow = calibrated)]
    scores: Dense<8, 2>,
}

/// Ends the names of files for a plan whose rotations take two key bits a step.
const PAIRS: &str = "_pairs";

/// The input of the request.
const INPUT: [f32; 3] = [1.0, 0.0, 1.0];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("formats")
}

fn file(name: &str) -> Vec<u8> {
    static BLESS: Once = Once::new();
    if std::env::var_os("BLESS").is_some() {
        BLESS.call_once(|| bless().expect("the files of today can be made"));
    }
    fs::read(folder().join(name)).unwrap_or_else(|reason| panic!("{name}: {reason}"))
}

fn passphrase() -> Passphrase {
    Passphrase::new("majority".to_owned())
}

/// Writes the files of today's versions that are missing, for the client key that is there.
fn bless() -> Result<(), Error> {
    let write = |name: &str, version: u16, bytes: &[u8]| {
        let path = folder().join(format!("{name}.v{version}"));
        if !path.exists() {
            fs::write(path, bytes).expect("the folder of the tests can be written");
        }
    };
    write(
        "model",
        3,
        &Majority::quantize(&floats()?, samples().view())?
            .network
            .to_bytes(),
    );
    let windows: Line = Random(35).network();
    write("windows", 3, &windows.to_bytes());
    let scores = format!("{:?}\n", windows.run(&signal())?.integers());
    write("windows_scores", 3, scores.as_bytes());
    let own = scaled()?;
    write("scaled_model", 3, &own.to_bytes());
    let description = Description::new(own.plan(&PlanOptions::new())?)?;
    write("scaled_description", 1, &description.to_bytes());
    let wide: Wide = Random(36).network();
    let within = PlanOptions::new().with_memory_limit(1_000_000_000);
    let description = Description::new(wide.plan(&within)?)?;
    write("wide_description", 1, &description.to_bytes());
    // the network whose plan the client key is for
    let network = Majority::load(folder().join("model.v2"))?;
    // keys as small as there are, and rotations that take two key bits a step
    let options = PlanOptions::new().with_failure_bits(24.0);
    let key = Kind::ClientKey.version();
    let smallest = options.with_prefer(Prefer::SmallestKeys);
    for (of, options) in [("", smallest), (PAIRS, options)] {
        let plan = network.plan(&options)?;
        let stored = folder().join(format!("client_key_unprotected{of}.v1"));
        let client = match ClientKey::load_unprotected(stored) {
            Ok(client) => client,
            Err(_) => ClientKey::generate(&plan)?,
        };
        let evaluation = client.evaluation_key()?;
        let request = client.encrypt(&INPUT)?;
        let reply = network.run_encrypted(&ServerKey::new(&evaluation), &request)?;
        let classes = vec!["most are on".to_owned()];
        let description = Description::new(plan)?.with_classes(classes)?.to_bytes();
        let write = |kind: Kind, name: &str, bytes: &[u8]| {
            write(&format!("{name}{of}"), kind.version(), bytes);
        };
        write(Kind::Description, "description", &description);
        let protected = client.to_bytes(&passphrase())?;
        write(Kind::ClientKey, "client_key", &protected);
        let unprotected = client.to_unprotected_bytes();
        write(Kind::ClientKey, "client_key_unprotected", &unprotected);
        let evaluation = evaluation.to_bytes();
        write(Kind::EvaluationKey, "evaluation_key", &evaluation);
        write(Kind::Request, "request", &request.to_bytes());
        write(Kind::Reply, "reply", &reply.to_bytes());
    }
    let onnx = folder().join("../cases/ort_qdq_int8_perchannel/ort_qdq_int8_perchannel.onnx");
    let imported = import::load(onnx, &Widths::default()).expect("the tests of cases read it");
    write("imported", 2, &imported.to_bytes());
    // an imported network, whose client reorders inputs and makes outputs of the scores
    let onnx = folder().join("../onnx/outputs/quantized.onnx");
    let imported = import::load(onnx, &Widths::default()).expect("the importer's tests read it");
    write("outputs_imported", 2, &imported.to_bytes());
    let rows = Reference::load(folder().join("../onnx/outputs/quantized.json"))?;
    let rows = rows.inputs();
    let network = imported.quantize(rows.view(), &Calibration::default())?;
    let network = network.network;
    let plan = network.plan(&options)?;
    let client = ClientKey::generate(&plan)?;
    let request = client.encrypt(&rows.row(0).to_vec())?;
    let server = ServerKey::new(&client.evaluation_key()?);
    let reply = network.run_encrypted(&server, &request)?;
    write("outputs_model", 3, &network.to_bytes());
    let description = Description::new(plan)?.to_bytes();
    write(
        "outputs_description",
        Kind::Description.version(),
        &description,
    );
    write("outputs_client_key", key, &client.to_unprotected_bytes());
    write(
        "outputs_request",
        Kind::Request.version(),
        &request.to_bytes(),
    );
    write("outputs_reply", Kind::Reply.version(), &reply.to_bytes());
    Ok(())
}

/// Plans of format 4 say what the modulus switch prefers, and within which memory they were found.
#[test]
fn a_description_with_sorted_rotations_is_read() -> Result<(), Error> {
    let description = Description::from_bytes(&file("wide_description.v1"))?;
    let plan = description.plan();
    assert_eq!(plan.version, Version::Fourth);
    assert_eq!(plan.options.memory_limit(), Some(1_000_000_000));
    assert!(plan.stages[0].bootstrap.companion > 0);
    assert_eq!(plan.validate(), Ok(()));
    Ok(())
}

#[test]
fn files_of_before_are_read() -> Result<(), Error> {
    let model = Model::from_bytes(&file("model.v2"))?;
    let clear = model.run(&INPUT)?;
    assert_eq!(
        clear,
        Majority::load(folder().join("model.v2"))?.run(&INPUT)?
    );

    for (of, version) in [("", Version::First), (PAIRS, Version::Third)] {
        let file = |name: &str, version: u16| file(&format!("{name}{of}.v{version}"));
        let description = Description::from_bytes(&file("description", 1))?;
        assert_eq!(description.name(), "Majority");
        assert_eq!(description.classes(), ["most are on"]);
        assert_eq!(description.plan().model, model.fingerprint());
        assert_eq!(description.plan().version, version);
        let plan = description.plan();

        let request = Request::from_bytes(&file("request", 4), plan)?;
        let reply = Reply::from_bytes(&file("reply", 4), plan)?;
        let protected = ClientKey::from_bytes(&file("client_key", 1), &passphrase())?;
        let unprotected = ClientKey::from_unprotected_bytes(&file("client_key_unprotected", 1))?;
        for client in [protected, unprotected] {
            client.check(plan)?;
            assert_eq!(client.decrypt(&request, &reply)?, clear);
            // the old evaluation key still serves the key's new requests
            let server = ServerKey::read(&file("evaluation_key", 4)[..], plan)?;
            let request = client.encrypt(&INPUT)?;
            let reply = model.run_encrypted(&server, &request)?;
            assert_eq!(client.decrypt(&request, &reply)?, clear);
        }
    }
    let stored = StoredKey::from_bytes(&file("client_key.v1"))?;
    assert_eq!(stored.protection(), Protection::Passphrase);
    Ok(())
}

/// The scales of single values and the normalization before them are in models and in descriptions.
#[test]
fn encoders_of_single_values_are_read() -> Result<(), Error> {
    let model = Model::from_bytes(&file("scaled_model.v3"))?;
    // 0.5 and 4 after the normalization are the integers 2 and 3, and weights are 1 and -3
    let scores = model.run(&[11.0, -1.0])?;
    assert_eq!(
        (scores.integers(), scores.reals()),
        (&[-7][..], &[-2.0][..])
    );
    let description = Description::from_bytes(&file("scaled_description.v1"))?;
    assert_eq!(description.plan().model, model.fingerprint());
    let client = description.client_spec();
    assert_eq!(client, &model.client_spec());
    // 0.25 is a tie, and so is 6
    assert_eq!(client.encode(&[10.5, -0.5]).expect("numbers"), [1, 4]);
    Ok(())
}

/// Clients of models from before format 3 round halves away from zero, as their models were made.
#[test]
fn models_keep_their_rule_for_ties() -> Result<(), Error> {
    let halves = [0.5, 0.0, 0.5];
    for (name, ties, encoded) in [
        ("model.v2", Ties::AwayFromZero, [1, 0, 1]),
        ("model.v3", Ties::ToEven, [0, 0, 0]),
    ] {
        let model = Model::from_bytes(&file(name))?;
        // whatever version it is saved in again
        for model in [Model::from_bytes(&model.to_bytes())?, model] {
            let client = model.client_spec();
            assert_eq!(client.encoder.ties, ties, "{name}");
            assert_eq!(client.encode(&halves).expect("numbers"), encoded, "{name}");
            assert_eq!(model.run(&halves)?, model.run(&encoded.map(|q| q as f32))?);
        }
    }
    Ok(())
}

/// The input of the network with windows.
fn signal() -> Vec<f32> {
    (0..18).map(|i| (i % 5) as f32 / 2.0 - 0.9).collect()
}

/// Windows whose axes have other padding at the far end, with the scores of the program that wrote them.
#[test]
fn windows_that_differ_by_end_are_read() -> Result<(), Error> {
    let model = Model::from_bytes(&file("windows.v3"))?;
    assert_eq!(model.spec(), Line::SPEC);
    let scores = format!("{:?}\n", model.run(&signal())?.integers());
    assert_eq!(scores.as_bytes(), file("windows_scores.v3"));
    Ok(())
}

/// An imported network has outputs that its client makes of the scores, and rows in an order of their own.
#[test]
fn what_a_client_makes_of_scores_is_read() -> Result<(), Error> {
    let imported = Imported::from_bytes(&file("outputs_imported.v2"))?;
    let model = Model::from_bytes(&file("outputs_model.v3"))?;
    let interface = &model.spec().interface;
    assert!(interface.order.is_some() && interface.outputs.is_some());
    assert_eq!(imported.spec.interface, *interface);
    let rows = Reference::load(folder().join("../onnx/outputs/quantized.json"))?;
    let row = rows.inputs().row(0).to_vec();
    let clear = model.run(&row)?;
    let expected: f64 = rows.outputs().row(0).iter().map(|y| y * y).sum();
    let errors = clear.reals().iter().zip(rows.outputs().row(0));
    let errors: f64 = errors.map(|(x, y)| (x - y) * (x - y)).sum();
    assert!(errors < 0.1 * expected, "{errors} of {expected}");

    let description = Description::from_bytes(&file("outputs_description.v1"))?;
    let plan = description.plan();
    assert_eq!(plan.model, model.fingerprint());
    assert_eq!(description.client_spec(), &model.client_spec());
    let client = ClientKey::from_unprotected_bytes(&file("outputs_client_key.v1"))?;
    client.check(plan)?;
    let request = Request::from_bytes(&file("outputs_request.v4"), plan)?;
    let reply = Reply::from_bytes(&file("outputs_reply.v4"), plan)?;
    assert_eq!(client.decrypt(&request, &reply)?, clear);
    Ok(())
}

#[test]
fn an_imported_model_of_before_is_read() -> Result<(), Error> {
    let bytes = file("imported.v1");
    let imported = Imported::from_bytes(&bytes)?;
    assert_eq!(imported.spec.name, "Preprocess");
    let newest = Imported::from_bytes(&file("imported.v2"))?;
    assert_eq!(newest.spec.name, "OrtQdqInt8Perchannel");
    for tensor in ["relu2.scale", "relu2.clamp", "relu.step", "relu.clamp"] {
        assert!(newest.floats.get(tensor).is_some(), "{tensor}");
    }
    let start = bytes.windows(12).position(|at| at == b"\\\"version\\\":");
    let mut newer = bytes.clone();
    newer[start.expect("the metadata has a version") + 12] = b'3';
    let refused = Imported::from_bytes(&newer)
        .map(drop)
        .expect_err("it is newer");
    assert!(
        matches!(
            refused,
            Error::NewerVersion {
                version: 3,
                known: 2,
                ..
            }
        ),
        "{refused}"
    );
    Ok(())
}

/// The weights of the first layer in another order have the same sums and norms, which DESIGN.md says are public
/// ("What is not secret?"). Nothing else of a model is in its description.
#[test]
fn a_description_has_no_integer_of_the_model() -> Result<(), Error> {
    let describe = |weights: [f32; 3]| -> Result<Description, Error> {
        let mut floats = Floats::new();
        floats.insert("sum.weight", array![weights].into_dyn())?;
        floats.insert("answer.weight", array![[1.0]].into_dyn())?;
        let samples = array![
            [0.0, 0.0, 1.0],
            [1.0, 0.0, 0.0],
            [0.0, 1.0, 0.0],
            [1.0, 1.0, 1.0]
        ];
        let network = Majority::quantize(&floats, samples.view())?.network;
        Description::new(network.plan(&PlanOptions::new())?)
    };
    let (one, other) = (describe([1.0, -1.0, 0.0])?, describe([0.0, 1.0, -1.0])?);
    assert_ne!(one.plan().model, other.plan().model);
    let mut plan = one.plan().clone();
    plan.model = other.plan().model;
    assert_eq!(&plan, other.plan());
    Ok(())
}

/// The files that begin with a label.
const LABELLED: [(&str, Kind); 5] = [
    ("description.v1", Kind::Description),
    ("client_key.v1", Kind::ClientKey),
    ("evaluation_key.v4", Kind::EvaluationKey),
    ("request.v4", Kind::Request),
    ("reply.v4", Kind::Reply),
];

/// Reads bytes as a file of a kind.
fn read(kind: Kind, bytes: &[u8], plan: &Plan) -> Result<(), Error> {
    match kind {
        Kind::Description => Description::from_bytes(bytes).map(drop),
        Kind::ClientKey => ClientKey::from_bytes(bytes, &passphrase()).map(drop),
        Kind::EvaluationKey => EvaluationKey::from_bytes(bytes, plan).map(drop),
        Kind::Request => Request::from_bytes(bytes, plan).map(drop),
        Kind::Reply => Reply::from_bytes(bytes, plan).map(drop),
    }
}

#[test]
fn a_newer_version_is_refused_by_name() -> Result<(), Error> {
    let description = Description::from_bytes(&file("description.v1"))?;
    for (name, kind) in LABELLED {
        let mut bytes = file(name);
        read(kind, &bytes, description.plan())?;
        bytes[6..8].copy_from_slice(&(kind.version() + 1).to_le_bytes());
        let label = Label::read(&bytes).expect("it begins as a file of fhe-nn");
        assert_eq!((label.kind, label.version), (kind, kind.version() + 1));
        let refused = read(kind, &bytes, description.plan()).expect_err(name);
        assert!(
            matches!(refused, Error::NewerVersion { .. }),
            "{name}: {refused}"
        );
        let text = refused.to_string();
        let (version, known) = (kind.version() + 1, kind.version());
        let expected = format!(
            "{} has format version {version}, but this program reads versions up to {known}",
            kind.name()
        );
        assert!(text.starts_with(&expected), "{text}");
    }
    Ok(())
}

#[test]
fn another_kind_is_refused_by_name() -> Result<(), Error> {
    let description = Description::from_bytes(&file("description.v1"))?;
    for (name, kind) in LABELLED {
        for (other_name, other) in LABELLED {
            let refused = read(other, &file(name), description.plan());
            if kind == other {
                refused?;
                continue;
            }
            let text = refused.expect_err(other_name).to_string();
            let expected = format!("{} is malformed: it is a file of the kind", other.name());
            assert!(text.starts_with(&expected), "{text}");
        }
    }
    Ok(())
}

/// The bytes of a file, each of some changed in turn, and cut at some places.
fn damaged(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let places = (0..bytes.len()).step_by((bytes.len() / 97).max(1));
    places.flat_map(|place| {
        let mut changed = bytes.to_vec();
        changed[place] ^= 1 << (place % 8);
        [changed, bytes[..place].to_vec()]
    })
}

#[test]
fn damage_is_an_error() -> Result<(), Error> {
    let description = file("description.v1");
    let plan = Description::from_bytes(&description)?.plan().clone();
    for bytes in damaged(&description) {
        assert!(Description::from_bytes(&bytes).is_err());
    }
    for bytes in damaged(&file("client_key_unprotected.v1")) {
        assert!(ClientKey::from_unprotected_bytes(&bytes).is_err());
    }
    for bytes in damaged(&file("evaluation_key.v4")) {
        assert!(EvaluationKey::from_bytes(&bytes, &plan).is_err());
    }
    Ok(())
}

#[test]
fn a_protected_key_needs_its_passphrase() {
    let protected = file("client_key.v1");
    let wrong = Passphrase::new("minority".to_owned());
    let refused = ClientKey::from_bytes(&protected, &wrong).map(drop);
    let refused = refused.expect_err("the passphrase is another one");
    assert!(
        matches!(&refused, Error::Passphrase { network } if network == "Majority"),
        "{refused}"
    );
    let refused = ClientKey::from_unprotected_bytes(&protected).map(drop);
    assert!(matches!(refused, Err(Error::Protection { .. })));
    let refused =
        ClientKey::from_bytes(&file("client_key_unprotected.v1"), &passphrase()).map(drop);
    assert!(matches!(refused, Err(Error::Protection { .. })));
    // altered or cut behind the header of age, whatever the passphrase
    for place in [protected.len() - 1, protected.len() - 40] {
        let mut changed = protected.clone();
        changed[place] ^= 1;
        let refused = ClientKey::from_bytes(&changed, &passphrase()).map(drop);
        assert!(
            matches!(refused, Err(Error::Malformed { .. })),
            "byte {place}"
        );
    }
    let refused = ClientKey::from_bytes(&protected[..protected.len() - 1], &passphrase()).map(drop);
    assert!(matches!(refused, Err(Error::Malformed { .. })));
    // the part in the clear belongs to the secret
    let mut changed = protected.clone();
    changed[45] ^= 1; // the number of the key
    let refused = ClientKey::from_bytes(&changed, &passphrase()).map(drop);
    assert!(matches!(refused, Err(Error::Malformed { .. })));
}
