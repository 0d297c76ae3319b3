"""Writes the operators of ONNX with their attributes, for the test that no attribute of an accepted one is ignored.

    python schema.py > schema.txt

Needs onnx and onnxruntime, whose versions the first line names. One line for each set of attributes that an operator has
had in the opsets that are read (9 and later): domain, name, first and last opset, and attributes as NAME:TYPE=DEFAULT. A
type is one of i, f, s, t, g (integer, real, text, tensor, graph), with * for lists, or - for any other.
"""
import onnx, onnxruntime
from onnx import defs

OLDEST = 9
LETTERS = {"INT": "i", "FLOAT": "f", "STRING": "s", "TENSOR": "t", "GRAPH": "g",
           "INTS": "i*", "FLOATS": "f*", "STRINGS": "s*", "TENSORS": "t*", "GRAPHS": "g*"}
# QONNX has no schemas; these are its operators as its documentation defines them
QONNX = ["qonnx.custom_op.general BipolarQuant 1 -",
         "qonnx.custom_op.general IntQuant 1 - narrow:i=0 rounding_mode:s=ROUND signed:i=1",
         "qonnx.custom_op.general Quant 1 - narrow:i=0 rounding_mode:s=ROUND signed:i=1",
         "qonnx.custom_op.general Trunc 1 - rounding_mode:s=FLOOR"]


def attribute(name, kind, default):
    text = f"{name}:{LETTERS.get(kind.name, '-')}"
    if default is None or not default.type:
        return text
    value = onnx.helper.get_attribute_value(default)
    if kind.name == "STRING":
        return f"{text}={value.decode()}"
    if kind.name == "FLOAT":
        return f"{text}={float(f'{value:.7g}')!r}"
    if kind.name in ("INT", "INTS"):
        return f"{text}={','.join(map(str, value if isinstance(value, list) else [value]))}"
    return text


def default_of(value):
    """The default of an attribute of onnxruntime, whose schemas hold it as bytes."""
    if not value:
        return None
    made = onnx.AttributeProto()
    made.ParseFromString(value)
    return made


def lines():
    forms = {}
    for schema in defs.get_all_schemas_with_history():
        if schema.domain in ("", "ai.onnx.ml"):
            own = [(a.name, a.type, a.default_value) for a in schema.attributes.values()]
            forms.setdefault((schema.domain, schema.name), {})[schema.since_version] = (schema.deprecated, own)
    for schema in onnxruntime.capi.onnxruntime_pybind11_state.get_all_operator_schema():
        if schema.domain == "com.microsoft":
            own = [(a.name, a.type, default_of(a._default_value)) for a in schema.attributes.values()]
            forms.setdefault((schema.domain, schema.name), {})[schema.since_version] = (False, own)
    for (domain, name), versions in forms.items():
        rows = []
        for version in sorted(versions):
            deprecated, attributes = versions[version]
            own = ["deprecated"] if deprecated else sorted(attribute(*each) for each in attributes)
            # most forms differ in their types alone
            if not rows or rows[-1][1] != own:
                rows.append((version, own))
        for index, (version, own) in enumerate(rows):
            last = rows[index + 1][0] - 1 if index + 1 < len(rows) else "-"
            if domain or last == "-" or last >= OLDEST:
                yield " ".join([domain or "ai.onnx", name, str(version), str(last), *own])
    yield from QONNX


print(f"# onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}; written by schema.py")
print("\n".join(sorted(lines())))
