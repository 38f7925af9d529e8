/** UVH5, FITS and catalogues: bytes to typed data and back. */
export { writeFitsTable } from "./fits/bintable.ts";
export type { TableColumn } from "./fits/bintable.ts";
export { FitsError, FitsHeader } from "./fits/header.ts";
export { readFitsHeader, readFitsImage, writeFitsImage } from "./fits/image.ts";
export type { FitsImage } from "./fits/image.ts";
export { encodePng } from "./png/encode.ts";
export type { RgbImage } from "./png/encode.ts";
