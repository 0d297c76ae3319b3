// Printed by imports; `BLESS=1 cargo test -p fhe-nn-tests imports` writes it.

pub mod mlp {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [8, 8], bits = 4))]
pub struct Mlp {
    #[bits(weights = 4, overflow = calibrated)]
    layer_1: Dense<64, 24>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    #[bits(weights = 4, overflow = calibrated)]
    layer_3: Dense<24, 16>,
    #[bits(output = 4, table = 5)]
    sigmoid: Sigmoid,
    #[bits(weights = 4)]
    layer_5: Dense<16, 10>,
}
}

pub mod linear_3d {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [6, 4], bits = 4))]
pub struct Linear3d {
    #[bits(weights = 4, overflow = calibrated)]
    layer_0: Conv1d<6, 5, 1>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    #[bits(weights = 4, overflow = calibrated)]
    layer_3: Dense<20, 8>,
    #[bits(output = 4, table = 5)]
    tanh: Tanh,
    #[bits(weights = 4)]
    layer_5: Dense<8, 3>,
}
}

pub mod cnn {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [1, 8, 8], bits = 4))]
pub struct Cnn {
    #[bits(weights = 4, overflow = calibrated)]
    layer_0: Conv2d<1, 4, 3, 1, 1>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    max_pool: MaxPool2d<2>,
    #[bits(weights = 4, overflow = calibrated)]
    layer_3: Conv2d<4, 6, 3, 2, 1>,
    #[bits(output = 4, table = 5)]
    leaky_relu: LeakyRelu,
    #[bits(weights = 4)]
    layer_6: Dense<24, 10>,
}
}

pub mod cnn_bn {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [1, 8, 8], bits = 4))]
pub struct CnnBn {
    #[bits(weights = 4, overflow = calibrated)]
    conv1: Conv2d<1, 6, 3, 1, 1>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    #[bits(weights = 4, overflow = calibrated)]
    conv2: Conv2d<6, 6, 3, 1, 1>,
    #[bits(output = 4, table = 5)]
    relu2: Relu,
    #[bits(weights = 4, overflow = calibrated)]
    conv3: Conv2d<6, 6, 3, 1, 1>,
    #[bits(output = 4, table = 5)]
    identity: Identity,
    #[from(relu, identity)]
    sum: layer::Add,
    #[bits(output = 4, table = 5)]
    relu3: Relu,
    pool: AvgPool2d<2>,
    #[bits(weights = 4, overflow = calibrated)]
    conv4: Conv2d<6, 8, 3, 1, 1>,
    #[bits(output = 4, table = 5)]
    relu4: Relu,
    pool2: GlobalAvgPool,
    #[bits(weights = 4)]
    fc: Dense<8, 10>,
}
}

pub mod bn_alone {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [1, 8, 8], bits = 4))]
pub struct BnAlone {
    #[bits(weights = 4, overflow = calibrated)]
    layer_0: Conv2d<1, 3, 3>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    #[bits(weights = 4, overflow = calibrated)]
    layer_4: Dense<108, 8>,
    #[bits(output = 4, table = 5)]
    tanh: Tanh,
    #[bits(weights = 4)]
    layer_8: Dense<8, 4>,
}
}

pub mod depthwise {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [4, 10, 9], bits = 4))]
pub struct Depthwise {
    #[bits(weights = 4, overflow = calibrated)]
    depth: Conv2d<4, 4, 3, 1, 1, 1, 4>,
    #[bits(output = 4, table = 5)]
    identity: Identity,
    #[bits(weights = 4, overflow = calibrated)]
    point: Conv2d<4, 8, 1>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    #[bits(weights = 4, overflow = calibrated)]
    grouped: Conv<8, 8, (Axis<3, 1, 2, 2>, Axis<1>), 2>,
    #[bits(output = 4, table = 5)]
    identity2: Identity,
    #[bits(weights = 4, overflow = calibrated)]
    wide: Conv<8, 4, (Axis<2, 1, 1>, Axis<3, 1, 2, 1, 1>)>,
    #[bits(output = 4, table = 5)]
    relu2: Relu,
    pool: AvgPool2d<3, 2, 1>,
    #[bits(weights = 4, overflow = calibrated)]
    same: Conv<4, 3, (Axis<2, 1, 0, 1, 1>, Axis<2, 1, 0, 1, 1>)>,
    #[bits(output = 4, table = 5)]
    identity3: Identity,
    #[bits(weights = 4)]
    fc: Dense<90, 6>,
}
}

pub mod preprocess {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [3, 8, 8], bits = 4))]
pub struct Preprocess {
    #[bits(weights = 4, overflow = calibrated)]
    conv: Conv2d<3, 4, 3>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    max_pool: MaxPool2d<3>,
    #[bits(weights = 4)]
    fc: Dense<16, 5>,
}
}

pub mod text {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [12], vocabulary = 40))]
pub struct Text {
    #[bits(weights = 4)]
    embed: Embedding<40, 6>,
    pool: GlobalAvgPool,
    #[bits(weights = 4, overflow = calibrated)]
    fc1: Dense<6, 8>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    #[bits(weights = 4)]
    fc2: Dense<8, 2>,
}
}

pub mod text_conv {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [12], vocabulary = 40))]
pub struct TextConv {
    #[bits(weights = 4)]
    embed: Embedding<40, 6>,
    #[bits(weights = 4, overflow = calibrated)]
    conv: Conv1d<6, 8, 3>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    max_pool: GlobalMaxPool,
    #[bits(weights = 4)]
    fc: Dense<8, 3>,
}
}

pub mod branches {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [12], bits = 4))]
pub struct Branches {
    #[bits(weights = 4, overflow = calibrated)]
    tanh_0: Dense<12, 4>,
    #[bits(output = 4, table = 5)]
    tanh: Tanh,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    softplus_0: Dense<12, 4>,
    #[bits(output = 4, table = 5)]
    softplus: Softplus,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    mish_0: Dense<12, 4>,
    #[bits(output = 4, table = 5)]
    mish: Mish,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    gelu_0: Dense<12, 4>,
    #[bits(output = 4, table = 5)]
    gelu: Gelu,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    silu_0: Dense<12, 4>,
    #[bits(output = 4, table = 5)]
    silu: Silu,
    #[from(tanh, softplus, mish, gelu, silu)]
    concat: Concat,
    #[bits(weights = 4)]
    tail: Dense<20, 5>,
}
}

pub mod mul {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [12], bits = 4))]
pub struct MulNetwork {
    #[bits(weights = 4, overflow = calibrated)]
    gate: Dense<12, 8>,
    #[bits(output = 4, table = 5)]
    sigmoid: Sigmoid,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    value: Dense<12, 8>,
    #[bits(output = 4, table = 5)]
    tanh: Tanh,
    #[from(sigmoid, tanh)]
    product: layer::Mul,
    #[bits(weights = 4)]
    out: Dense<8, 4>,
}
}

pub mod activations_a {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [6], bits = 4))]
pub struct ActivationsA {
    #[bits(weights = 4, overflow = calibrated)]
    relu6_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    relu6: Relu6,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    elu_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    elu: Elu,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    selu_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    selu: Selu,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    celu_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    celu: Celu,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    gelu_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    gelu: Gelu,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    gelu_tanh_0: Dense<6, 3>,
    #[bits(output = 4, function = function, table = 5)]
    custom: Custom,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    hardsigmoid_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    hard_tanh: HardTanh,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    hardswish_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    hard_swish: HardSwish,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    hardtanh_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    hard_tanh2: HardTanh,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    leaky_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    leaky_relu: LeakyRelu,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    softplus2_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    softplus: Softplus,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    mish_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    mish: Mish,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    silu_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    silu: Silu,
    #[from(relu6, elu, selu, celu, gelu, custom, hard_tanh, hard_swish, hard_tanh2, leaky_relu, softplus, mish, silu)]
    concat: Concat,
    #[bits(weights = 4)]
    scores: Dense<39, 39>,
}

fn function(x: f32) -> f32 {
    let x = f64::from(x);
    (0.5_f64 * (x * (1.0_f64 + (0.7978845834732056_f64 * (x + (0.044714998453855515_f64 * (x * (x * x))))).tanh()))) as f32
}
}

pub mod activations_b {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [6], bits = 4))]
pub struct ActivationsB {
    #[bits(weights = 4, overflow = calibrated)]
    softsign_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    softsign: Softsign,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    prelu_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    prelu: Prelu,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    prelu_shared_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    leaky_relu: LeakyRelu,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    abs_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    abs: Abs,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    square_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    square: Square,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    power_0: Dense<6, 3>,
    #[bits(output = 4, function = function, table = 5)]
    custom: Custom,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    square2_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    square2: Square,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    exp_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    exp: Exp,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    sign_0: Dense<6, 3>,
    #[bits(table = 5)]
    sign: Sign,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    neg_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    identity: Identity,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    sqrt_0: Dense<6, 3>,
    #[bits(output = 4, function = function2, table = 5)]
    custom2: Custom,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    clamp_min_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    threshold: Threshold,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    clamp_max_0: Dense<6, 3>,
    #[bits(output = 4, function = function3, table = 5)]
    custom3: Custom,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    where_0: Dense<6, 3>,
    #[bits(output = 4, function = function4, table = 5)]
    custom4: Custom,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    scaled_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    tanh: Tanh,
    #[from(softsign, prelu, leaky_relu, abs, square, custom, square2, exp, sign, identity, custom2, threshold, custom3, custom4, tanh)]
    concat: Concat,
    #[bits(weights = 4)]
    scores: Dense<45, 45>,
}

fn function(x: f32) -> f32 {
    let x = f64::from(x);
    x.powf(3.0_f64) as f32
}

fn function2(x: f32) -> f32 {
    let x = f64::from(x);
    (x.abs() + 0.10000000149011612_f64).sqrt() as f32
}

fn function3(x: f32) -> f32 {
    let x = f64::from(x);
    x.min(0.4000000059604645_f64) as f32
}

fn function4(x: f32) -> f32 {
    let x = f64::from(x);
    (if 0.25_f64 < x { x } else { x * (-0.5_f64) }) as f32
}
}

pub mod activations_c {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [6], bits = 4))]
pub struct ActivationsC {
    #[bits(weights = 4, overflow = calibrated)]
    logsigmoid_0: Dense<6, 3>,
    #[bits(output = 4, function = function, table = 5)]
    custom: Custom,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    tanhshrink_0: Dense<6, 3>,
    #[bits(output = 4, function = function2, table = 5)]
    custom2: Custom,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    softshrink_0: Dense<6, 3>,
    #[bits(output = 4, function = function3, table = 5)]
    custom3: Custom,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    hardshrink_0: Dense<6, 3>,
    #[bits(output = 4, function = function4, table = 5)]
    custom4: Custom,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    sin_0: Dense<6, 3>,
    #[bits(output = 4, function = function5, table = 5)]
    custom5: Custom,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    floor_0: Dense<6, 3>,
    #[bits(output = 4, function = function6, table = 5)]
    custom6: Custom,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    round_0: Dense<6, 3>,
    #[bits(output = 4, function = function7, table = 5)]
    custom7: Custom,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    maximum_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    leaky_relu: LeakyRelu,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    handmade_sigmoid_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    sigmoid: Sigmoid,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    log_0: Dense<6, 3>,
    #[bits(output = 4, function = function8, table = 5)]
    custom8: Custom,
    #[from(custom, custom2, custom3, custom4, custom5, custom6, custom7, leaky_relu, sigmoid, custom8)]
    concat: Concat,
    #[bits(weights = 4)]
    scores: Dense<30, 30>,
}

fn function(x: f32) -> f32 {
    let x = f64::from(x);
    (1.0_f64 / (x.exp() + 1.0_f64)).ln() as f32
}

fn function2(x: f32) -> f32 {
    let x = f64::from(x);
    (x - x.tanh()) as f32
}

fn function3(x: f32) -> f32 {
    let x = f64::from(x);
    ((if 0.20000000298023224_f64 < x { x - 0.20000000298023224_f64 } else { 0.0_f64 }) + (if x < (-0.20000000298023224_f64) { x + 0.20000000298023224_f64 } else { 0.0_f64 })) as f32
}

fn function4(x: f32) -> f32 {
    let x = f64::from(x);
    (if (1.0_f64 - f64::from(u8::from(f64::from(u8::from(0.30000001192092896_f64 < x)) == 0.0_f64))).max(1.0_f64 - f64::from(u8::from(f64::from(u8::from(x < (-0.30000001192092896_f64))) == 0.0_f64))) != 0.0 { x } else { 0.0_f64 }) as f32
}

fn function5(x: f32) -> f32 {
    let x = f64::from(x);
    x.sin() as f32
}

fn function6(x: f32) -> f32 {
    let x = f64::from(x);
    x.floor() as f32
}

fn function7(x: f32) -> f32 {
    let x = f64::from(x);
    x.round_ties_even() as f32
}

fn function8(x: f32) -> f32 {
    let x = f64::from(x);
    ((x * x) + 1.0_f64).ln() as f32
}
}

pub mod threshold_dynamo {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [6], bits = 4))]
pub struct ThresholdDynamo {
    #[bits(weights = 4, overflow = calibrated)]
    threshold_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    threshold: Threshold,
    #[from(input)]
    #[bits(weights = 4, overflow = calibrated)]
    relu_0: Dense<6, 3>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    #[from(threshold, relu)]
    concat: Concat,
    #[bits(weights = 4)]
    scores: Dense<6, 6>,
}
}

pub mod keras_cnn {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [1, 8, 8], bits = 4))]
pub struct KerasCnn {
    #[bits(weights = 4, overflow = calibrated)]
    conv: Conv2d<1, 4, 3, 1, 1>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    max_pool: MaxPool2d<2>,
    #[bits(weights = 4, overflow = calibrated)]
    conv2: Conv2d<4, 6, 3>,
    #[bits(output = 4, table = 5)]
    elu: Elu,
    #[bits(weights = 4)]
    dense: Dense<24, 10>,
}
}

pub mod keras_strided {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [1, 8, 8], bits = 4))]
pub struct KerasStrided {
    #[bits(weights = 4, overflow = calibrated)]
    conv: Conv<1, 4, (Axis<3, 2, 0, 1, 1>, Axis<3, 2, 0, 1, 1>)>,
    #[bits(output = 4, table = 5)]
    relu: Relu,
    pool: GlobalAvgPool,
    #[bits(weights = 4)]
    dense: Dense<4, 10>,
}
}

pub mod qat {
use fhe_nn_core::prelude::*;
#[fhe_network(input(shape = [8, 8], bits = 8))]
pub struct Qat {
    #[bits(weights = 3, overflow = calibrated)]
    layer_2: Dense<64, 16>,
    #[bits(output = 4, table = 8)]
    relu: Relu,
    #[bits(weights = 3, overflow = calibrated)]
    layer_4: Dense<16, 12>,
    #[bits(output = 4, table = 8)]
    relu2: Relu,
    #[bits(weights = 3)]
    layer_6: Dense<12, 10>,
}
}
