"""Astropy's pixel and sky coordinates for the headers on standard input. Standard output: JSON."""

import json
import sys
import warnings

from astropy.io import fits
from astropy.wcs import WCS

warnings.simplefilter("ignore")
answers = []
for case in json.load(sys.stdin):
    wcs = WCS(fits.Header(case["cards"]))
    x, y = zip(*case["pixels"])
    ra, dec = wcs.wcs_pix2world(x, y, 0)
    answers.append([[float(r) % 360, float(d)] for r, d in zip(ra, dec)])
print(json.dumps(answers))
