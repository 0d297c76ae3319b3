//! Layers of other frameworks that no field has here, and what becomes of them.

/// What to do instead of a field `name` of a layer that other frameworks have.
pub(super) fn instead(layer: &str, name: &str) -> Option<String> {
    let without = |why: &str| Some(format!("leave `{name}` out: {why}"));
    match layer {
        "Softmax" | "LogSoftmax" => {
            without("it is the client's, who computes it of the scores after decrypting them")
        }
        "ArgMax" | "Argmax" => {
            without("it is the client's, who finds the greatest of the decrypted scores")
        }
        "BatchNorm" | "BatchNorm1d" | "BatchNorm2d" | "BatchNormalization" => without(
            "it goes into the weights of the layer before it; `import` folds that of an ONNX model",
        ),
        "Dropout" | "Dropout1d" | "Dropout2d" => without("it does nothing after training"),
        "LayerNorm" | "GroupNorm" | "InstanceNorm1d" | "InstanceNorm2d" | "RMSNorm" => without(
            "it divides by encrypted values; train with batch normalization, which `import` folds into weights",
        ),
        "LSTM" | "GRU" | "RNN" | "Lstm" | "Gru" | "Rnn" => {
            without("recurrent networks are not supported; `Conv1d` over the same steps is")
        }
        _ => None,
    }
}
