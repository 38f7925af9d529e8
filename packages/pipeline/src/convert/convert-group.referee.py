"""What a Measurement Set should hold, worked out from the UVH5 files by other software.

h5py reads the files, astropy does the astronomy, python-casacore reads the Measurement Set.
Arguments: the Measurement Set, UT1-UTC in seconds, the subband files. Standard output: JSON of
the largest differences, for the test beside this file to judge.
"""

import json
import sys
import warnings

import astropy.units as u
import casacore.tables as ct
import h5py
import numpy as np
from astropy.coordinates import EarthLocation, HADec, SkyCoord
from astropy.coordinates.builtin_frames import utils
from astropy.time import Time
from astropy.utils import iers

LIGHT_M_S = 299792458.0
iers.conf.auto_download = False
iers.conf.iers_degraded_accuracy = "ignore"
# The mean pole of 2026 (IERS Conventions 2010, update of 2018, eq. 21), for dates without a table.
utils._DEFAULT_PM = (0.0986, 0.4105) * u.arcsec
warnings.simplefilter("ignore")

ms_path, dut1_seconds, *uvh5_paths = sys.argv[1:]
files = sorted(
    (h5py.File(path, "r") for path in uvh5_paths), key=lambda f: np.min(f["Header/freq_array"])
)
header = files[0]["Header"]
time_count, baseline_count = int(header["Ntimes"][()]), int(header["Nbls"][()])
site = EarthLocation.from_geodetic(
    header["longitude"][()] * u.deg, header["latitude"][()] * u.deg, header["altitude"][()] * u.m
)
jd = header["time_array"][::baseline_count]
times = Time(jd, format="jd", scale="utc")
times.delta_ut1_utc = np.full(time_count, float(dut1_seconds))
mid = Time((jd[0] + jd[-1]) / 2, format="jd", scale="utc")
mid.delta_ut1_utc = float(dut1_seconds)

index_of = {int(number): index for index, number in enumerate(header["antenna_numbers"][()])}
antenna1 = np.array([index_of[int(n)] for n in header["ant_1_array"][:baseline_count]])
antenna2 = np.array([index_of[int(n)] for n in header["ant_2_array"][:baseline_count]])
offsets_m = header["antenna_positions"][()]
# Hour angles are counted from the site's meridian: turn x into it.
longitude = site.lon.rad
turn = np.array(
    [
        [np.cos(longitude), np.sin(longitude), 0],
        [-np.sin(longitude), np.cos(longitude), 0],
        [0, 0, 1],
    ]
)
local_m = offsets_m @ turn.T


def direction(hour_angle, dec):
    return np.array(
        [np.cos(dec) * np.cos(hour_angle), -np.cos(dec) * np.sin(hour_angle), np.sin(dec)]
    )


def hour_angle_dec(sky, time):
    place = sky.transform_to(HADec(obstime=time, location=site))
    return place.ha.rad, place.dec.rad


def table(name=""):
    return ct.table(ms_path + name, ack=False)


main = table()
field = table("/FIELD").getcol("PHASE_DIR").reshape(2)
center = SkyCoord(*field * u.rad, frame="icrs")
keywords = header["extra_keywords"] if "extra_keywords" in header else {}
is_drift = "phase_center_dec" in keywords
pointing_dec = float(keywords["phase_center_dec"][()]) if is_drift else site.lat.rad
meridian = SkyCoord(
    ha=0 * u.rad, dec=pointing_dec * u.rad, frame=HADec(obstime=mid, location=site)
).transform_to("icrs")

frequency_hz = np.concatenate([np.sort(np.ravel(f["Header/freq_array"][()])) for f in files])
codes = header["polarization_array"][()]
order = [list(codes).index(code) for code in (-5, -7, -8, -6) if code in codes]
correlation_types = [{-5: 9, -7: 10, -8: 11, -6: 12}[int(codes[k])] for k in order]


def read(name, rows):
    parts = []
    for f in files:
        part = f["Data"][name][rows]
        part = part.reshape(part.shape[0], part.shape[-2], part.shape[-1])
        if np.ravel(f["Header/freq_array"][()])[0] > np.ravel(f["Header/freq_array"][()])[-1]:
            part = part[:, ::-1]
        parts.append(part[:, :, order])
    return np.concatenate(parts, axis=1)


uvw_error_m = 0.0
vis_error = 0.0
worst_unturned = 0.0
flag_errors = 0
for step in range(time_count):
    rows = slice(step * baseline_count, (step + 1) * baseline_count)
    hour_angle, dec = hour_angle_dec(center, times[step])
    north = SkyCoord(center.ra, center.dec + 1 * u.arcsec, frame="icrs")
    north_hour_angle, north_dec = hour_angle_dec(north, times[step])
    w_axis = direction(hour_angle, dec)
    v_axis = direction(north_hour_angle, north_dec) - w_axis
    v_axis /= np.linalg.norm(v_axis)
    axes = np.array([np.cross(v_axis, w_axis), v_axis, w_axis])
    antenna_uvw = local_m @ axes.T
    uvw = antenna_uvw[antenna2] - antenna_uvw[antenna1]
    ms_uvw = main.getcol("UVW", rows.start, baseline_count)
    uvw_error_m = max(uvw_error_m, np.abs(ms_uvw + uvw).max())

    old_axis = direction(0, pointing_dec) if is_drift else np.zeros(3)
    path_m = (local_m @ (w_axis - old_axis))
    path_m = path_m[antenna2] - path_m[antenna1]
    turn_back = np.exp(-2j * np.pi * path_m[:, None] * frequency_hz[None] / LIGHT_M_S)
    vis = read("visdata", rows)
    expected = np.conj(vis * turn_back[:, :, None])
    data = main.getcol("DATA", rows.start, baseline_count)
    scale = np.sqrt(np.mean(np.abs(vis) ** 2))
    vis_error = max(vis_error, float(np.abs(data - expected).max() / scale))
    # With the Measurement Set's own w, turning back must give the very values of the file.
    own_path_m = -ms_uvw[:, 2] - (local_m @ old_axis)[antenna2] + (local_m @ old_axis)[antenna1]
    own_turn = np.exp(2j * np.pi * own_path_m[:, None] * frequency_hz[None] / LIGHT_M_S)
    back = np.conj(data) * own_turn[:, :, None]
    size = np.maximum(np.abs(vis), 1e-30)
    worst_unturned = max(worst_unturned, float((np.abs(back - vis) / size).max()))
    bad = read("flags", rows) | (read("nsamples", rows) == 0)
    flag_errors += int((bad != main.getcol("FLAG", rows.start, baseline_count)).sum())

antenna = table("/ANTENNA")
positions_m = offsets_m + np.array([site.x.value, site.y.value, site.z.value])
window = table("/SPECTRAL_WINDOW")
expected_seconds = np.repeat((jd - 2400000.5) * 86400, baseline_count)
print(
    json.dumps(
        {
            "row_count": main.nrows(),
            "columns": main.colnames(),
            "time_error_s": float(np.abs(main.getcol("TIME") - expected_seconds).max()),
            "interval_error_s": float(
                np.abs(main.getcol("INTERVAL") - header["integration_time"][()]).max()
            ),
            "antenna_errors": int(
                (main.getcol("ANTENNA1") != np.tile(antenna1, time_count)).sum()
                + (main.getcol("ANTENNA2") != np.tile(antenna2, time_count)).sum()
            ),
            "position_error_m": float(np.abs(antenna.getcol("POSITION") - positions_m).max()),
            "names_equal": antenna.getcol("NAME")
            == [name.decode() for name in header["antenna_names"][()]],
            "frequency_error_hz": float(
                np.abs(window.getcol("CHAN_FREQ").ravel() - frequency_hz).max()
            ),
            "is_ascending": bool(np.all(np.diff(window.getcol("CHAN_FREQ").ravel()) > 0)),
            "correlation_types_equal": list(table("/POLARIZATION").getcol("CORR_TYPE").ravel())
            == correlation_types,
            "center_error_arcsec": float(center.separation(meridian).arcsec),
            "uvw_error_m": float(uvw_error_m),
            "vis_error": vis_error,
            "unturned_error": worst_unturned,
            "flag_errors": flag_errors,
        }
    )
)
