/** Measurement Sets and calibration tables through casacore. */
