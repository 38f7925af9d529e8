/**
 * Where a product comes from and what was made of it: up to the raw files, down to the points of
 * light curves. Both are trees of a graph: what is reached twice is shown in full once.
 */
import { isAbsolute, relative } from "node:path";

import type pg from "pg";

import { PipelineError } from "../errors.ts";

export interface LineageNode {
  /** A product, a file that the registry does not know, or the measurements of a photometry run. */
  readonly type: "product" | "raw-file" | "measurements";
  /** Relative to the data root where it lies below it. */
  readonly path: string;
  readonly productId: string | null;
  readonly kind: string | null;
  readonly groupId: string | null;
  readonly taskName: string | null;
  readonly taskId: string | null;
  /** `current`, or why it is not: superseded, missing, expired, moved. */
  readonly state: string;
  readonly software: Readonly<Record<string, string>>;
  /** Of measurements. */
  readonly count: number | null;
  /** Inputs on the way up, products on the way down. */
  readonly children: readonly LineageNode[];
  /** True when the children are shown where the node came first. */
  readonly isRepeated: boolean;
}

export interface Lineage {
  readonly up: LineageNode;
  readonly down: LineageNode;
}

interface ProductRow {
  product_id: string;
  final_path: string;
  kind: string;
  group_id: string;
  task_name: string;
  task_id: string | null;
  state: string;
  software: Record<string, string>;
  measurement_count: string;
}

interface EdgeRow {
  product_id: string;
  input_path: string;
  input_product_id: string | null;
}

/**
 * @param named a product id, a path (absolute or below the data root), or a light-curve point as
 *   `SOURCE@GROUP`
 * @throws {PipelineError} MissingProduct
 */
export async function readLineage(
  pool: pg.Pool,
  dataRoot: string,
  named: string,
): Promise<Lineage> {
  const productId = await resolveProduct(pool, dataRoot, named);
  const walk = async (up: boolean): Promise<LineageNode> => {
    const edges = await pool.query<EdgeRow>("select * from contimg.lineage_edges($1, $2)", [
      productId,
      up,
    ]);
    const ids = new Set([productId]);
    for (const edge of edges.rows) {
      ids.add(edge.product_id);
      if (edge.input_product_id !== null) ids.add(edge.input_product_id);
    }
    const products = await readProducts(pool, [...ids]);
    const childrenOf = up ? inputsOf(edges.rows) : madeOf(edges.rows, products);
    return treeOf(productId, products, childrenOf);
  };
  return { up: await walk(true), down: await walk(false) };
}

async function readProducts(
  pool: pg.Pool,
  ids: readonly string[],
): Promise<Map<string, ProductRow>> {
  const { rows } = await pool.query<ProductRow>(
    `select p.product_id, p.final_path, p.kind, p.group_id, p.task_name, p.task_id, p.software,
            case when p.superseded_at is null then 'current'
                 else coalesce(p.retired_as, 'superseded') end as state,
            case when p.kind = 'photometry' and p.ordinal = 0 then
              (select count(*) from contimg.measurements m
                where m.group_id = p.group_id and m.task_id is not distinct from p.task_id)
              else 0 end as measurement_count
       from contimg.products p where p.product_id = any($1)`,
    [ids],
  );
  return new Map(rows.map((row) => [row.product_id, row]));
}

type Products = ReadonlyMap<string, ProductRow>;

/** What a product stands above in its tree, in the order of paths. */
type ChildrenOf = (productId: string) => readonly (string | LineageNode)[];

/** A product that stands in several places is opened at the first. */
function treeOf(
  productId: string,
  products: Products,
  childrenOf: ChildrenOf,
  shown: Set<string> = new Set(),
): LineageNode {
  const product = products.get(productId)!;
  if (shown.has(productId)) return productNode(product, [], true);
  shown.add(productId);
  const children = childrenOf(productId).map((child) =>
    typeof child === "string" ? treeOf(child, products, childrenOf, shown) : child,
  );
  return productNode(product, children, false);
}

function inputsOf(edges: readonly EdgeRow[]): ChildrenOf {
  return (productId) =>
    edges
      .filter((edge) => edge.product_id === productId)
      .sort((one, other) => (one.input_path < other.input_path ? -1 : 1))
      .map((edge) => edge.input_product_id ?? rawNode(edge.input_path));
}

function madeOf(edges: readonly EdgeRow[], products: Products): ChildrenOf {
  return (productId) => {
    const made = edges
      .filter((edge) => edge.input_product_id === productId)
      .map((edge) => edge.product_id)
      .sort((one, other) => (pathOf(products, one) < pathOf(products, other) ? -1 : 1));
    const product = products.get(productId)!;
    const count = Number(product.measurement_count);
    return count === 0 ? made : [...made, measurementsNode(product, count)];
  };
}

function pathOf(products: Products, productId: string): string {
  return products.get(productId)!.final_path;
}

function productNode(
  row: ProductRow,
  children: readonly LineageNode[],
  isRepeated: boolean,
): LineageNode {
  return {
    type: "product",
    path: row.final_path,
    productId: row.product_id,
    kind: row.kind,
    groupId: row.group_id,
    taskName: row.task_name,
    taskId: row.task_id,
    state: row.state,
    software: row.software,
    count: null,
    children,
    isRepeated,
  };
}

function rawNode(path: string): LineageNode {
  return { ...LEAF, type: "raw-file", path };
}

function measurementsNode(photometry: ProductRow, count: number): LineageNode {
  return {
    ...LEAF,
    type: "measurements",
    path: `contimg.measurements of ${photometry.group_id}`,
    groupId: photometry.group_id,
    taskName: photometry.task_name,
    taskId: photometry.task_id,
    count,
  };
}

const LEAF = {
  productId: null,
  kind: null,
  groupId: null,
  taskName: null,
  taskId: null,
  state: "current",
  software: {},
  count: null,
  children: [],
  isRepeated: false,
} as const;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

async function resolveProduct(pool: pg.Pool, dataRoot: string, named: string): Promise<string> {
  const found = UUID.test(named)
    ? await pool.query<{ product_id: string }>(
        "select product_id from contimg.products where product_id = $1",
        [named],
      )
    : await findByName(pool, dataRoot, named);
  const productId = found.rows[0]?.product_id;
  if (productId !== undefined) return productId;
  throw new PipelineError(
    "MissingProduct",
    `no product is "${named}", expected a product id, a path below ${dataRoot} or SOURCE@GROUP`,
    { named },
  );
}

/** The current product of a path, else the last that had it. */
function findByName(pool: pg.Pool, dataRoot: string, named: string) {
  const point = /^(?<source>.+)@(?<group>[^@]+)$/.exec(named)?.groups;
  if (point) {
    return pool.query<{ product_id: string }>(
      `select p.product_id
         from contimg.measurements m
         join contimg.products p on p.group_id = m.group_id and p.kind = 'photometry'
                                and p.task_id is not distinct from m.task_id
        where m.source_name = $1 and m.group_id = $2
        order by p.superseded_at desc nulls first, p.ordinal, p.registered_at desc limit 1`,
      [point["source"], point["group"]],
    );
  }
  const path = isAbsolute(named) ? relative(dataRoot, named) : named;
  return pool.query<{ product_id: string }>(
    `select product_id from contimg.products where final_path = $1
      order by superseded_at desc nulls first, registered_at desc limit 1`,
    [path],
  );
}
