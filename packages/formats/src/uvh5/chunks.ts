/**
 * The chunk shape that h5py chooses for `chunks=True`, which is what the DSA-110 writer asks for.
 *
 * Rule of h5py 2 and 3 (module h5py._hl.filters): an axis that is empty at creation counts 1024;
 * the target is 16 KiB · 2^log10(dataset MiB), kept within 8 KiB … 1 MiB; axes are halved in turn,
 * first to last, until the chunk is below the target or within half of it.
 */
const BASE_BYTES = 16 * 1024;
const MIN_BYTES = 8 * 1024;
const MAX_BYTES = 1024 * 1024;
const EMPTY_AXIS_LENGTH = 1024;

/** @param shapeAtCreation 0 where the dataset starts empty and grows */
export function guessChunk(shapeAtCreation: readonly number[], itemBytes: number): number[] {
  const chunk = shapeAtCreation.map((length) => (length === 0 ? EMPTY_AXIS_LENGTH : length));
  const bytes = (): number => chunk.reduce((product, length) => product * length, itemBytes);
  const wanted = BASE_BYTES * 2 ** Math.log10(bytes() / (1024 * 1024));
  const targetBytes = Math.min(Math.max(wanted, MIN_BYTES), MAX_BYTES);
  for (let turn = 0; bytes() > itemBytes; turn++) {
    const isNear = Math.abs(bytes() - targetBytes) / targetBytes < 0.5;
    if ((bytes() < targetBytes || isNear) && bytes() < MAX_BYTES) break;
    const axis = turn % chunk.length;
    chunk[axis] = Math.ceil(chunk[axis]! / 2);
  }
  return chunk;
}
