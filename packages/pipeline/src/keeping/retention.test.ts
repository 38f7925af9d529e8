import assert from "node:assert/strict";

import fc from "fast-check";
import { describe, test } from "vitest";

import type { ProductKind } from "../stage.ts";
import {
  ancestors,
  chooseRemovals,
  type KeptEdge,
  type KeptProduct,
  retentionSchema,
} from "./retention.ts";

const NOW = new Date("2026-06-01T00:00:00Z");
const POLICY = retentionSchema.parse({});
const IDLE = { now: NOW, busyGroups: new Set<string>() };

/** A registry of any shape: products made from earlier ones, of all ages, current or not. */
const registry = fc
  .array(
    fc.record({
      kind: fc.constantFrom(
        "measurement-set",
        "calibrated-measurement-set",
        "image",
        "photometry",
        "calibration-table",
      ),
      group: fc.integer({ min: 0, max: 3 }),
      ageDays: fc.integer({ min: 0, max: 400 }),
      isCurrent: fc.boolean(),
      isPublished: fc.boolean(),
      inputs: fc.array(fc.nat(), { maxLength: 3 }),
      folder: fc.constantFrom("ms/science", "ms/calibrators", "ms/failed", "images"),
    }),
    { maxLength: 25 },
  )
  .map((rows) => {
    const products = rows.map((row, index): KeptProduct => ({
      productId: `p${index}`,
      kind: row.kind,
      groupId: `g${row.group}`,
      finalPath: `${row.folder}/p${index}`,
      sizeBytes: 1,
      registeredAt: new Date(NOW.getTime() - row.ageDays * 86_400_000),
      isCurrent: row.isCurrent,
      isPublished: row.isPublished,
    }));
    const edges = rows.flatMap((row, index): KeptEdge[] =>
      index === 0
        ? []
        : row.inputs.map((input) => ({
            productId: `p${index}`,
            inputProductId: `p${input % index}`,
          })),
    );
    return { products, edges };
  });
const busy = fc.subarray(["g0", "g1", "g2", "g3"]).map((groups) => new Set(groups));

describe("housekeeping", () => {
  test("never removes what a current product that stays was made from", () => {
    fc.assert(
      fc.property(registry, busy, ({ products, edges }, busyGroups) => {
        const { remove } = chooseRemovals(products, edges, POLICY, { now: NOW, busyGroups });
        const gone = new Set(remove.map((product) => product.productId));
        const stays = products.filter((p) => p.isCurrent && !gone.has(p.productId));
        for (const needed of ancestors(stays, edges)) assert.ok(!gone.has(needed), needed);
      }),
      { numRuns: 500 },
    );
  });

  test("never touches a group at work, nor what its products were made from", () => {
    const generous = retentionSchema.parse({
      release: ["measurement-set", "calibrated-measurement-set"],
    });
    fc.assert(
      fc.property(registry, busy, ({ products, edges }, busyGroups) => {
        const { remove } = chooseRemovals(products, edges, generous, { now: NOW, busyGroups });
        const atWork = products.filter((p) => p.isCurrent && busyGroups.has(p.groupId));
        const needed = ancestors(atWork, edges);
        for (const product of remove) {
          assert.ok(!busyGroups.has(product.groupId));
          assert.ok(!needed.has(product.productId));
        }
      }),
      { numRuns: 500 },
    );
  });

  test("with a release removes against lineage only the kinds that were released", () => {
    const generous = retentionSchema.parse({ release: ["measurement-set"] });
    fc.assert(
      fc.property(registry, ({ products, edges }) => {
        const { remove } = chooseRemovals(products, edges, generous, IDLE);
        const gone = new Set(remove.map((product) => product.productId));
        const stays = products.filter((p) => p.isCurrent && !gone.has(p.productId));
        const needed = ancestors(stays, edges);
        for (const product of remove) {
          if (needed.has(product.productId)) assert.equal(product.kind, "measurement-set");
        }
      }),
    );
  });

  test("removes a whole tile when the time of its last product is over", () => {
    const names = [
      "measurement-set",
      "calibrated-measurement-set",
      "image",
      "photometry",
    ] as const satisfies ProductKind[];
    const products = names.map((kind, index) => product(kind, index, 181));
    const edges = [1, 2, 3].map((at) => ({ productId: `p${at}`, inputProductId: `p${at - 1}` }));

    const young = products.map((each) => ({ ...each, registeredAt: daysAgo(100) }));

    assert.equal(chooseRemovals(products, edges, POLICY, IDLE).remove.length, 4);
    const { remove, spared } = chooseRemovals(young, edges, POLICY, IDLE);
    assert.deepEqual(remove, []);
    assert.deepEqual(
      spared.map((each) => [each.product.kind, each.reason]),
      [
        ["measurement-set", "a product that stays was made from it"],
        ["calibrated-measurement-set", "a product that stays was made from it"],
      ],
    );
  });

  test.each<[string, ProductKind, number, boolean]>([
    ["images/x", "image", 181, true],
    ["images/x", "image", 179, false],
    ["ms/science/x", "measurement-set", 31, true],
    ["ms/calibrators/x", "measurement-set", 31, false],
    ["ms/calibrators/x", "measurement-set", 91, true],
    ["ms/failed/x", "measurement-set", 8, true],
    ["caltables/x", "calibration-table", 9999, false],
  ])("%s (%s) of %d days goes: %s", (finalPath, kind, days, goes) => {
    const { remove } = chooseRemovals([{ ...product(kind, 0, days), finalPath }], [], POLICY, IDLE);

    assert.equal(remove.length === 1, goes);
  });

  test.each([
    [{ products: { imge: 3 } }, /imge/],
    [{ products: { image: -1 } }, /products/],
    [{ scratch_hours: "24" }, /scratch_hours/],
    [{ raw: 3 }, /raw/],
  ])("refuses the configuration %j", (config, message) => {
    assert.throws(() => retentionSchema.parse(config), message);
  });
});

function product(kind: ProductKind, index: number, ageDays: number): KeptProduct {
  return {
    productId: `p${index}`,
    kind,
    groupId: "g",
    finalPath: `images/p${index}`,
    sizeBytes: 1,
    registeredAt: daysAgo(ageDays),
    isCurrent: true,
    isPublished: true,
  };
}

function daysAgo(days: number): Date {
  return new Date(NOW.getTime() - days * 86_400_000);
}
