//! Tests of the whole front-end, in process: `proc_macro2` works outside of a compiler too.

mod help;
mod weights;

use fhe_nn_proof::spec::Spec;
use proc_macro2::TokenStream;
use syn::Item;

use crate::errors::Error;
use crate::{declare, expand, parse};

/// The errors of the network in a source file; `None` if it holds none.
fn errors(source: &str) -> Option<Vec<Error>> {
    let file = syn::parse_file(source).unwrap_or_else(|error| panic!("{error} in\n{source}"));
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

/// A network of random fields: the macro accepts what the facts of the tensors allow, and nothing else.
#[test]
fn what_is_accepted_has_facts_and_what_has_none_is_refused() {
    const FIELDS: [&str; 22] = [
        "#[bits(weights = 2)] NAME: Dense<16, 16>,",
        "#[bits(weights = 2)] NAME: Dense<8, 16>,",
        "#[bits(weights = 2)] NAME: Conv2d<1, 2, 3>,",
        "#[bits(weights = 2)] NAME: Conv2d<2, 2, 2, 1, 1>,",
        "#[bits(weights = 2)] NAME: Conv1d<4, 4, 2>,",
        "#[bits(weights = 2)] NAME: Conv<1, 2, (Axis<1>, Axis<3, 2, 0, 1, 2>)>,",
        "#[bits(weights = 2)] NAME: Conv<4, 4, Axis<2, 1, 1, 2, 0>, 2>,",
        "NAME: MaxPool<(Axis<2, 1, 1>, Axis<2, 2>)>,",
        "NAME: AvgPool<Axis<3, 2, 0, 1, 1>>,",
        "#[bits(output = 2, table = 4)] NAME: Relu,",
        "#[bits(output = 2, table = 4)] NAME: Tanh,",
        "#[bits(table = 4)] NAME: Sign,",
        "NAME: AvgPool2d<2>,",
        "NAME: MaxPool2d<2, 1>,",
        "NAME: GlobalAvgPool,",
        "NAME: Flatten,",
        "#[from(A, B)] NAME: Add,",
        "#[from(A, A)] NAME: Mul,",
        "#[from(A, B)] NAME: Concat,",
        "#[from(A)] #[bits(weights = 2)] NAME: Dense<16, 16>,",
        "#[from(A)] #[bits(output = 2, table = 4)] NAME: Relu,",
        "#[bits(weights = 2)] NAME: Dense<32, 2>,",
    ];
    let mut random = Lehmer(7);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..60_000 {
        let count = 2 + random.draw(5);
        let mut item = String::new();
        for index in 0..count {
            let mut earlier = || match random.draw(index + 1) {
                0 => "input".to_owned(),
                field => format!("f{}", field - 1),
            };
            let (a, b) = (earlier(), earlier());
            let field = FIELDS[random.draw(FIELDS.len())];
            let field = field.replace("NAME", &format!("f{index}"));
            item += &field
                .replace("(A, A)", &format!("({a}, {a})"))
                .replace("(A", &format!("({a}"))
                .replace("B)", &format!("{b})"));
        }
        let shape = ["[16]", "[1, 4, 4]", "[1, 6, 6]", "[4, 4]"][random.draw(4)];
        let network = parse::parse(
            tokens(&format!("input(shape = {shape}, bits = 2)")),
            tokens(&format!("struct Net {{ {item} }}")),
        );
        match network.and_then(|network| crate::check::check(&network)) {
            Ok(spec) => {
                accepted += 1;
                assert_eq!(spec.flow().err(), None, "{item}");
                assert_eq!(declared_again(&spec), spec, "{item}");
            }
            Err(errors) => {
                refused += 1;
                assert!(!errors.is_empty());
            }
        }
    }
    assert!(accepted > 300 && refused > 300, "{accepted} of {refused}");
}

/// The network that the printed declaration of a network declares.
fn declared_again(spec: &Spec) -> Spec {
    let text = spec.declaration(&[]);
    let item: syn::ItemStruct = syn::parse_str(&text).expect("it prints a struct");
    let [attr] = item.attrs.as_slice() else {
        panic!("one attribute of the network:\n{text}");
    };
    let args = attr.meta.require_list().expect("it says what the input is");
    let mut bare = item.clone();
    bare.attrs.clear();
    let network = parse::parse(args.tokens.clone(), quote::quote!(#bare));
    match network.and_then(|network| crate::check::check(&network)) {
        Ok(spec) => spec,
        Err(errors) => panic!("{}\n{text}", errors[0].message()),
    }
}

/// Lehmer's generator (Knuth's constants, 1997): enough for tests.
struct Lehmer(u64);

impl Lehmer {
    /// A number below `end`.
    fn draw(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

#[test]
fn no_soup_of_tokens_makes_it_panic() {
    const ARGS: [&str; 16] = [
        "input",
        "shape",
        "bits",
        "=",
        ",",
        "(",
        ")",
        "[",
        "]",
        "784",
        "-1",
        "0",
        "1u8",
        "x",
        "vocabulary",
        "9",
    ];
    const ITEM: [&str; 46] = [
        "#[from(a, b)]",
        "#[from]",
        "#[from(a,",
        "o: Conv2d<1, 4, 3>,",
        "p: Conv1d<4, 4, 3, 0>,",
        "q: MaxPool2d<2>,",
        "q: MaxPool<(Axis<2>, Axis<3, 2, 0, 1, 9>)>,",
        "q: AvgPool<Axis<2, 2, 1, 9>, 3>,",
        "q: Conv<4, 4, (Axis<0>, Axis<2, 2, 2, 2, 2, 2>, Axis), 0>,",
        "s: GlobalAvgPool,",
        "t: Add,",
        "u: Embedding<9, 4>,",
        "v: Custom,",
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
    let mut random = Lehmer(0x2545_f491_4f6c_dd1d);
    let mut soup = |words: &[&str]| {
        let mut soup = String::new();
        loop {
            match words.get(random.draw(words.len() + 2)) {
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
            expand::fallback(item, &errors, true);
        }
    }
    assert!(networks > 1_000, "{networks} are balanced");
}
