/** UVH5, FITS and catalogues: bytes to typed data and back. */
export { writeFitsTable } from "./fits/bintable.ts";
export type { TableColumn } from "./fits/bintable.ts";
export type { CardValue } from "./fits/card.ts";
export { FitsError, FitsHeader } from "./fits/header.ts";
export { readFitsHeader, readFitsImage, writeFitsImage } from "./fits/image.ts";
export type { FitsImage } from "./fits/image.ts";
export { encodePng } from "./png/encode.ts";
export type { RgbImage } from "./png/encode.ts";
export {
  fluxAtJy,
  readReferenceCatalog,
  writeReferenceCatalog,
} from "./catalog/reference-catalog.ts";
export type { CatalogSource } from "./catalog/reference-catalog.ts";
export {
  calibratorFluxJy,
  findCalibrator,
  readVlaCalibrators,
  VLA_L_BAND_HZ,
} from "./catalog/vla-calibrators.ts";
export type { Calibrator } from "./catalog/vla-calibrators.ts";
export { readCsv, type CsvRow } from "./catalog/csv.ts";
export { correlate, type CorrelationInput } from "./correlator/correlate.ts";
export { subtractSources, type SubtractionInput } from "./correlator/subtract-sources.ts";
export { createHdf5, isHdf5Available, openHdf5 } from "./hdf5/file.ts";
export type { DatasetDescription, Hdf5File, NewDataset, SlabArray } from "./hdf5/file.ts";
export { placeSubband } from "./placement/place-subband.ts";
export type {
  BandIntegration,
  BaselinePhasors,
  SubbandBlock,
  SubbandLayout,
} from "./placement/place-subband.ts";
export { MalformedUvh5, UnphysicalUvh5 } from "./uvh5/errors.ts";
export type { PhaseCenter, Uvh5Header } from "./uvh5/header.ts";
export { Uvh5File, type IntegrationArrays, type IntegrationExtremes } from "./uvh5/read.ts";
export { writeUvh5, type Uvh5Data, type Uvh5Description } from "./uvh5/write.ts";
