"""python-casacore's view of a K and a G table, for the test beside this file: JSON."""

import json
import sys

from casacore.tables import table


def describe(path, parameter):
    with table(path, ack=False) as main, table(f"{path}/SPECTRAL_WINDOW", ack=False) as window:
        values = main.getcol(parameter)
        parts = [values.real, values.imag] if values.dtype.kind == "c" else [values]
        return {
            "info": main.info(),
            "keywords": {key: main.getkeyword(key) for key in ("ParType", "MSName", "VisCal")},
            "columns": main.colnames(),
            "shape": list(values.shape),
            "type": str(values.dtype),
            "values": [part.ravel().tolist() for part in parts],
            "flags": main.getcol("FLAG").ravel().astype(int).tolist(),
            "snr": main.getcol("SNR").ravel().tolist(),
            "seconds": main.getcol("TIME").tolist(),
            "antenna1": main.getcol("ANTENNA1").tolist(),
            "antenna2": main.getcol("ANTENNA2").tolist(),
            "channel_hz": window.getcol("CHAN_FREQ").ravel().tolist(),
            "channel_count": int(window.getcol("NUM_CHAN")[0]),
        }


print(json.dumps({"K": describe(sys.argv[1], "FPARAM"), "G": describe(sys.argv[2], "CPARAM")}))
