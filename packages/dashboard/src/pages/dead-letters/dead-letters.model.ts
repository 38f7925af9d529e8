/** What a patch makes of a dead letter's params. Pure. */
import type { Json } from "../../components/JsonEditor.tsx";

export type PatchedParams =
  | { readonly after: Json; readonly changed: readonly string[]; readonly fault?: never }
  | { readonly fault: string };

/** As the database does it: members replace those of the same name, null removes one. */
export function patchParams(params: Json, patch: Json): PatchedParams {
  if (!isObject(patch)) return { fault: "The patch has to be an object, {…}" };
  if (!isObject(params)) return { fault: "The params are no object: they cannot be patched" };
  const after: Record<string, Json> = { ...params };
  const changed = Object.keys(patch).filter(
    (key) => JSON.stringify(params[key]) !== JSON.stringify(patch[key] ?? undefined),
  );
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(after, key);
    else after[key] = value;
  }
  return { after, changed };
}

export function isObject(value: Json): value is Readonly<Record<string, Json>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
