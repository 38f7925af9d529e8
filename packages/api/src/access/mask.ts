/** What is left out of audit log and server log. */

const SECRET_KEY = /secret|password|passwd|token|authorization|api_?key|credential|private_?key/i;
const MASK = "•••";
const DEPTH_MAX = 20;
const DETAIL_BYTES_MAX = 8 * 1024;

/** The same with values of telling names masked; large values are told by their size. */
export function maskSecrets(value: unknown): unknown {
  const masked = mask(value, 0);
  const bytes = Buffer.byteLength(JSON.stringify(masked ?? null));
  return bytes <= DETAIL_BYTES_MAX ? masked : { left_out: `${bytes} bytes` };
}

function mask(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth > DEPTH_MAX) return "…";
  if (Array.isArray(value)) return value.map((each) => mask(each, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      SECRET_KEY.test(key) && each !== null ? MASK : mask(each, depth + 1),
    ]),
  );
}
