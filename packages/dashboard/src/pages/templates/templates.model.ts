/** Templates as they are drawn, edited as JSON and run with typed params. */
import { type Template, templateDefinition } from "@contimg/contract";
import { z } from "zod";

import type { Graph, GraphEdge } from "../workflows/graph/graph.model.ts";
import { jsonFault, type Place, placeAt } from "./json-place.ts";

type Definition = z.input<typeof templateDefinition>;
type StoredNode = Template["nodes"][number];

/** A node's parents as the database holds them: a name, a condition, or any of some. */
const storedEdge = z.union([
  z.string(),
  z.looseObject({
    on: z.string(),
    when: z.union([z.string(), z.looseObject({ matches: z.string() })]).optional(),
    otherwise: z.string().optional(),
  }),
]);
const storedParent = z.union([
  storedEdge,
  z.looseObject({ any_of: z.array(storedEdge), otherwise: z.string().optional() }),
]);
const storedNode = z.looseObject({
  node: z.string(),
  task_name: z.string().catch("?"),
  depends_on: z.array(storedParent).catch([]).default([]),
});

type StoredEdge = z.output<typeof storedEdge>;

export function templateGraph(nodes: readonly StoredNode[]): Graph {
  const read = nodes.flatMap((node) => storedNode.safeParse(node).data ?? []);
  const known = new Set(read.map((node) => node.node));
  return {
    nodes: read.map((node) => ({
      id: node.node,
      label: node.node,
      detail: node.task_name,
      word: "for_each" in node && node["for_each"] ? "For each" : "Node",
      tone: "pending",
    })),
    edges: read
      .flatMap((node) => node.depends_on.flatMap((parent) => edgesTo(node.node, parent)))
      .filter((edge) => known.has(edge.from)),
  };
}

function edgesTo(to: string, parent: z.output<typeof storedParent>): GraphEdge[] {
  if (typeof parent === "object" && "any_of" in parent) {
    const all = z.array(storedEdge).parse(parent.any_of);
    return all.map((edge) => ({
      from: parentOf(edge),
      to,
      label: `any of ${whenOf(edge)}`.trim(),
    }));
  }
  const edge = storedEdge.parse(parent);
  return [{ from: parentOf(edge), to, label: whenOf(edge) }];
}

function parentOf(edge: StoredEdge): string {
  return typeof edge === "string" ? edge : edge.on;
}

/** Empty: success, which is the rule. */
function whenOf(edge: StoredEdge): string {
  if (typeof edge === "string" || edge.when === undefined) return "";
  if (typeof edge.when === "object") return edge.when.matches;
  return edge.when === "success" ? "" : edge.when;
}

/** Fields of a node that the API can write, as the database names them, and as it does. */
const FIELDS = {
  node: "node",
  task_name: "task_name",
  params: "params",
  queue_name: "queue_name",
  priority: "priority",
  timeout_seconds: "timeout_sec",
  max_retries: "max_retries",
} as const;

export interface Editable {
  readonly text: string;
  /** What would be lost by saving, such as "tiles: for_each". */
  readonly lost: readonly string[];
}

/** A template as the API takes it, to be edited. */
export function editableOf(template: Template): Editable {
  const lost: string[] = [];
  const nodes = template.nodes.map((node) => {
    const out: Record<string, unknown> = {};
    for (const [stored, value] of Object.entries(node)) {
      if (stored === "depends_on") {
        const parents = z.array(storedParent).safeParse(value).data ?? [];
        if (parents.length > 0) out["depends_on"] = parents.map(writtenParent);
      } else if (value !== null) {
        const field = Object.entries(FIELDS).find(([key]) => key === stored)?.[1];
        if (field === undefined) lost.push(`${JSON.stringify(node["node"])}: ${stored}`);
        else out[field] = value;
      }
    }
    return out;
  });
  return { text: JSON.stringify({ params: template.params, nodes }, null, 2), lost };
}

function writtenParent(parent: z.output<typeof storedParent>): unknown {
  if (typeof parent === "object" && "any_of" in parent) {
    const all = z.array(storedEdge).parse(parent.any_of);
    return { any_of: all.map(writtenEdge), ...otherwiseOf(parent) };
  }
  const edge = storedEdge.parse(parent);
  if (typeof edge === "string") return edge;
  return { ...writtenEdge(edge), ...otherwiseOf(edge) };
}

function writtenEdge(edge: StoredEdge): object {
  if (typeof edge === "string") return { node: edge };
  if (edge.when === undefined) return { node: edge.on };
  if (typeof edge.when === "object") return { node: edge.on, result_matches: edge.when.matches };
  return { node: edge.on, when: edge.when };
}

function otherwiseOf({ otherwise }: { otherwise?: unknown }): object {
  return otherwise === undefined ? {} : { otherwise };
}

export interface JsonFault {
  readonly message: string;
  /** nodes.3.task_name */
  readonly field: string;
  readonly place: Place;
}

/** A definition, or all that is wrong with the text, each at its place. */
export function readDefinition(
  text: string,
):
  | { readonly definition: Definition; readonly faults?: undefined }
  | { readonly definition?: undefined; readonly faults: readonly JsonFault[] } {
  const fault = jsonFault(text);
  if (fault) return { faults: [{ ...fault, field: "" }] };
  const value: unknown = JSON.parse(text);
  const parsed = templateDefinition.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => ({
      message: issue.message,
      field: issue.path.map(String).join("."),
      place: placeAt(text, issue.path),
    }));
    return { faults };
  }
  const faults = graphFaults(parsed.data, text);
  return faults.length > 0 ? { faults } : { definition: parsed.data };
}

/** Names that are there twice, and parents that are not there. */
function graphFaults({ nodes }: z.output<typeof templateDefinition>, text: string): JsonFault[] {
  const names = new Set<string>();
  const all = new Set(nodes.map((node) => node.node));
  return nodes.flatMap((node, index): JsonFault[] => {
    const isTwice = names.has(node.node);
    names.add(node.node);
    const twice = isTwice
      ? [faultAt(text, ["nodes", index, "node"], "a second node of this name")]
      : [];
    const absent = (node.depends_on ?? []).flatMap((parent, at) => {
      const on =
        typeof parent === "string"
          ? [parent]
          : "any_of" in parent
            ? parent.any_of.map((each) => each.node)
            : [parent.node];
      return on
        .filter((name) => !all.has(name))
        .map((name) => faultAt(text, ["nodes", index, "depends_on", at], `no node "${name}"`));
    });
    return [...twice, ...absent];
  });
}

function faultAt(text: string, path: readonly (string | number)[], message: string): JsonFault {
  return { message, field: path.join("."), place: placeAt(text, path) };
}

export type ParamTexts = Readonly<Record<string, string>>;

/** What fields begin with: defaults, as text. */
export function paramTextsOf(template: Template): ParamTexts {
  return Object.fromEntries(
    template.params.map((param) => [
      param.name,
      param.default === undefined ? "" : textOf(param.default, param.type),
    ]),
  );
}

function textOf(value: unknown, type: string): string {
  return type === "string" && typeof value === "string" ? value : JSON.stringify(value);
}

/** Values by their types, or what is wrong, by name. What is empty is left to its default. */
export function readParams(
  template: Template,
  texts: ParamTexts,
): { readonly params: Record<string, z.core.util.JSONType>; readonly faults: ParamTexts } {
  const params: Record<string, z.core.util.JSONType> = {};
  const faults: Record<string, string> = {};
  for (const { name, type, required = true, default: given } of template.params) {
    const text = texts[name] ?? "";
    if (text.trim() === "") {
      if (required && given === undefined) faults[name] = `expected ${WANTED[type]}`;
      continue;
    }
    const value = type === "string" ? text : jsonOf(text);
    if (value === undefined || !FITS[type](value)) faults[name] = `expected ${WANTED[type]}`;
    else params[name] = value;
  }
  return { params, faults };
}

type ParamType = Template["params"][number]["type"];

const WANTED: Readonly<Record<ParamType, string>> = {
  string: "a text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  array: "a JSON list, such as [1, 2]",
  object: "a JSON object, such as {}",
  any: 'JSON; a text stands in "…"',
};

const FITS: Readonly<Record<ParamType, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === "boolean",
  array: (value) => Array.isArray(value),
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  any: () => true,
};

function jsonOf(text: string): z.core.util.JSONType | undefined {
  try {
    return z.json().parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export const NEW_TEMPLATE = `{
  "params": [
    { "name": "field", "type": "string" }
  ],
  "nodes": [
    { "node": "first", "task_name": "", "params": { "field": { "$param": "field" } } }
  ]
}`;
