/** UVH5, FITS and catalogues: bytes to typed data and back. */
export { Uvh5File, type IntegrationArrays, type IntegrationExtremes } from "./uvh5/read.ts";
export type { PhaseCenter, Uvh5Header } from "./uvh5/header.ts";
export { MalformedUvh5, UnphysicalUvh5 } from "./uvh5/errors.ts";
export { isHdf5Available } from "./hdf5/file.ts";
