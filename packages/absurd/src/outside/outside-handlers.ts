/** Which handlers run in processes of their own; the worker says at its start what limits these. */

const outside = new WeakSet();

export function markOutside<Handler extends object>(handler: Handler): Handler {
  outside.add(handler);
  return handler;
}

export function isOutside(handler: object | undefined): boolean {
  return handler !== undefined && outside.has(handler);
}
