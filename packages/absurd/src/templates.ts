/** Versioned workflow templates with typed parameters, kept in the database. */
import { isDeepStrictEqual } from "node:util";

import { type Db, run } from "./db.ts";
import { InvalidWorkflow } from "./errors.ts";
import type { Json } from "./task.ts";
import { type WorkflowNodes, wireTemplateNodes } from "./workflow.ts";

export interface TemplateParam {
  readonly name: string;
  readonly type: "string" | "number" | "integer" | "boolean" | "array" | "object" | "any";
  readonly default?: unknown;
  /** Default true. One that is not required and not given is null. */
  readonly required?: boolean;
}

export interface TemplateDefinition {
  readonly name: string;
  readonly params?: readonly TemplateParam[];
  /** {"$param": "name.path"} stands for a value anywhere in a node. */
  readonly tasks: WorkflowNodes;
}

type StoredNode = Readonly<Record<string, Json>> & { readonly node: string };

export interface TemplateView {
  readonly name: string;
  readonly version: number;
  readonly params: readonly TemplateParam[];
  /** As absurd.spawn_workflow takes them. */
  readonly nodes: readonly StoredNode[];
  readonly createdAt: Date;
}

export interface TemplatePlan {
  readonly version: number;
  readonly params: Readonly<Record<string, Json>>;
  /** Parents first. */
  readonly nodes: readonly StoredNode[];
}

export interface TemplateDiff {
  readonly params: boolean;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Each with the fields that differ. */
  readonly changed: readonly { readonly node: string; readonly fields: readonly string[] }[];
}

export async function defineTemplate(
  db: Db,
  definition: TemplateDefinition,
): Promise<{ version: number; created: boolean }> {
  const [row] = await run<{ version: number; created: boolean }>(
    db,
    "select version, created from absurd.define_template($1, $2, $3)",
    [definition.name, JSON.stringify(definition.params ?? []), wireTemplateNodes(definition.tasks)],
  );
  if (!row) throw new InvalidWorkflow(`template ${definition.name} was not stored`);
  return row;
}

export async function planTemplate(
  db: Db,
  name: string,
  params: Readonly<Record<string, unknown>>,
  version: number | undefined,
): Promise<TemplatePlan> {
  const [row] = await run<{
    version: number;
    params: TemplatePlan["params"];
    nodes: TemplatePlan["nodes"];
  }>(db, "select version, params, nodes from absurd.plan_template($1, $2, $3)", [
    name,
    JSON.stringify(params),
    version ?? null,
  ]);
  return row!;
}

interface TemplateRow {
  name: string;
  version: number;
  params: TemplateParam[];
  nodes: StoredNode[];
  created_at: Date;
}

export async function listTemplates(db: Db): Promise<TemplateView[]> {
  const rows = await run<TemplateRow>(
    db,
    `select distinct on (name) name, version, params, nodes, created_at
       from absurd.template order by name, version desc`,
  );
  return rows.map(fromRow);
}

export async function showTemplate(
  db: Db,
  name: string,
  version: number | undefined,
): Promise<TemplateView> {
  const [row] = await run<TemplateRow>(db, "select * from absurd.find_template($1, $2)", [
    name,
    version ?? null,
  ]);
  return fromRow(row!);
}

export async function deleteTemplate(db: Db, name: string): Promise<void> {
  await run(db, "select absurd.delete_template($1)", [name]);
}

function fromRow({ created_at: createdAt, ...rest }: TemplateRow): TemplateView {
  return { ...rest, createdAt };
}

/** What differs from one version to another. */
export function diffTemplates(from: TemplateView, to: TemplateView): TemplateDiff {
  const before = new Map(from.nodes.map((node) => [node.node, node]));
  const after = new Map(to.nodes.map((node) => [node.node, node]));
  const changed = [...after.values()].flatMap((node) => {
    const old = before.get(node.node);
    if (!old) return [];
    const fields = [...new Set([...Object.keys(old), ...Object.keys(node)])].filter(
      (field) => !isDeepStrictEqual(old[field], node[field]),
    );
    return fields.length > 0 ? [{ node: node.node, fields: fields.sort() }] : [];
  });
  return {
    params: !isDeepStrictEqual(from.params, to.params),
    added: [...after.keys()].filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed,
  };
}
