/** Secrets of tokens and sessions: 256 random bits, of which only the SHA-256 is kept. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const TOKEN_MARK = "absurd_";

/** With a mark by which scanners of source code find one that was leaked. */
export function newTokenSecret(): string {
  return `${TOKEN_MARK}${randomBytes(32).toString("base64url")}`;
}

export function newSessionSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** A random secret needs no salt and no slow hash: there is nothing to guess. */
export function hashOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** What a page must send back with each write: only who has read the session's answer knows it. */
export function csrfTokenOf(sessionSecret: string): string {
  return createHmac("sha256", sessionSecret).update("csrf").digest("base64url");
}

/** Takes the same time whatever differs. */
export function isSame(one: string, other: string): boolean {
  return timingSafeEqual(hashOf(one), hashOf(other));
}
