//! Calls that the program refuses, and what it says then.

use crate::shell::Shell;

/// An array of numpy without rows.
const EMPTY: &[u8] =
    b"\x93NUMPY\x01\x00\x3d\x00{'descr': '<f4', 'fortran_order': False, 'shape': (0, 64), }\n";

/// Returns an imported model as a later version of the format would store it.
fn newer(mut file: Vec<u8>) -> Vec<u8> {
    // the metadata is JSON in a string of JSON
    let version = br#"\"version\":2"#;
    let place = file.windows(version.len()).position(|part| part == version);
    let place = place.expect("an imported model has a version") + version.len() - 1;
    file[place] = b'9';
    file
}

#[test]
fn a_key_of_another_network_is_named() {
    let shell = Shell::with_network();
    shell.works("describe net --failure 64 -o other.description");
    shell.works("keygen net.description -o me.key --unprotected");
    let reason = shell.refuses(
        "encrypt --key me.key --unprotected --description other.description --inputs rows.csv -o requests",
    );
    assert!(
        reason.contains("the client key was made for `Mlp` (plan "),
        "{reason}"
    );
    assert!(reason.contains("but this is `Mlp` (plan "), "{reason}");
    // requests of the other description, so that the evaluation key is what does not belong
    shell.works("keygen other.description -o other.key --unprotected");
    shell.works("encrypt --key other.key --unprotected --inputs rows.csv --first 1 -o requests");
    let reason = shell.refuses(
        "evaluate net --description other.description --evaluation-key me.key.eval --requests requests -o replies",
    );
    assert!(reason.starts_with("error: me.key.eval: "), "{reason}");
    assert!(
        reason.contains("was made for another network or plan"),
        "{reason}"
    );
}

#[test]
fn a_description_of_another_model_is_named() {
    let shell = Shell::with_network();
    shell.works("quantize floats --rows rows.csv --first 3 -o other");
    let reason = shell.refuses(
        "evaluate other --description net.description --evaluation-key rows.csv --requests rows.csv -o replies",
    );
    assert!(
        reason.contains("the description was made for `Mlp` (model "),
        "{reason}"
    );
    assert!(reason.contains("but this is `Mlp` (model "), "{reason}");
}

#[test]
fn a_key_without_a_passphrase_wants_the_flag() {
    let shell = Shell::with_network();
    shell.works("keygen net.description -o me.key --unprotected");
    // the file of the passphrase is not even opened
    let reason =
        shell.refuses("encrypt --key me.key --passphrase-file missing --inputs rows.csv -o other");
    assert!(
        reason.contains("is not protected by a passphrase\n  = help: `--unprotected`"),
        "{reason}"
    );
}

#[test]
fn mistakes_are_one_clear_line() {
    let shell = Shell::with_network();
    shell.write("text", "no file of ours");
    shell.write("uneven.csv", "1,2\n3\n");
    shell.write("cut", "FHENN\u{1}");
    shell.write("newer", newer(shell.read("floats")));
    shell.write("empty.npy", EMPTY);
    shell.write("long", [b'x'; (1 << 16) + 1]);
    for (line, reason) in [
        ("run net --inputs missing.csv", "cannot read `missing.csv`"),
        (
            "run net --inputs uneven.csv",
            "line 2 has 1 values, but the first row has 2",
        ),
        ("run missing --inputs rows.csv", "cannot read `missing`"),
        ("run floats --inputs rows.csv", "floats: "),
        ("quantize net --rows rows.csv -o again", "net: "),
        (
            "describe net --classes a,b -o again",
            "2 names of classes, but the network has",
        ),
        ("keygen net -o key", "net: description is malformed"),
        ("inspect text", "text: "),
        ("import text -o again", "text: "),
        ("frobnicate", "unrecognized subcommand"),
        ("run net", "--inputs <FILE>"),
        ("run net --inputs rows.csv --failure 40", "--simulated"),
        ("run net --inputs rows.csv --smallest-keys", "--simulated"),
        (
            "run net --inputs rows.csv --memory-limit 900",
            "--simulated",
        ),
        ("import -", "`-o FILE` says where the result goes"),
        ("selftest net --inputs empty.npy", "`empty.npy` has 0 rows"),
        ("inspect cut", "begins as a file of fhe-nn"),
        ("inspect newer", "format version 9"),
        (
            "keygen net.description -o key --evaluation-key ./key",
            "`./key` cannot be both keys",
        ),
        (
            "keygen net.description -o missing/key",
            "cannot write `missing/key`",
        ),
        (
            "evaluate net --description net.description --evaluation-key - --requests - -o again",
            "2 inputs are `-`",
        ),
        (
            "keygen net.description -o key --passphrase-file long",
            "`long` has more than 65536 bytes",
        ),
        ("describe net -o .", "cannot write `.`"),
    ] {
        let told = shell.refuses(line);
        assert!(told.starts_with("error: "), "{line}: {told}");
        assert!(told.contains(reason), "{line}: {told}");
        assert!(told.lines().count() <= 3, "{line}: {told}");
    }
    assert!(!shell.path("again").exists());
}
