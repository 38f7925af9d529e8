/** All handlers together. */
import type { HandlerDeps, Handlers } from "./handler.ts";
import { accessHandlers } from "./handlers/access.ts";

/** @param onRevoked tells those that remember who holds a secret */
export function createHandlers(
  deps: HandlerDeps,
  onRevoked: (tokenId: string) => void,
): Partial<Handlers> {
  return { ...accessHandlers(deps.pool, onRevoked) };
}
