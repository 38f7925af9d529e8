/** Pure numerics of radio interferometry: no files, no network, no clock, no database. */
export {
  ARCSEC_RAD,
  DEGREE_RAD,
  formatDegrees,
  formatHours,
  parseDegrees,
  parseHours,
  separationRad,
  wrapHalfTurn,
  wrapTurn,
} from "./angle.ts";
export { apparentHourAngleDec, earthOrientation, icrsOfHourAngleDec } from "./apparent-place.ts";
export { unitVector } from "./apparent-place.ts";
export type { EarthOrientation, HourAngleDec, PolarMotion, RaDec } from "./apparent-place.ts";
export { ecefToGeodetic, ecefToLocal, geodeticToEcef, localToEcef } from "./geodesy.ts";
export type { Site } from "./geodesy.ts";
export { airyPower, besselJ1, DISH_DIAMETER_M, SPEED_OF_LIGHT_M_S } from "./primary-beam.ts";
export { localMeanSiderealTime } from "./sidereal.ts";
export { localApparentSiderealTime, nextTransit, transitsDuring } from "./transit.ts";
export type { Transit } from "./transit.ts";
export {
  MJD_OF_JD_ZERO,
  mjdFromUnixMs,
  SECONDS_PER_DAY,
  terrestrialCenturies,
  unixMsFromMjd,
} from "./time.ts";
export { antennaUvw, framePositionAngle, uvwBasis } from "./uvw.ts";
export { crossmatch, offsetRad } from "./catalog/crossmatch.ts";
export type { CatalogPosition, Match } from "./catalog/crossmatch.ts";
export { PERLEY_BUTLER_2017, polynomialFluxJy, polynomialIndex } from "./catalog/flux-scale.ts";
export type { FluxPolynomial } from "./catalog/flux-scale.ts";
export { beamKernel, beamValue, placeErrorRad } from "./image/beam.ts";
export type { Beam, BeamKernel } from "./image/beam.ts";
export { solveInPlace } from "./cholesky.ts";
export { commonBeam } from "./image/common-beam.ts";
export { beamMap, beamResponse } from "./image/drift-beam.ts";
export type { BeamScan, Pointing } from "./image/drift-beam.ts";
export { findSources } from "./image/find-sources.ts";
export type { DetectedSource, FinderOptions } from "./image/find-sources.ts";
export { fitComponents } from "./image/fit-gaussian.ts";
export { measureNoiseMap, noiseAt } from "./image/noise-map.ts";
export type { NoiseMap } from "./image/noise-map.ts";
export { measureForced } from "./image/photometry.ts";
export type { ForcedMeasurement } from "./image/photometry.ts";
export type { ImagePlane } from "./image/plane.ts";
export { robustMoments } from "./image/statistics.ts";
export type { RobustMoments } from "./image/statistics.ts";
export { cellRad, pixelToSky, skyToPixel, wcsFromCards } from "./image/wcs.ts";
export type { PixelPosition, SkyPosition, Wcs } from "./image/wcs.ts";
export { apparentFluxJy, driftingSources, sourceAtPhaseCenter } from "./calibration/drift-sky.ts";
export type { DriftView, PointSource } from "./calibration/drift-sky.ts";
export { antennaUvwOfRows } from "./calibration/antenna-uvw.ts";
export { averageChannels, divideByGains } from "./calibration/apply-gains.ts";
export type {
  AntennaGains,
  AveragedSlab,
  CalibratedRows,
  Receptors,
} from "./calibration/apply-gains.ts";
export { BANDPASS_DEFAULTS, solveBandpass } from "./calibration/bandpass.ts";
export type {
  BandpassArrays,
  BandpassOptions,
  BaselineAntennas,
  KnownDelays,
} from "./calibration/bandpass.ts";
export { antennaHealth } from "./calibration/antenna-health.ts";
export type { AntennaHealth } from "./calibration/antenna-health.ts";
export { fitDelays } from "./calibration/delay.ts";
export type { DelayArrays } from "./calibration/delay.ts";
export {
  addModelled,
  chiSquareOf,
  correctMatrices,
  gainScatter,
  intervalOf,
  multiplyGains,
  solveAmplitudes,
  solvePhases,
  sumIntervals,
} from "./calibration/self-calibration.ts";
export type { GainScatter, IntervalGains, MatricesInTime } from "./calibration/self-calibration.ts";
export { addGainMatrices, createGainMatrices } from "./calibration/stefcal.ts";
export type { GainMatrices } from "./calibration/stefcal.ts";
export {
  addIntervals,
  referTimeGains,
  solveTimeGains,
  sumBlocks,
  timeStability,
} from "./calibration/time-gains.ts";
export type { BlockSums, TimeGains, TimeStability } from "./calibration/time-gains.ts";
export {
  accumulate,
  antennaResponses,
  createNormalEquations,
} from "./calibration/normal-equations.ts";
export type {
  BaselineRows,
  NormalEquations,
  PointSources,
} from "./calibration/normal-equations.ts";
export { chooseReferenceAntenna, referToAntenna } from "./calibration/reference-antenna.ts";
export { antennaSnr, summarizeBandpass } from "./calibration/solution-quality.ts";
export type { BandpassSummary } from "./calibration/solution-quality.ts";
export { createAmplitudeClip } from "./flagging/amplitude-clip.ts";
export type { AmplitudeClip, ChannelRange, IntegrationSlab } from "./flagging/amplitude-clip.ts";
export { madInPlace, medianInPlace, medianOf, SIGMA_PER_MAD } from "./median.ts";
