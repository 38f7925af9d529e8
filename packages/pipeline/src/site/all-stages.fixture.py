#!/usr/bin/python3
"""A small program of a site for each stage but the solve, whose example is in the documentation.

Needs python3-casacore, python3-astropy and python3-numpy (Debian), and wsclean for images. Shares no
code with the pipeline, except that the conversion is our own command, as a site's wrapper would be.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from casacore import tables

FWHM_PER_SIGMA = 2.354820045


def convert(inputs, _brief, name):
    """argv[1]: node and our command; the set is taken out of a data root of its own."""
    params = {"group_id": inputs["group_id"], "input_paths": inputs["input_paths"]}
    params["flagging"] = inputs["flagging"]
    with tempfile.TemporaryDirectory() as root:
        command = [*sys.argv[1].split(), "run", "convert-uvh5-to-ms", "--no-registry"]
        command += ["--data-root", root, "--params", json.dumps(params)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        for folder, folders, _files in os.walk(root):
            if name in folders:
                shutil.move(os.path.join(folder, name), name)
                return


def flag(inputs, _brief, name):
    """Forgets the flags that are there, and flags the last channel."""
    shutil.copytree(inputs["measurement_set_path"], name)
    with tables.table(name, readonly=False, ack=False) as main:
        flags = np.zeros_like(main.getcol("FLAG"))
        flags[:, -1] = True
        main.putcol("FLAG", flags)


def apply(inputs, _brief, name):
    """V over g1 conj(g2), all receptors and channels, of the one table that was decided."""
    [path] = inputs["calibration_table_paths"]
    with tables.table(path, ack=False) as bandpass:
        order = np.argsort(bandpass.getcol("ANTENNA1"))
        gains = bandpass.getcol("CPARAM")[order]
    shutil.copytree(inputs["measurement_set_path"], name)
    with tables.table(name, readonly=False, ack=False) as main:
        gains1, gains2 = (gains[main.getcol(column)] for column in ("ANTENNA1", "ANTENNA2"))
        main.putcol("DATA", main.getcol("DATA") / (gains1 * np.conj(gains2)))


def image(inputs, brief, _name):
    settings = brief["settings"]
    clean = ["-niter", "500", "-mgain", "0.8", "-auto-threshold", "3"]
    wsclean(inputs, settings["pixel_count"], settings["cell_arcsec"], clean)
    for name in ("image", "residual", "psf"):
        os.rename(f"site-{name}.fits", f"{name}.fits")


def snapshots(inputs, _brief, name):
    with tables.table(inputs["measurement_set_path"], ack=False) as main:
        frames = len(np.unique(main.getcol("TIME")))
    each = ["-niter", "0", "-intervals-out", str(frames)]
    wsclean(inputs, inputs["pixel_count"], inputs["cell_arcsec"], each)
    for frame in range(frames):
        os.rename(f"site-t{frame:04d}-dirty.fits", f"snapshot-{frame:02d}.fits")


def wsclean(inputs, pixels, cell_arcsec, more):
    command = ["wsclean", "-name", "site", "-size", str(pixels), str(pixels)]
    command += ["-scale", f"{cell_arcsec}asec", "-pol", "I", "-j", "1", "-no-update-model-required"]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(
        [*command, *more, inputs["measurement_set_path"]],
        check=True,
        stdout=sys.stderr,
        env=environment,
    )


def detect(inputs, _brief, name):
    """Pixels above the threshold that are the highest of the 5 by 5 around them."""
    pixels, header = plane(inputs["image_path"])
    rms = noise(pixels)
    sky = WCS(header).celestial
    found = []
    for y, x in np.argwhere(pixels > inputs["threshold_sigma"] * rms):
        around = pixels[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
        if pixels[y, x] < around.max():
            continue
        ra, dec = sky.wcs_pix2world(x, y, 0)
        peak = float(pixels[y, x])
        place = {"ra_deg": float(ra), "dec_deg": float(dec)}
        found.append({**place, "peak_jy": peak, "snr": peak / rms, "local_rms_jy": rms})
    write(name, found)


def measure(inputs, _brief, name):
    """The beam's matched filter at each place of the catalogue."""
    pixels, header = plane(inputs["corrected_image_path"])
    sky = WCS(header).celestial
    major, minor = (
        header[card] / abs(header["CDELT1"]) / FWHM_PER_SIGMA for card in ("BMAJ", "BMIN")
    )
    angle = np.radians(header["BPA"])
    rms = noise(pixels)
    frequency = float(header.get("RESTFRQ", header.get("CRVAL3")))
    sources, measurements = [], []
    catalogue = np.genfromtxt(
        inputs["catalog_path"], delimiter=",", names=True, dtype=None, encoding="utf8"
    )
    for row in np.atleast_1d(catalogue):
        ra, dec = float(row["ra_deg"]), float(row["dec_deg"])
        x, y = (float(value) for value in sky.wcs_world2pix(ra, dec, 0))
        rows, columns = np.mgrid[0 : pixels.shape[0], 0 : pixels.shape[1]]
        # East is to the left.
        east, north = x - columns, rows - y
        along = north * np.cos(angle) + east * np.sin(angle)
        across = east * np.cos(angle) - north * np.sin(angle)
        distance2 = (along / major) ** 2 + (across / minor) ** 2
        kernel = np.exp(-distance2 / 2) * (distance2 < 9)
        flux = float(np.nansum(pixels * kernel) / np.sum(kernel**2))
        common = {"source_name": str(row["name"]), "ra_deg": ra, "dec_deg": dec}
        catalog_flux = float(row["flux_jy"])
        sources.append(
            {
                **common,
                "flux_jy": catalog_flux,
                "reference_frequency_hz": float(row["reference_frequency_hz"]),
                "spectral_index": float(row["spectral_index"]),
            }
        )
        measurements.append(
            {
                **common,
                "mjd": float(header["MJD-AVG"]),
                "frequency_hz": frequency,
                "flux_jy": flux,
                "flux_error_jy": rms,
                "snr": flux / rms,
                "local_rms_jy": rms,
                "catalog_flux_jy": catalog_flux,
                "offset_arcsec": None,
            }
        )
    write(name, {"sources": sources, "measurements": measurements, "skipped_count": 0})


def plane(path):
    with fits.open(path) as file:
        return np.squeeze(file[0].data).astype(float), file[0].header


def noise(pixels):
    usable = pixels[np.isfinite(pixels)]
    return float(1.4826 * np.median(np.abs(usable - np.median(usable))))


def write(name, value):
    with open(name, "w", encoding="utf8") as file:
        json.dump(value, file)


STAGES = {
    "convert-uvh5-to-ms": convert,
    "flag-thorough": flag,
    "calibration-apply": apply,
    "imaging": image,
    "snapshots": snapshots,
    "validation": detect,
    "photometry": measure,
}

request = json.load(sys.stdin)
STAGES[request["stage"]](request["inputs"], request["brief"], request["files"][0]["name"])
print(json.dumps({"result": {"version": "site 1.0"}}), flush=True)
