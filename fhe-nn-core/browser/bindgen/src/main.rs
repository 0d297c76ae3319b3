//! Makes a module for a page of what the compiler made of `fhe-nn-browser`, as the program `wasm-bindgen` does. It is a
//! package of this workspace, so that its version is always the one that the module was compiled with.
//!
//! ```text
//! fhe-nn-browser-bindgen MODULE.wasm FOLDER
//! ```

use std::error::Error;
use std::{env, io};

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args_os().skip(1);
    let (Some(module), Some(folder), None) = (args.next(), args.next(), args.next()) else {
        let usage = "usage: fhe-nn-browser-bindgen MODULE.wasm FOLDER";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, usage).into());
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).web(true)?.typescript(false);
    bindgen.omit_default_module_path(false);
    bindgen.remove_name_section(true);
    bindgen.remove_producers_section(true);
    Ok(bindgen.generate(folder)?)
}
