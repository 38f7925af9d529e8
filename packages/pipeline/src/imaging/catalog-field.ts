/** The reference catalogue as one image sees it: which sources, where, how bright. */
import { type PixelPosition, skyToPixel, type Wcs } from "@contimg/astro";
import { type CatalogSource, fluxAtJy } from "@contimg/formats";

export interface FieldSource {
  readonly source: CatalogSource;
  readonly pixel: PixelPosition;
  /** Primary-beam response at the source, 0…1. */
  readonly response: number;
  /** True flux at the image's frequency, by the catalogue's spectral index. */
  readonly fluxJy: number;
}

export interface Field {
  readonly wcs: Wcs;
  readonly width: number;
  readonly height: number;
  /** Primary-beam response, shape [height, width]. */
  readonly response: Float32Array;
  readonly frequencyHz: number;
}

/** Sources on the image where the response is at least `responseMin`, in the catalogue's order. */
export function sourcesInField(
  catalog: readonly CatalogSource[],
  field: Field,
  responseMin: number,
): FieldSource[] {
  return catalog.flatMap((source) => {
    const pixel = skyToPixel(field.wcs, source);
    const response = pixel === undefined ? NaN : responseAt(field, pixel);
    if (pixel === undefined || !(response >= responseMin)) return [];
    return [{ source, pixel, response, fluxJy: fluxAtJy(source, field.frequencyHz) }];
  });
}

/** @returns NaN off the image */
export function responseAt(field: Field, { x, y }: PixelPosition): number {
  const [column, row] = [Math.round(x), Math.round(y)];
  if (column < 0 || row < 0 || column >= field.width || row >= field.height) return NaN;
  return field.response[row * field.width + column]!;
}
