"""Independent reader for the tests: what h5py finds in a file, as JSON."""
import hashlib
import json
import sys

import h5py

report = {}


def visit(name, item):
    if not isinstance(item, h5py.Dataset):
        return
    entry = {
        "dtype": str(item.dtype),
        "shape": list(item.shape),
        "maxshape": list(item.maxshape),
        "chunks": list(item.chunks) if item.chunks else None,
        "isVariableString": h5py.check_string_dtype(item.dtype) is not None
        and h5py.check_string_dtype(item.dtype).length is None,
    }
    if item.dtype.kind in "cfib":
        entry["sha256"] = hashlib.sha256(item[()].tobytes()).hexdigest()
    if item.dtype.kind in "SO":
        values = item[()]
        entry["text"] = values.decode() if isinstance(values, bytes) else [v.decode() for v in values]
    if item.dtype.kind in "fi" and item.size <= 300:
        entry["values"] = item[()].tolist()
    report[name] = entry


with h5py.File(sys.argv[1], "r") as file:
    file.visititems(visit)
print(json.dumps(report))
