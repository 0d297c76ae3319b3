"""Prints ONNX files compactly: python dump.py FILE..."""
import sys, onnx
from onnx import numpy_helper as nh, TensorProto, helper
def short(t):
    a = nh.to_array(t); s = f"{TensorProto.DataType.Name(t.data_type)}{list(a.shape)}"
    return s + ("=" + str(a.tolist()) if a.size <= 6 else "")
def ty(v):
    t = v.type.tensor_type
    return f"{v.name}:{TensorProto.DataType.Name(t.elem_type)}{[d.dim_param or d.dim_value for d in t.shape.dim]}"
def attr(a):
    v = helper.get_attribute_value(a)
    return f"{a.name}={short(v) if a.type == a.TENSOR else '<graph>' if a.type == a.GRAPH else v}"
for f in sys.argv[1:]:
    m = onnx.load(f); g = m.graph
    print(f"\n== {f} producer={m.producer_name} {m.producer_version} ir={m.ir_version} opsets={[(o.domain, o.version) for o in m.opset_import]} functions={len(m.functions)} meta={[p.key for p in m.metadata_props]}")
    print(" in ", *[ty(v) for v in g.input]); print(" out", *[ty(v) for v in g.output])
    for t in g.initializer: print("   init", t.name, short(t), "raw" if t.HasField("raw_data") else "typed", "EXTERNAL" if t.external_data else "")
    for n in g.node: print(f"   {n.domain + ':' if n.domain else ''}{n.op_type} '{n.name}' {list(n.input)} -> {list(n.output)}", *[attr(a) for a in n.attribute])
