/** The audit log: its filter, actions in words, where a target leads, and its export. Pure. */
import {
  type AuditEntry,
  parseTaskFilter,
  ROUTES,
  type Route,
  TERMINAL_ACTIONS,
} from "@contimg/contract";

import type { AuditFilter } from "../../api/audit.ts";

/** Every action that is written down, with what it does. */
export const ACTIONS: readonly { readonly name: string; readonly summary: string }[] =
  Object.entries<Route>(ROUTES)
    .filter(([, route]) => route.method !== "GET" && !route.changesNothing && !route.isBeat)
    .map(([name, { summary }]) => ({ name, summary }))
    .concat(Object.entries(TERMINAL_ACTIONS).map(([name, summary]) => ({ name, summary })))
    .sort((a, b) => a.name.localeCompare(b.name, "en"));

/** cancelTask: "Cancel task" */
export function actionWords(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export interface AuditSearch {
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly from: string;
  readonly to: string;
}

/** An instant as the filter grammar has it. Undefined: it cannot be read. */
export function instantOf(text: string, now: Date): Date | undefined {
  const [condition, ...more] = parseTaskFilter(`ended>=${text}`, now).conditions ?? [];
  const [value, ...others] = condition?.values ?? [];
  return value instanceof Date && more.length + others.length === 0 ? value : undefined;
}

export function timeFault(text: string): string | undefined {
  if (text === "" || instantOf(text, new Date())) return undefined;
  return `"${text}" is no instant: expected -2h, today, yesterday or 2026-01-25T03:00Z`;
}

/** What cannot be read is left out; the page says so beside its field. */
export function auditFilterOf(search: AuditSearch, now: Date): AuditFilter {
  const from = search.from === "" ? undefined : instantOf(search.from, now);
  const to = search.to === "" ? undefined : instantOf(search.to, now);
  return {
    ...(search.actor === "" ? {} : { actor: search.actor }),
    ...(search.action === "" ? {} : { action: search.action }),
    ...(search.target === "" ? {} : { target: search.target }),
    ...(from === undefined ? {} : { from: from.toISOString() }),
    ...(to === undefined ? {} : { to: to.toISOString() }),
  };
}

export type TargetLink =
  | { readonly to: "/tasks/$taskId"; readonly params: { readonly taskId: string } }
  | { readonly to: "/workflows/$workflowId"; readonly params: { readonly workflowId: string } }
  | {
      readonly to: "/queues/$name" | "/schedules/$name" | "/templates/$name";
      readonly params: { readonly name: string };
    }
  | { readonly to: "/bulk-actions"; readonly search: { readonly id: string } }
  | { readonly to: "/failures"; readonly search: { readonly group: string; readonly state: "all" } }
  | { readonly to: "/limits"; readonly search: { readonly limit: string } }
  | { readonly to: "/limits"; readonly search: { readonly tab: "events"; readonly event: string } };

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The page of what it was done to. Undefined: there is none. */
export function targetLink({ action, target, status }: AuditEntry): TargetLink | undefined {
  if (target === "" || status === 404) return undefined;
  const path = findRoute(action)?.path ?? "";
  const [first = ""] = target.split("/");
  if (path.startsWith("/absurd/bulk-actions")) {
    return UUID.test(target) ? { to: "/bulk-actions", search: { id: target } } : undefined;
  }
  if (path.startsWith("/absurd/failures/")) {
    return { to: "/failures", search: { group: target, state: "all" } };
  }
  if (path.startsWith("/absurd/limits/")) return { to: "/limits", search: { limit: target } };
  if (path.startsWith("/absurd/events/")) {
    return { to: "/limits", search: { tab: "events", event: target } };
  }
  if (path.startsWith("/absurd/tasks") && UUID.test(first)) {
    return { to: "/tasks/$taskId", params: { taskId: first } };
  }
  if (path.startsWith("/absurd/workflows") && UUID.test(first)) {
    return { to: "/workflows/$workflowId", params: { workflowId: first } };
  }
  for (const kind of ["queues", "schedules", "templates"] as const) {
    if (path.startsWith(`/absurd/${kind}`))
      return { to: `/${kind}/$name`, params: { name: first } };
  }
  return undefined;
}

function findRoute(name: string): Route | undefined {
  return Object.entries<Route>(ROUTES).find(([each]) => each === name)?.[1];
}

/** What the target column shows when the route names none: the filter that was asked with. */
export function targetText({ target, detail }: AuditEntry): string {
  if (target !== "") return target;
  if (typeof detail !== "object" || detail === null || Array.isArray(detail)) return "";
  for (const key of ["filter", "selection"]) {
    if (key in detail) return JSON.stringify(detail[key]).slice(0, 200);
  }
  return "";
}

export function toJsonLines(entries: readonly AuditEntry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
}

const CSV_COLUMNS = [
  "audit_id",
  "at",
  "actor",
  "role",
  "action",
  "target",
  "reason",
  "status",
  "request_id",
  "detail",
] as const satisfies readonly (keyof AuditEntry)[];

/** RFC 4180. What a spreadsheet would take for a formula gets an apostrophe before it. */
export function toCsv(entries: readonly AuditEntry[]): string {
  const lines = entries.map((entry) =>
    CSV_COLUMNS.map((column) => {
      const value = entry[column];
      return csvField(typeof value === "object" ? textOf(value) : String(value));
    }).join(","),
  );
  return [CSV_COLUMNS.join(","), ...lines].map((line) => `${line}\r\n`).join("");
}

function textOf(value: unknown): string {
  return value === null ? "" : JSON.stringify(value);
}

function csvField(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
