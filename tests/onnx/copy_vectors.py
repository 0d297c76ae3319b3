"""Copies the small node tests of the onnx package's backend test data (Apache-2.0), for the
operators that an importer of encrypted networks reads, to ./vectors.

    python copy_vectors.py SITE/onnx/backend/test/data/node LICENSE OUT
"""
import collections, pathlib, re, shutil, sys
import onnx
from onnx import TensorProto as T

OPS = set("""Relu LeakyRelu PRelu Elu Selu Celu Gelu Mish Sigmoid HardSigmoid HardSwish Tanh Clip Softplus Softsign
Exp Abs Sign ThresholdedRelu Neg Identity Add Sub Mul Div Concat Flatten Reshape Transpose Squeeze Unsqueeze Gather
Conv AveragePool MaxPool GlobalAveragePool GlobalMaxPool BatchNormalization Gemm MatMul ReduceMean ReduceSum ReduceMax
Pad Pow Sqrt Dropout Constant Cast QuantizeLinear DequantizeLinear Split Slice
Erf Log Reciprocal Floor Round Sin Swish""".split())
TYPES = {T.FLOAT, T.INT64, T.INT8, T.UINT8}
LIMIT = 30_000

def size(folder):
    return sum(f.stat().st_size for f in [folder / "model.onnx", *(folder / "test_data_set_0").iterdir()])

source, licence, out = map(pathlib.Path, sys.argv[1:])
shutil.rmtree(out, ignore_errors=True)
out.mkdir()
shutil.copy(licence, out / "LICENSE")
chosen = []
for folder in sorted(source.iterdir()):
    base = re.sub(r"_expanded.*", "", folder.name)
    main = source / base if (source / base).exists() else folder
    nodes = onnx.load(main / "model.onnx").graph.node
    if len(nodes) != 1 or nodes[0].op_type not in OPS or nodes[0].domain not in ("", "ai.onnx"):
        continue
    if any(a.name == "training_mode" and a.i for a in nodes[0].attribute) or "training" in base:
        continue
    g = onnx.load(folder / "model.onnx").graph
    values = [v.type for v in [*g.input, *g.output]]
    if not all(t.HasField("tensor_type") and t.tensor_type.elem_type in TYPES for t in values):
        continue
    if not all((folder / "test_data_set_0" / f"{k}_{i}.pb").exists()
               for k, vs in [("input", g.input), ("output", g.output)] for i in range(len(vs))):
        continue
    if size(folder) < LIMIT:
        chosen.append((size(folder), folder, nodes[0].op_type))
total, n = 0, collections.Counter()
for s, folder, op in sorted(chosen):
    if total + s > 690_000:
        print("left out for size:", s, folder.name)
        continue
    total += s
    n[op] += 1
    to = out / folder.name
    (to).mkdir()
    shutil.copy(folder / "model.onnx", to)
    shutil.copytree(folder / "test_data_set_0", to / "test_data_set_0")
print(sum(n.values()), "folders", total, "bytes")
print(" ".join(f"{k}:{v}" for k, v in sorted(n.items())), "missing:", *sorted(OPS - set(n)))
