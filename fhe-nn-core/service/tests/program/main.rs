//! Calls the program as a person does: from an ONNX file to decrypted scores, and with mistakes.

mod files;
mod infer;
mod mistakes;
mod receipts;
mod shell;
mod tune;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use self::shell::Shell;

/// Returns a number of an object.
fn number(object: &Value, name: &str) -> f64 {
    object[name].as_f64().expect("it is a number")
}

#[test]
fn from_onnx_to_decrypted_scores() {
    let shell = Shell::with_network();
    // the client
    shell.works("keygen net.description -o me.key");
    shell.works("encrypt --key me.key --inputs rows.csv --first 2 -o requests");
    // the server, which has files alone
    let done = shell.json(
        "evaluate net --description net.description --evaluation-key me.key.eval --requests requests -o replies",
    );
    assert_eq!(done["replies"], 2);
    // the client again
    let decrypted = shell
        .json("decrypt --key me.key --description net.description --requests requests replies");
    let clear = shell.json("run net --inputs rows.csv --first 2 --clear");
    assert_eq!(decrypted["scores"], clear["scores"]);
    assert_eq!(decrypted["inputs"], 2);

    // every file says what it is
    for (file, kind) in [
        ("floats", "imported model"),
        ("net", "quantized model"),
        ("net.description", "description"),
        ("me.key", "client key"),
        ("me.key.eval", "evaluation key"),
        ("requests", "request"),
        ("replies", "reply"),
    ] {
        assert_eq!(
            shell.json(&format!("inspect {file}"))["kind"],
            kind,
            "{file}"
        );
    }

    // nothing is overwritten, and nothing is lost by a refusal
    let key = shell.read("me.key");
    let reason = shell.refuses("keygen net.description -o me.key");
    assert!(reason.contains("`me.key` is there already"), "{reason}");
    assert_eq!(shell.read("me.key"), key);

    // replies in another order are refused
    let replies = shell.read("replies");
    let (first, second) = replies.split_at(replies.len() / 2);
    shell.write("swapped", [second, first].concat());
    let reason = shell.refuses("decrypt --key me.key --requests requests swapped");
    assert!(reason.contains("answers another request"), "{reason}");

    // fewer replies than requests, and half a reply
    shell.write("fewer", first);
    let reason = shell.refuses("decrypt --key me.key --requests requests fewer");
    assert!(reason.contains("there are 1 replies only"), "{reason}");
    shell.write("cut", &replies[..replies.len() - 1]);
    let reason = shell.refuses("decrypt --key me.key --requests requests cut");
    assert!(reason.contains("reply is malformed"), "{reason}");

    // another passphrase
    shell.write("wrong", "hunter2\n");
    let reason =
        shell.refuses("encrypt --key me.key --passphrase-file wrong --inputs rows.csv -o other");
    assert!(
        reason.contains("the passphrase is not that of the client key"),
        "{reason}"
    );
    assert!(!shell.path("other").exists());

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(shell.path("me.key"))
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn pipes_carry_what_files_do() {
    let shell = Shell::with_network();
    shell.works("keygen net.description -o me.key --evaluation-key me.eval --unprotected");
    let encrypted =
        shell.call("encrypt --key me.key --unprotected --inputs rows.csv --first 1 -o -");
    assert!(encrypted.status.success());
    shell.write("requests", &encrypted.stdout);
    let mut server = shell
        .command(
            "evaluate net --description net.description --evaluation-key me.eval --requests - -o -",
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    server
        .stdin
        .take()
        .expect("it is piped")
        .write_all(&encrypted.stdout)
        .expect("the program reads it");
    let replies = server.wait_with_output().expect("it ends").stdout;
    shell.write("replies", replies);
    let decrypted = shell.json("decrypt --key me.key --unprotected --requests requests replies");
    let clear = shell.json("run net --inputs rows.csv --first 1");
    assert_eq!(decrypted["scores"], clear["scores"]);
}

#[test]
fn a_selftest_says_what_was_equal() {
    let shell = Shell::with_network();
    let found = shell.json("selftest net --count 2");
    assert_eq!(found["inputs"], 2);
    assert_eq!(found["encrypted_equals_clear"], 2);
    assert!(number(&found, "seconds_per_input") > 0.0);
    assert!(number(&found, "evaluation_key_bytes") > 0.0);
    assert!(number(&found, "log2_failure") < -100.0);
    assert_eq!(found["exact"], true);
    let found = shell.json("selftest net --inputs rows.csv --count 1");
    assert_eq!(found["inputs"], 1);
}

#[test]
fn plans_follow_their_options() {
    let shell = Shell::with_network();
    let fast = shell.json("plan net --fastest");
    let small = shell.json("plan net --smallest-keys");
    let bytes = |plan: &Value| number(plan, "evaluation_key_bytes");
    assert!(bytes(&small) <= bytes(&fast));
    // a limit that nothing keeps is refused, and a large one changes nothing that counts
    let reason = shell.refuses("plan net --memory-limit 1");
    assert!(
        reason.contains("whose keys fit 1000000 bytes of a server's memory"),
        "{reason}"
    );
    let within = shell.json("plan net --memory-limit 100000");
    assert_eq!(bytes(&within), bytes(&fast));
    let loose = shell.json("plan net --failure 40");
    assert!(number(&loose, "log2_failure") > number(&fast, "log2_failure"));
    let reason = shell.refuses("plan net --failure 0");
    assert!(
        reason.contains("`--failure` is 0, but must be 1 to 1024 bits"),
        "{reason}"
    );
}

#[test]
fn help_completions_and_man_pages() {
    let shell = Shell::new();
    assert!(shell.works("--help").contains("selftest"));
    assert!(shell.works("completions bash").contains("fhe-nn"));
    shell.works("man pages");
    let page = fs::read_to_string(shell.path("pages/fhe-nn-keygen.1")).expect("it was written");
    assert!(page.contains("passphrase"));
}
