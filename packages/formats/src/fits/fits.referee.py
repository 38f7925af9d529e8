"""Astropy's reading of our FITS files, and files of its own for us to read.

Arguments: the folder, and the names of our image and table in it. Standard output: JSON.
"""

import json
import sys
import warnings

import numpy as np
from astropy.io import fits

folder, image_name, table_name = sys.argv[1:]
warnings.simplefilter("error")  # a wrong checksum is only a warning to astropy
with fits.open(f"{folder}/{image_name}", checksum=True) as hdus:
    hdus.verify("exception")
    header = hdus[0].header
    image = {
        "shape": list(hdus[0].data.shape),
        "first_row": [None if np.isnan(v) else float(v) for v in hdus[0].data[..., 0, :].ravel()],
        "second_row": [None if np.isnan(v) else float(v) for v in hdus[0].data[..., 1, :].ravel()],
        "object": header["OBJECT"],
        "bmaj": header["BMAJ"],
        "flag": header["FLAG"],
        "history": list(header["HISTORY"]),
    }
with fits.open(f"{folder}/{table_name}", checksum=True) as hdus:
    hdus.verify("exception")
    rows = hdus["SOURCES"].data
    table = {
        "columns": hdus["SOURCES"].columns.names,
        "units": [str(u) for u in hdus["SOURCES"].columns.units],
        "ra": rows["ra_deg"].tolist(),
        "names": rows["name"].tolist(),
    }

values = np.arange(12, dtype=float).reshape(3, 4) - 3
fits.writeto(f"{folder}/f64.fits", values, overwrite=True)
scaled = fits.PrimaryHDU(values.astype("i2"))
scaled.header["BSCALE"] = 0.5
scaled.header["BZERO"] = 10.0
scaled.header["BLANK"] = -3
scaled.writeto(f"{folder}/i16.fits", overwrite=True)
fits.writeto(f"{folder}/cube.fits", np.zeros((2, 3, 4), "f4"), overwrite=True)
print(json.dumps({"image": image, "table": table}))
