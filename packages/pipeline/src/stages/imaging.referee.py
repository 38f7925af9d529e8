"""What astropy makes of our images: place and time of the centre, frame, unit.

Arguments: paths. Standard output: JSON, one object a file. Any warning is an error: to astropy a
wrong checksum is one.
"""

import json
import sys
import warnings

from astropy import units
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame

warnings.simplefilter("error")
# That the observatory's longitude follows from its X, Y and Z is no fault of the file.
warnings.filterwarnings("ignore", message="(?s).*Set OBSGEO-L")
seen = []
for path in sys.argv[1:]:
    with fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        header = hdus[0].header
        wcs = WCS(header)
        middle = header["NAXIS1"] // 2
        sky = wcs.celestial.pixel_to_world(middle, middle)
        times = [Time(header[f"DATE-{name}"], scale="utc").mjd for name in ("BEG", "AVG", "END")]
        assert times == sorted(times)
        for name, mjd in zip(("BEG", "AVG", "END"), times):
            assert abs(mjd - header[f"MJD-{name}"]) < 1e-8
        seen.append(
            {
                "ra_deg": sky.ra.deg,
                "dec_deg": sky.dec.deg,
                "mjd": header["MJD-AVG"],
                "axes": wcs.naxis,
                "frame": wcs_to_celestial_frame(wcs).name,
                "unit": units.Unit(header["BUNIT"]).to_string(),
            }
        )
print(json.dumps(seen))
