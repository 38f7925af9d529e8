/**
 * Imports a peer's package from this folder's own node_modules. The name is computed on purpose:
 * the repository type-checks without the peers, so each adapter states the part that it uses.
 */
export async function importPeer(name: string): Promise<unknown> {
  return import(name);
}
