//! Decrypts the replies to real scores, a line for each image.

use std::fmt::Write;
use std::process::ExitCode;

use fhe_nn_benchmark::{Failure, Layout, open, run, write};
use fhe_nn_core::{ClientKey, Reply, Request};

fn main() -> ExitCode {
    run(|files: &Layout| {
        let client = ClientKey::load_unprotected(files.secret_key())?;
        let (mut requests, mut replies) = (open(&files.requests())?, open(&files.replies())?);
        let (mut lines, mut images) = (String::new(), 0);
        while let Some(request) = Request::read(&mut requests, client.plan())? {
            let Some(reply) = Reply::read(&mut replies, client.plan())? else {
                break;
            };
            let scores = client.decrypt(&request, &reply)?;
            let reals = scores.reals().iter().map(f64::to_string);
            let reals: Vec<String> = reals.collect();
            // writing to a string cannot fail
            let _ = writeln!(lines, "{}", reals.join(" "));
            images += 1;
        }
        if images != files.images() {
            return Err(Failure::Count {
                what: "replies",
                actual: images,
                expected: files.images(),
            });
        }
        write(&files.scores(), lines.as_bytes())
    })
}
