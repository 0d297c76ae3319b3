// The network of the examples at types and traits, which include this file unseen.

/// Tells whether two of three inputs are on.
#[fhe_network(input(shape = [3], bits = 1))]
struct Majority {
    #[bits(weights = 2)]
    sum: Dense<3, 1>,
    #[bits(output = 1)]
    most: Relu,
    #[bits(weights = 2)]
    answer: Dense<1, 1>,
}

fn floats() -> Result<Floats, fhe_nn_core::Error> {
    let mut floats = Floats::new();
    floats.insert("sum.weight", ndarray::arr2(&[[1.0, 1.0, 1.0]]).into_dyn())?;
    floats.insert("sum.bias", ndarray::arr1(&[-1.0]).into_dyn())?;
    floats.insert("answer.weight", ndarray::arr2(&[[1.0]]).into_dyn())?;
    Ok(floats)
}

fn samples() -> ndarray::Array2<f32> {
    ndarray::arr2(&[[0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
}
