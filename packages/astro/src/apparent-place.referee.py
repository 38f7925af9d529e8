"""Astropy's hour angles and declinations, for the test beside this file. Standard output: JSON."""

import json
import warnings

import astropy.units as u
from astropy.coordinates import EarthLocation, HADec, SkyCoord
from astropy.coordinates.builtin_frames import utils
from astropy.time import Time
from astropy.utils import iers

# Without a network there is no table of recent Earth orientation: use what there is.
iers.conf.auto_download = False
iers.conf.iers_degraded_accuracy = "ignore"
warnings.simplefilter("ignore")

site = EarthLocation.from_geodetic(-118.283 * u.deg, 37.2334 * u.deg, 1188 * u.m)
places = []
for mjd in (60676.1, 60800.37, 60951.22, 61065.9, 61200.5, 61365.75):
    time = Time(mjd, format="mjd", scale="utc")
    for dec_deg in (-20, 10, 37.2, 54.6, 80):
        for ra_deg in (3, 100, 200, 300):
            sky = SkyCoord(ra_deg * u.deg, dec_deg * u.deg, frame="icrs")
            place = sky.transform_to(HADec(obstime=time, location=site))
            places.append(
                {
                    "mjd": mjd,
                    "dut1_seconds": float(time.delta_ut1_utc),
                    "ra_deg": ra_deg,
                    "dec_deg": dec_deg,
                    "hour_angle_rad": float(place.ha.rad),
                    "apparent_dec_rad": float(place.dec.rad),
                }
            )

print(
    json.dumps(
        {
            "site_m": [site.x.to_value(u.m), site.y.to_value(u.m), site.z.to_value(u.m)],
            "pole_arcsec": list(utils._DEFAULT_PM.to_value(u.arcsec)),
            "places": places,
        }
    )
)
