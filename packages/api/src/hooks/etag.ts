/** ETags: of what is read, and as a condition of what is written. */
import { createHash } from "node:crypto";

/** Weak: compression on the way may change the bytes, not what they say. */
export function etagOf(body: string): string {
  return `W/"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
}

/** Whether a header If-Match or If-None-Match names the tag; `*` names any. */
export function names(header: string, etag: string): boolean {
  return header
    .split(",")
    .map((each) => each.trim())
    .some((each) => each === "*" || opaque(each) === opaque(etag));
}

function opaque(etag: string): string {
  return etag.replace(/^W\//, "");
}
