//! The compiler keeps the roles apart. A build with `engine` alone has neither a function that decrypts nor
//! a type for a secret key, and a build with `client` alone does not compute on ciphertexts and does not
//! bring in rayon itself.
//!
//! Each case is a program that is compiled against this crate with the features of one role.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A package that depends on fhe-nn-core with the features of one role.
struct Role {
    folder: tempfile::TempDir,
    target: PathBuf,
}

impl Role {
    fn new(features: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let root = root.canonicalize().expect("the workspace");
        let core = root.join("fhe-nn-core");
        // with the workspace's profiles, what the tests were built with is used again
        let workspace = root.join("Cargo.toml");
        let workspace = std::fs::read_to_string(workspace).expect("the workspace's manifest");
        let profiles = workspace.find("[profile.dev]").expect("it has profiles");
        let manifest = format!(
            "[package]\nname = \"role\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\nfhe-nn-core = {{ path = {core:?}, default-features = false, \
             features = [{features:?}] }}\n\n[workspace]\n\n{}",
            &workspace[profiles..]
        );
        let source = folder.path().join("src");
        std::fs::create_dir(&source).expect("a new folder");
        std::fs::write(folder.path().join("Cargo.toml"), manifest).expect("writable");
        let lock = folder.path().join("Cargo.lock");
        std::fs::copy(root.join("Cargo.lock"), lock).expect("the workspace is locked");
        // the folder of the test's own program
        let own = std::env::current_exe().expect("a running program");
        let target = own.ancestors().nth(3).expect("a target folder").to_owned();
        Role { folder, target }
    }

    fn cargo(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("CARGO_TARGET_DIR", &self.target)
            .output()
            .expect("cargo runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    /// Checks a library with this code, and returns whether it compiles and what the compiler says.
    fn check(&self, code: &str) -> (bool, String) {
        let source = self.folder.path().join("src/lib.rs");
        std::fs::write(source, code).expect("writable");
        self.cargo(&["check", "--quiet"])
    }

    fn compiles(&self, code: &str) {
        let (compiles, text) = self.check(code);
        assert!(compiles, "{code}\n{text}");
    }

    fn does_not_compile(&self, code: &str, because: &str) {
        let (compiles, text) = self.check(code);
        assert!(!compiles, "compiles: {code}");
        assert!(text.contains(because), "{code}\n{text}");
    }
}

#[test]
fn an_engine_cannot_decrypt() {
    let role = Role::new("engine");
    role.compiles(
        "use fhe_nn_core::{Error, Model, Reply, Request, ServerKey};
         pub fn answer(model: &Model, key: &ServerKey, request: &Request) -> Result<Reply, Error> {
             model.run_encrypted(key, request)
         }",
    );
    role.does_not_compile(
        "pub use fhe_nn_core::ClientKey;",
        "no `ClientKey` in the root",
    );
    role.does_not_compile(
        "pub fn decrypt(key: &fhe_nn_core::ServerKey, reply: &fhe_nn_core::Reply) {
             let _ = key.decrypt(reply);
         }",
        "no method named `decrypt`",
    );
    role.does_not_compile(
        "pub fn generate(plan: &fhe_nn_core::Plan) {
             let _ = fhe_nn_core::client::ClientKey::generate(plan);
         }",
        "cannot find `client` in `fhe_nn_core`",
    );
}

#[test]
fn a_client_computes_on_no_ciphertext() {
    let role = Role::new("client");
    role.compiles(
        "use fhe_nn_core::{ClientKey, Error, Plan, Reply, Request, proof::client::Scores};
         pub fn ask(plan: &Plan, input: &[f32]) -> Result<(ClientKey, Request), Error> {
             let client = ClientKey::generate(plan)?;
             let request = client.encrypt(input)?;
             Ok((client, request))
         }
         pub fn read(client: &ClientKey, sent: &Request, reply: &Reply) -> Result<Scores, Error> {
             client.decrypt(sent, reply)
         }",
    );
    role.does_not_compile(
        "pub use fhe_nn_core::ServerKey;",
        "no `ServerKey` in the root",
    );
    role.does_not_compile(
        "pub fn run(model: &fhe_nn_core::Model) {
             let _ = model.run_encrypted;
         }",
        "no field `run_encrypted`",
    );
    // tfhe has a rayon and transforms; this crate adds none
    for library in ["rayon", "pulp"] {
        let readers = ["tree", "-e", "normal", "--depth", "1", "-i", library];
        let (listed, readers) = role.cargo(&readers);
        assert!(listed, "{readers}");
        assert!(!readers.contains("fhe-nn-core"), "{readers}");
    }
}
