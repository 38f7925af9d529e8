/** Measurement Sets and calibration tables through casacore. */
export { isCasacoreAvailable } from "./addon.ts";
export type { ColumnDescription, ColumnInfo, NumericArray, ValueType } from "./addon.ts";
export { CORRELATION_TYPE, createMeasurementSet, putIntegration } from "./measurement-set.ts";
export type {
  AntennaDescription,
  IntegrationRows,
  MeasurementSetDescription,
} from "./measurement-set.ts";
export { openTable, Table } from "./table.ts";
export type { Cell, KeywordValue } from "./table.ts";
export {
  createCalibrationTable,
  readBandpassTable,
  writeBandpassTable,
} from "./calibration-table.ts";
export type { BandpassSolutions, BandpassTable } from "./calibration-table.ts";
export { writeDelayTable, writeGainTable } from "./gain-tables.ts";
export type { DelaySolutions, IntervalSolutions } from "./gain-tables.ts";
