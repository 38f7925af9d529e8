/** All handlers together. */
import type { Handlers } from "./handler.ts";
import { accessHandlers } from "./handlers/access.ts";
import { allHandlers, type ResourceDeps, type SystemParts } from "./handlers/resources.ts";

/** @param onRevoked tells those that remember who holds a secret */
export function createHandlers(
  deps: ResourceDeps,
  parts: SystemParts,
  onRevoked: (tokenId: string) => void,
): Handlers {
  return { ...allHandlers(deps, parts), ...accessHandlers(deps.pool, onRevoked) };
}
