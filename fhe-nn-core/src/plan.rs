//! Plans in detail: the parameters of every stage, and what a client is told.

pub use fhe_nn_proof::client::{
    Affine, ClientSpec, Combination, Interface, Line, OutputForm, OutputGrid, Outputs, ScoreTerm,
};
pub use fhe_nn_proof::encoder::{Encoder, Norm, Ties};
pub use fhe_nn_proof::noise::{Decomposition, SECURITY_BITS, Shape};
pub use fhe_nn_proof::plan::{
    Bootstrap, Fingerprint, InputPlan, NewKeys, OutputPlan, Plan, PlanOptions, Prefer, Round,
    Stage, Sums, Version,
};
pub use fhe_nn_proof::spec::{Encoding, Rounding, Tokens};
pub use fhe_nn_proof::widths::{Lattice, Reader};
