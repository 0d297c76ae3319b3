//! A plan as tokens: every public parameter as a constant, and the whole as text.

use fhe_nn_proof::noise::{Decomposition, Shape};
use fhe_nn_proof::plan::{Bootstrap, InputPlan, Options, OutputPlan, Plan, Prefer, Round, Stage};
use fhe_nn_proof::spec::Rounding;
use fhe_nn_proof::widths::Reader;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

/// The plan as the expression of a constant.
pub(super) fn planned(plan: &Plan) -> TokenStream {
    let Plan {
        client: _, // the declaration, and what only `json` has: widths and scales of the scores
        input: InputPlan { dimension },
        stages,
        output,
        model,
        options: Options {
            failure_bits,
            prefer,
        },
    } = plan;
    let (bootstraps, failure) = (plan.bootstraps(), real(plan.log2_failure()));
    let is_exact = plan.is_exact();
    let (key, memory) = (plan.evaluation_key_bytes(), plan.evaluation_memory_bytes());
    let (request, reply) = (plan.request_bytes(), plan.reply_bytes());
    let failure_bits = real(*failure_bits);
    let prefer = match prefer {
        Prefer::Fastest => quote!(Fastest),
        Prefer::SmallestKeys => quote!(SmallestKeys),
    };
    let (stages, scores) = (stages.iter().map(stage), scores(output));
    let json = serde_json::to_string(plan).expect("a plan has string keys only");
    quote! {
        ::fhe_nn_core::Planned {
            bootstraps: #bootstraps,
            log2_failure: #failure,
            is_exact: #is_exact,
            evaluation_key_bytes: #key,
            evaluation_memory_bytes: #memory,
            request_bytes: #request,
            reply_bytes: #reply,
            fingerprint: [#(#model),*],
            options: ::fhe_nn_core::plan::Options {
                failure_bits: #failure_bits,
                prefer: ::fhe_nn_core::plan::Prefer::#prefer,
            },
            input: ::fhe_nn_core::plan::InputPlan { dimension: #dimension },
            stages: &[#(#stages),*],
            scores: #scores,
            json: #json,
        }
    }
}

fn stage(stage: &Stage) -> TokenStream {
    let Stage {
        linear,
        lookup,
        sources,
        terms,
        reader,
        width,
        scale,
        table,
        rounding,
        modulus,
        neurons,
        phases,
        rounds,
        bootstrap,
        output_variance,
        table_variance,
        log2_failure,
        step_probability,
    } = stage;
    let reader = match reader {
        Reader::Padded => quote!(Padded),
        Reader::Antiperiodic => quote!(Antiperiodic),
        Reader::Client => quote!(Client),
    };
    let (rounding, bootstrap) = (self::rounding(*rounding), self::bootstrap(bootstrap));
    let rounds = rounds.iter().map(round);
    let output_variance = real(*output_variance);
    let table_variance = real(*table_variance);
    let log2_failure = real(*log2_failure);
    let step_probability = option(step_probability.map(real));
    quote! {
        ::fhe_nn_core::PlannedStage {
            linear: #linear,
            lookup: #lookup,
            sources: &[#(#sources),*],
            terms: #terms,
            reader: ::fhe_nn_core::widths::Reader::#reader,
            width: #width,
            scale: #scale,
            table: #table,
            rounding: #rounding,
            modulus: #modulus,
            neurons: #neurons,
            phases: #phases,
            rounds: &[#(#rounds),*],
            bootstrap: #bootstrap,
            output_variance: #output_variance,
            table_variance: #table_variance,
            log2_failure: #log2_failure,
            step_probability: #step_probability,
        }
    }
}

fn round(round: &Round) -> TokenStream {
    let Round {
        above,
        neurons,
        bootstraps,
        bootstrap,
    } = round;
    let bootstrap = self::bootstrap(bootstrap);
    quote! {
        ::fhe_nn_core::plan::Round {
            above: #above,
            neurons: #neurons,
            bootstraps: #bootstraps,
            bootstrap: #bootstrap,
        }
    }
}

fn bootstrap(bootstrap: &Bootstrap) -> TokenStream {
    let Bootstrap {
        keyswitch,
        small_dimension,
        shape: Shape {
            dimension,
            polynomial_size,
        },
        extension,
        digits,
    } = bootstrap;
    let (keyswitch, digits) = (option(keyswitch.map(decomposition)), decomposition(*digits));
    quote! {
        ::fhe_nn_core::plan::Bootstrap {
            keyswitch: #keyswitch,
            small_dimension: #small_dimension,
            shape: ::fhe_nn_core::noise::Shape {
                dimension: #dimension,
                polynomial_size: #polynomial_size,
            },
            extension: #extension,
            digits: #digits,
        }
    }
}

fn scores(output: &OutputPlan) -> TokenStream {
    let OutputPlan {
        linear,
        sources,
        terms,
        scores,
        width,
        scale,
        table,
        rounding,
        modulus,
        keyswitch,
        dimension,
        element_bits,
        variance,
        log2_failure,
    } = output;
    let rounding = self::rounding(*rounding);
    let keyswitch = option(keyswitch.map(decomposition));
    let (variance, log2_failure) = (real(*variance), real(*log2_failure));
    quote! {
        ::fhe_nn_core::PlannedScores {
            linear: #linear,
            sources: &[#(#sources),*],
            terms: #terms,
            scores: #scores,
            width: #width,
            scale: #scale,
            table: #table,
            rounding: #rounding,
            modulus: #modulus,
            keyswitch: #keyswitch,
            dimension: #dimension,
            element_bits: #element_bits,
            variance: #variance,
            log2_failure: #log2_failure,
        }
    }
}

fn decomposition(digits: Decomposition) -> TokenStream {
    let Decomposition { base_log, levels } = digits;
    quote!(::fhe_nn_core::noise::Decomposition { base_log: #base_log, levels: #levels })
}

fn rounding(rounding: Rounding) -> TokenStream {
    match rounding {
        Rounding::Exact => quote!(::fhe_nn_core::spec::Rounding::Exact),
        Rounding::Approximate => quote!(::fhe_nn_core::spec::Rounding::Approximate),
    }
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// To the last bit.
fn real(value: f64) -> TokenStream {
    let bits = value.to_bits();
    quote!(::core::primitive::f64::from_bits(#bits))
}
