/**
 * Who calls: by token (Authorization: Bearer), by session cookie, or by being on this machine.
 *
 * What the database said of a secret is believed for a few seconds; while the database is away, for
 * some minutes, so that health is still shown to those who may see it.
 */
import type { IncomingHttpHeaders } from "node:http";

import { isConnectionLoss } from "@contimg/absurd";
import type { Role } from "@contimg/contract";

import { RateLimiter } from "../hooks/rate-limit.ts";
import { ApiError } from "../problem.ts";
import type { AccessStore, Holder } from "./access-store.ts";
import { hashOf } from "./secret.ts";

/** Of a request, what says who sends it. */
export interface Asking {
  readonly headers: IncomingHttpHeaders;
  readonly ip: string;
}

export interface Caller {
  readonly actor: string;
  readonly role: Role;
  /** Of who showed a token, or signed in with one. */
  readonly tokenId?: string;
  /** The cookie's secret, of a browser. */
  readonly session?: string;
  readonly expiresAt?: Date | null;
}

/** Without authentication, who reaches the loopback address is an admin. */
const LOCAL: Caller = { actor: "local", role: "admin" };

export const SESSION_COOKIE = "absurd_session";

const FRESH_MS = 5_000;
const AWAY_MS = 10 * 60_000;
const REMEMBERED_MAX = 2_000;
/** Wrong secrets of one address: ten at once, then one in six seconds. */
const WRONG = { burst: 10, perSecond: 1 / 6 };

interface Remembered {
  readonly holder: Holder;
  readonly atMs: number;
}

export class Access {
  readonly isRequired: boolean;
  readonly #store: AccessStore;
  readonly #remembered = new Map<string, Remembered>();
  readonly #wrong = new RateLimiter(WRONG);

  constructor(store: AccessStore, isRequired: boolean) {
    this.#store = store;
    this.isRequired = isRequired;
  }

  /** Undefined: nobody that is known. @throws {ApiError} UNAUTHENTICATED, RATE_LIMITED */
  async callerOf(request: Asking): Promise<Caller | undefined> {
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (bearer !== undefined) return callerOf(await this.holderOf(bearer, request.ip));
    const session = cookieOf(request, SESSION_COOKIE);
    if (session !== undefined) {
      const holder = await this.#find(session, (secret) => this.#store.findSession(secret));
      if (holder) return { ...callerOf(holder), session };
    }
    return this.isRequired ? undefined : LOCAL;
  }

  /** @throws {ApiError} UNAUTHENTICATED for a wrong token, RATE_LIMITED after many of them */
  async holderOf(token: string, address: string): Promise<Holder> {
    const waitSeconds = this.#wrong.waitSeconds(address);
    if (waitSeconds > 0) {
      throw new ApiError("RATE_LIMITED", "too many wrong tokens from this address; wait", {
        retryAfterSeconds: waitSeconds,
      });
    }
    const holder = await this.#find(token, (secret) => this.#store.findHolder(secret));
    if (holder) return holder;
    this.#wrong.take(address);
    throw new ApiError(
      "UNAUTHENTICATED",
      "the token is wrong, revoked or expired; ask for another",
    );
  }

  forgetToken(tokenId: string): void {
    for (const [key, { holder }] of this.#remembered) {
      if (holder.tokenId === tokenId) this.#remembered.delete(key);
    }
  }

  forgetSecret(secret: string): void {
    this.#remembered.delete(keyOf(secret));
  }

  async #find(
    secret: string,
    ask: (secret: string) => Promise<Holder | undefined>,
  ): Promise<Holder | undefined> {
    const key = keyOf(secret);
    const known = this.#remembered.get(key);
    if (known && isGood(known, FRESH_MS)) return known.holder;
    try {
      const holder = await ask(secret);
      this.#remembered.delete(key);
      if (holder) this.#remember(key, holder);
      return holder;
    } catch (error) {
      if (known && isConnectionLoss(error) && isGood(known, AWAY_MS)) return known.holder;
      throw error;
    }
  }

  #remember(key: string, holder: Holder): void {
    if (this.#remembered.size >= REMEMBERED_MAX) {
      this.#remembered.delete(this.#remembered.keys().next().value!);
    }
    this.#remembered.set(key, { holder, atMs: performance.now() });
  }
}

/** The hash, so that the memory holds no secret and the look-up's time tells nothing of one. */
function keyOf(secret: string): string {
  return hashOf(secret).toString("base64");
}

function isGood({ holder, atMs }: Remembered, forMs: number): boolean {
  const isExpired = holder.expiresAt !== null && holder.expiresAt.getTime() <= Date.now();
  return !isExpired && performance.now() - atMs < forMs;
}

function callerOf({ name, role, tokenId, expiresAt }: Holder): Caller {
  return { actor: name, role, tokenId, expiresAt };
}

export function cookieOf(request: Pick<Asking, "headers">, name: string): string | undefined {
  for (const part of (request.headers.cookie ?? "").split(";")) {
    const at = part.indexOf("=");
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}
