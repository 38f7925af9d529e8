#!/usr/bin/python3
"""Solves a bandpass in place of the stage calibration-solve.

Needs python3-casacore and python3-numpy (Debian). Reads the request on standard input, writes
<group>.bcal into the stage folder, says progress and a result on standard output. It averages the
observation in time, fits each channel and receptor with StefCal (Salvini & Wijnholds 2014), and
flags antennas without data. Everything else (the quality gate, publishing, registering the
calibration) is the pipeline's.
"""

import json
import os
import sys

import numpy as np
from casacore import tables

SPEED_OF_LIGHT_M_S = 299_792_458.0
ITERATIONS_MAX = 200
TOLERANCE = 1e-6
#: CORR_TYPE of products of two equal receptors: RR, LL, XX, YY.
PARALLEL = (5, 8, 9, 12)


def say(**message):
    print(json.dumps(message), flush=True)


def refuse(message, tag, error_class="fatal"):
    """Ends the run; a tag of the pipeline's own table keeps its meaning there."""
    say(error={"class": error_class, "tag": tag, "message": message})
    sys.exit(1)


def subtable(path, name):
    return tables.table(f"{path}/{name}", ack=False)


def model_of(sources, center, uvw, frequency_hz):
    """[row, channel]: the sum over sources, seen from the phase center, in Jy."""
    ra0, dec0 = center
    model = np.zeros((len(uvw), len(frequency_hz)), complex)
    for source in sources:
        ra, dec = np.radians(source["ra_deg"]), np.radians(source["dec_deg"])
        l = np.cos(dec) * np.sin(ra - ra0)
        m = np.sin(dec) * np.cos(dec0) - np.cos(dec) * np.sin(dec0) * np.cos(ra - ra0)
        n = np.sin(dec) * np.sin(dec0) + np.cos(dec) * np.cos(dec0) * np.cos(ra - ra0)
        path_m = uvw @ np.array([l, m, n - 1])
        turns = np.outer(path_m, frequency_hz) / SPEED_OF_LIGHT_M_S
        model += np.array(source["apparent_flux_jy"]) * np.exp(2j * np.pi * turns)
    return model


def sums(request):
    """Sums of V conj(M) and |M|^2 over the observation: [antenna, antenna, channel, receptor]."""
    path = request["inputs"]["measurement_set_path"]
    frequency_hz = subtable(path, "SPECTRAL_WINDOW").getcell("CHAN_FREQ", 0)
    center = subtable(path, "FIELD").getcell("PHASE_DIR", 0)[0]
    types = subtable(path, "POLARIZATION").getcell("CORR_TYPE", 0)
    hands = [at for at, kind in enumerate(types) if kind in PARALLEL]
    antennas = subtable(path, "ANTENNA").nrows()
    shape = (antennas, antennas, len(frequency_hz), len(hands))
    cross, power = np.zeros(shape, complex), np.zeros(shape)
    main = tables.table(path, ack=False)
    times = np.unique(main.getcol("TIME"))
    for index, part in enumerate(main.iter("TIME")):
        a1, a2 = part.getcol("ANTENNA1"), part.getcol("ANTENNA2")
        keep = a1 != a2
        model = model_of(request["brief"]["sources"], center, part.getcol("UVW"), frequency_hz)
        good = ~part.getcol("FLAG")[:, :, hands]
        weighted = part.getcol("DATA")[:, :, hands] * np.conj(model)[:, :, None] * good
        strength = (np.abs(model) ** 2)[:, :, None] * good
        for row in np.flatnonzero(keep):
            p, q = a1[row], a2[row]
            cross[p, q] += weighted[row]
            cross[q, p] += np.conj(weighted[row])
            power[p, q] += strength[row]
            power[q, p] += strength[row]
        say(progress=0.8 * (index + 1) / len(times), note=f"integration {index + 1}")
    return cross, power


def stefcal(cross, power):
    """Gains [antenna] with cross[p, q] = g[p] conj(g[q]) power[p, q]."""
    active = power.sum(axis=1) > 0
    scale = np.sqrt(np.abs(cross).sum() / max(power.sum(), 1e-30))
    gains = np.where(active, scale, 0).astype(complex)
    for iteration in range(ITERATIONS_MAX):
        last = gains.copy()
        below = (power * np.abs(gains) ** 2).sum(axis=1)
        gains = np.where(below > 0, (cross @ gains) / np.where(below > 0, below, 1), 0)
        if iteration % 2 == 1:
            gains = (gains + last) / 2
            if np.linalg.norm(gains - last) <= TOLERANCE * np.linalg.norm(gains):
                return gains, active, True
    return gains, active, False


def solve(cross, power, reference):
    """[antenna, channel, receptor] gains, errors and flags, and the share that did not converge."""
    antennas, _, channels, receptors = cross.shape
    gains = np.ones((antennas, channels, receptors), complex)
    errors = np.zeros((antennas, channels, receptors))
    flags = np.ones((antennas, channels, receptors), bool)
    failed = 0
    for channel in range(channels):
        for receptor in range(receptors):
            data, weight = cross[:, :, channel, receptor], power[:, :, channel, receptor]
            found, active, converged = stefcal(data, weight)
            if not converged or not active[reference]:
                failed += 1
                continue
            found = found * np.exp(-1j * np.angle(found[reference]))
            misfit = (np.abs(data - np.outer(found, np.conj(found)) * weight) ** 2)
            noise = np.sqrt(misfit.sum() / max(weight.sum(), 1e-30))
            inverse = np.maximum((weight * np.abs(found) ** 2).sum(axis=1), 1e-30)
            gains[active, channel, receptor] = found[active]
            errors[active, channel, receptor] = (noise / np.sqrt(inverse))[active]
            flags[:, channel, receptor] = ~active
    return gains, errors, flags, failed / (channels * receptors)


COLUMNS = [
    ("TIME", "double"), ("FIELD_ID", "int"), ("SPECTRAL_WINDOW_ID", "int"), ("ANTENNA1", "int"),
    ("ANTENNA2", "int"), ("INTERVAL", "double"), ("SCAN_NUMBER", "int"), ("OBSERVATION_ID", "int"),
]
CELLS = [("CPARAM", "complex"), ("PARAMERR", "float"), ("FLAG", "boolean"), ("SNR", "float"),
         ("WEIGHT", "float")]


def write(path, set_path, solution, reference):
    """A B Jones table in CASA's layout: one row an antenna, cells [channel, receptor]."""
    gains, errors, flags = solution
    samples = {"double": 0.0, "int": 0, "complex": 0j, "float": 0.0, "boolean": False}
    # The value types of makescacoldesc and makearrcoldesc follow from such a sample.
    columns = [tables.makescacoldesc(name, samples[kind], valuetype=kind) for name, kind in COLUMNS]
    columns += [
        tables.makearrcoldesc(name, samples[kind], ndim=-1, valuetype=kind) for name, kind in CELLS
    ]
    table = tables.table(path, tables.maketabdesc(columns), nrow=len(gains), ack=False)
    table.putinfo({"type": "Calibration", "subType": "B Jones"})
    main = tables.table(set_path, ack=False)
    times, interval = main.getcol("TIME"), main.getcell("INTERVAL", 0)
    for antenna in range(len(gains)):
        table.putcell("TIME", antenna, (times.min() + times.max()) / 2)
        table.putcell("INTERVAL", antenna, times.max() - times.min() + interval)
        table.putcell("ANTENNA1", antenna, antenna)
        table.putcell("ANTENNA2", antenna, reference)
        table.putcell("SCAN_NUMBER", antenna, 1)
        table.putcell("CPARAM", antenna, gains[antenna].astype(np.complex64))
        table.putcell("PARAMERR", antenna, errors[antenna].astype(np.float32))
        table.putcell("FLAG", antenna, flags[antenna])
        ratio = np.abs(gains[antenna]) / np.maximum(errors[antenna], 1e-30)
        table.putcell("SNR", antenna, np.where(flags[antenna], 0, ratio).astype(np.float32))
    keywords = {"ParType": "Complex", "MSName": os.path.basename(set_path), "VisCal": "B Jones",
                "PolBasis": "unknown"}
    for name, value in keywords.items():
        table.putkeyword(name, value)
    for name in ("OBSERVATION", "ANTENNA", "FIELD", "SPECTRAL_WINDOW", "HISTORY"):
        subtable(set_path, name).copy(f"{path}/{name}", deep=True).close()
        table.putkeyword(name, f"Table: {path}/{name}")
    table.close()


def main():
    request = json.load(sys.stdin)
    set_path = request["inputs"]["measurement_set_path"]
    names = list(subtable(set_path, "ANTENNA").getcol("NAME"))
    cross, power = sums(request)
    has_data = power.sum(axis=(1, 2, 3)) > 0
    if not has_data.any():
        refuse(f"{set_path}: every visibility is flagged", "TooFewVisibilities")
    # Those the array prefers, then whoever saw most.
    wanted = [names.index(name) for name in request["brief"]["reference_antennas"]]
    wanted += list(np.argsort(-power.sum(axis=(1, 2, 3))))
    reference = int(next(one for one in wanted if has_data[one]))
    gains, errors, flags, unconverged = solve(cross, power, reference)
    target = os.path.join(request["stage_folder"], request["files"][0]["name"])
    write(target, set_path, (gains, errors, flags), reference)
    say(result={"metrics": {"unconverged_fraction": unconverged}, "version": "example 1"})


if __name__ == "__main__":
    main()
