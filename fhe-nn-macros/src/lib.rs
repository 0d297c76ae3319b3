//! The attribute macro `#[fhe_network]`.

mod ast;
mod attr;
mod check;
mod errors;
mod expand;
mod key;
mod layer;
mod literal;
mod parse;

use errors::Error;
use proc_macro2::TokenStream;

/// Declares a network.
#[proc_macro_attribute]
pub fn fhe_network(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let item = item.into();
    declare(args.into(), TokenStream::clone(&item))
        .unwrap_or_else(|errors| expand::fallback(item, &errors))
        .into()
}

/// The three phases, with a barrier after each.
fn declare(args: TokenStream, item: TokenStream) -> Result<TokenStream, Vec<Error>> {
    let network = parse::parse(args, item)?;
    let spec = check::check(&network)?;
    Ok(expand::expand(&network.item, &spec))
}
