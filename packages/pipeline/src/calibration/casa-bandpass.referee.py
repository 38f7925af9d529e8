"""CASA's bandpass of a Measurement Set and model, for the test beside this file.

Arguments: the set, which is changed; a file with the model of every row and channel as complex64;
the table to write; the reference antenna's name. Prints the version of casatasks.

CASA would fetch its reference data from the network and write its logs where it stands; here it
reads what package casadata brings and logs nowhere.
"""

import sys

import casadata
import numpy
from casaconfig import config

config.measurespath = casadata.datapath
config.datapath = [casadata.datapath]
config.measures_auto_update = False
config.data_auto_update = False
config.nologfile = True
config.telemetry_enabled = False
config.crashreporter_enabled = False

import casatasks  # noqa: E402  (reads the settings above when it is imported)
from casatools import calibrater, table  # noqa: E402

if len(sys.argv) > 1:
    path, model_path, table_path, reference = sys.argv[1:]
    columns = calibrater()
    columns.open(path, addcorr=False, addmodel=True)
    columns.close()
    main = table()
    main.open(path, nomodify=False)
    polarization_count, channel_count, row_count = main.getcol("DATA").shape
    model = numpy.fromfile(model_path, numpy.complex64).reshape(row_count, channel_count)
    main.putcol("MODEL_DATA", numpy.broadcast_to(
        model.T[numpy.newaxis], (polarization_count, channel_count, row_count)))
    main.close()
    casatasks.bandpass(
        vis=path, caltable=table_path, solint="inf", combine="scan", refant=reference,
        bandtype="B", solnorm=False, minsnr=0.0, minblperant=2, parang=False)
print(casatasks.version_string())
