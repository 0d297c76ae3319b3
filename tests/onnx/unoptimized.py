"""What onnxruntime computes for a model without optimizations, for the scripts of this folder and of ../cases."""

import onnxruntime


def session(model):
    """The session of a model, given as a message or as bytes."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    data = model if isinstance(model, bytes) else model.SerializeToString()
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def run(model, rows):
    """The first output for each input, which has the shape that the model takes."""
    own = session(model)
    name = own.get_inputs()[0].name
    return [own.run(None, {name: row})[0] for row in rows]
