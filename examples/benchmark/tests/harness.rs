//! Plays the harness's part: it writes images, calls the programs in its order, and reads the labels.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use fhe_nn_benchmark::{Layout, Size, network};
use fhe_nn_examples::cli;
use fhe_nn_examples::idx::{Dataset, Split};
use ndarray::s;

/// The programs, in the order in which the harness calls them, and whether they get an argument.
const PROGRAMS: [(&str, bool); 7] = [
    (env!("CARGO_BIN_EXE_client_key_generation"), true),
    (env!("CARGO_BIN_EXE_server_preprocess_model"), false),
    (env!("CARGO_BIN_EXE_client_preprocess_input"), true),
    (env!("CARGO_BIN_EXE_client_encode_encrypt_input"), true),
    (env!("CARGO_BIN_EXE_server_encrypted_compute"), true),
    (env!("CARGO_BIN_EXE_client_decrypt_decode"), true),
    (env!("CARGO_BIN_EXE_client_postprocess"), true),
];

fn call(folder: &Path, program: &str, argument: Option<&str>) -> Output {
    let mut command = Command::new(program);
    command.current_dir(folder).args(argument);
    command.output().expect("the program can be started")
}

/// Runs an instance in a new folder, and returns its labels and those of the clear run.
fn labels(argument: &str) -> (Vec<usize>, Vec<usize>) {
    let folder = tempfile::tempdir().expect("a folder for files can be made");
    let size = Size::parse(argument).expect("it is a size");
    let files = Layout::new(size);
    let test = Dataset::load(cli::data(), Split::Test).expect("the images come with the examples");
    let images = test.images.slice(s![..size.images(), ..]);

    let pixels = folder.path().join(files.pixels());
    fs::create_dir_all(pixels.parent().expect("it lies in folders")).expect("folders can be made");
    let line = |image: ndarray::ArrayView1<'_, f32>| -> String {
        let pixels: Vec<String> = image.iter().map(|pixel| format!("{pixel:.6}")).collect();
        pixels.join(" ") + "\n"
    };
    let text: String = images.rows().into_iter().map(line).collect();
    fs::write(&pixels, text).expect("files can be written");

    for (program, takes_size) in PROGRAMS {
        let output = call(folder.path(), program, takes_size.then_some(argument));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {errors}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let secret = fs::metadata(folder.path().join(files.secret_key()));
        let mode = secret
            .expect("the first program writes it")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let written = fs::read_to_string(folder.path().join(files.predictions()));
    let written = written.expect("the last program writes labels");
    let labels = written.lines().map(|line| line.parse().expect("a label"));
    let (model, _) = network().expect("the network comes with the programs");
    let clear = model.run_batch(images).expect("the images are inputs");
    (
        labels.collect(),
        clear.iter().map(|scores| scores.argmax()).collect(),
    )
}

#[test]
fn a_single_image() {
    let (labels, clear) = labels("0");
    assert_eq!(labels, clear);
}

#[test]
fn a_small_instance() {
    let (labels, clear) = labels("1");
    assert_eq!(labels.len(), 15);
    assert_eq!(labels, clear);
}

#[test]
fn a_wrong_call_says_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder for files can be made");
    for argument in [None, Some("4"), Some("single")] {
        let output = call(folder.path(), PROGRAMS[0].0, argument);
        assert!(!output.status.success());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            errors.contains("must be the size of the instance"),
            "{errors}"
        );
    }
    let output = call(folder.path(), PROGRAMS[4].0, Some("0"));
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("io/single/public_keys/evaluation_key"),
        "{errors}"
    );
}
