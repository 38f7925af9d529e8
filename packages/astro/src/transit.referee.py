"""Astropy's transits, kept in transit.referee.json for the test beside this file.

Run with Debian's astropy: /usr/bin/python3 transit.referee.py > transit.referee.json
"""

import json
import warnings

import astropy.units as u
from astropy.coordinates import EarthLocation, HADec, SkyCoord
from astropy.time import Time
from astropy.utils import iers

# Without a network there is no table of recent Earth orientation: use what there is.
iers.conf.auto_download = False
iers.conf.iers_degraded_accuracy = "ignore"
warnings.simplefilter("ignore")

SITE = EarthLocation.from_geodetic(
    -2.064427799136453 * u.rad, 0.6498455107238486 * u.rad, 1188.0519 * u.m
)
SOURCES = {
    "0834+555": (128.728767, 55.572520),
    "3C286": (202.784533, 30.509155),
    "3C48": (24.422081, 33.159759),
    "3C147": (85.650575, 49.852009),
    "3C454.3": (343.490616, 16.148211),
    "3C309.1": (224.781599, 71.672185),
    "near 0 h": (0.285923, 19.242723),
    "just before 24 h": (359.99, -5.0),
}


def hour_angle(sky, mjd):
    time = Time(mjd, format="mjd", scale="utc")
    return sky.transform_to(HADec(obstime=time, location=SITE))


transits = []
for name, (ra_deg, dec_deg) in SOURCES.items():
    sky = SkyCoord(ra_deg * u.deg, dec_deg * u.deg, frame="icrs")
    for after_mjd in (61065.0, 61065.93, 61100.25, 61124.999):
        # Newton's iteration from the hour angle at the start.
        turn = hour_angle(sky, after_mjd).ha.rad / 6.283185307179586
        mjd = after_mjd + (-turn % 1.0) / 1.00273790935
        for _ in range(6):
            turn = hour_angle(sky, mjd).ha.wrap_at(180 * u.deg).rad / 6.283185307179586
            mjd -= turn / 1.00273790935
        place = hour_angle(sky, mjd)
        time = Time(mjd, format="mjd", scale="utc")
        transits.append(
            {
                "name": name,
                "ra_deg": ra_deg,
                "dec_deg": dec_deg,
                "after_mjd": after_mjd,
                "transit_mjd": mjd,
                "dut1_seconds": float(time.delta_ut1_utc),
                "apparent_dec_deg": float(place.dec.deg),
                "sidereal_time_rad": float(
                    time.sidereal_time("apparent", longitude=SITE.lon).rad
                ),
            }
        )

print(json.dumps(transits, indent=1))
