//! The attribute macro `#[fhe_network]`.

use proc_macro::TokenStream;

/// Declares a network.
#[proc_macro_attribute]
pub fn fhe_network(_args: TokenStream, item: TokenStream) -> TokenStream {
    item
}
