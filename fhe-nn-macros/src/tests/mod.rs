//! Tests of the whole front-end, in process: `proc_macro2` works outside of a compiler too.

mod help;

use proc_macro2::TokenStream;
use syn::Item;

use crate::errors::Error;
use crate::{declare, expand};

/// The errors of the network in a source file; `None` if it holds none.
fn errors(source: &str) -> Option<Vec<Error>> {
    let file = syn::parse_file(source).expect("the compiler reads it");
    file.items.into_iter().find_map(|mut item| {
        let attrs = match &mut item {
            Item::Struct(item) => &mut item.attrs,
            Item::Enum(item) => &mut item.attrs,
            Item::Fn(item) => &mut item.attrs,
            _ => return None,
        };
        let index = attrs
            .iter()
            .position(|attr| attr.path().is_ident("fhe_network"))?;
        let args = match attrs.remove(index).meta {
            syn::Meta::List(list) => list.tokens,
            _ => TokenStream::new(),
        };
        Some(
            declare(args, quote::quote!(#item))
                .err()
                .unwrap_or_default(),
        )
    })
}

fn tokens(source: &str) -> TokenStream {
    source.parse().expect("balanced tokens")
}

#[test]
fn the_expansion_is_small_and_free_of_behaviour() {
    let network = tokens(
        "struct Digits {
            #[bits(weights = 2, accumulator = 5, overflow = wrap)]
            hidden: Dense<784, 64>,
            #[bits(output = 3, phases = 4)]
            wave: Wave,
            #[bits(weights = 4)]
            scores: Dense<256, 10>,
        }",
    );
    let expanded = declare(tokens("input(shape = [784], bits = 1)"), network)
        .expect("the network of the README")
        .to_string();
    let length = expanded.chars().filter(|c| !c.is_whitespace()).count();
    assert!(length < 1600, "{length} characters: {expanded}");
    assert!(!expanded.contains("bits (") && !expanded.contains("use "));
}

#[test]
fn no_soup_of_tokens_makes_it_panic() {
    const ARGS: [&str; 14] = [
        "input", "shape", "bits", "=", ",", "(", ")", "[", "]", "784", "-1", "0", "1u8", "x",
    ];
    const ITEM: [&str; 33] = [
        "#[bits(weights = 2)]",
        "#[bits(output = 3)]",
        "#[bits(weights = 2, accumulator = 5, overflow = wrap)]",
        "#[bits(output = 3, phases = 4)]",
        "#[bits]",
        "#[cfg(x)]",
        "#[bits(",
        ")]",
        "weights = ",
        "accumulator = 99999999999999999999999999999999999999999",
        "a: Dense<784, 64>,",
        "b: Wave,",
        "c: Dense<64, 10>,",
        "d: Dense<256, 10>,",
        "e: Dense<16777216, 16777216>,",
        "f: Relu,",
        "g: Sign,",
        "h: Dense<-1, 0>,",
        "i: Dense<{ 1 }, N>,",
        "j: Dense<'a, T>,",
        "k: (),",
        "l: Dense,",
        "m: Relu<1>,",
        "n: fn() -> Dense<1, 2>,",
        "pub",
        "r#type: Tanh,",
        ",",
        "{",
        "}",
        "1 + 2",
        "phases",
        "(",
        ")",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut soup = |words: &[&str]| {
        let mut soup = String::new();
        loop {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let draw = (state >> 33) as usize;
            match words.get(draw % (words.len() + 2)) {
                Some(word) => soup = soup + " " + word,
                None => return soup,
            }
        }
    };
    let mut networks = 0;
    for round in 0..30_000 {
        let args = match round % 4 {
            0 => soup(&ARGS),
            _ => "input(shape = [784], bits = 1)".to_owned(),
        };
        let item = format!("struct Soup {{ {} }}", soup(&ITEM));
        let (Ok(args), Ok(item)) = (args.parse(), item.parse::<TokenStream>()) else {
            continue;
        };
        networks += 1;
        if let Err(errors) = declare(args, item.clone()) {
            assert!(!errors.is_empty());
            expand::fallback(item, &errors);
        }
    }
    assert!(networks > 1_000, "{networks} are balanced");
}
