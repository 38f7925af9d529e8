import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { type PlannedEdge, type PlannedProduct, planRedo } from "./redo-plan.ts";

const CALIBRATOR = "2026-01-25T22:00:00";
const NEAR = "2026-01-25T22:26:05";
const FAR = "2026-01-26T09:00:00";
const TABLE = "caltables/t.bcal";

const KIND_OF_STAGE = {
  "convert-uvh5-to-ms": "measurement-set",
  "calibration-solve": "calibration-table",
  "calibration-apply": "calibrated-measurement-set",
  imaging: "image",
  photometry: "photometry",
} as const;
type Stage = keyof typeof KIND_OF_STAGE;

function product(groupId: string, stage: Stage, more: object = {}): PlannedProduct {
  return {
    productId: `${groupId} ${stage}`,
    finalPath: stage === "calibration-solve" ? TABLE : `${groupId} ${stage}`,
    kind: KIND_OF_STAGE[stage],
    groupId,
    stage,
    sizeBytes: 1,
    isCurrent: true,
    isMissing: false,
    ...more,
  };
}

function edge(groupId: string, stage: Stage, from: Stage, fromGroup = groupId): PlannedEdge {
  const inputProductId = `${fromGroup} ${from}`;
  const inputPath = from === "calibration-solve" ? TABLE : inputProductId;
  return { productId: `${groupId} ${stage}`, inputPath, inputProductId };
}

/** A tile whose calibrated set was made with the table of CALIBRATOR, or with another. */
function tile(groupId: string, usesTable: boolean) {
  return {
    products: [
      product(groupId, "convert-uvh5-to-ms"),
      product(groupId, "calibration-apply"),
      { ...product(groupId, "imaging"), kind: "corrected-image" },
      product(groupId, "photometry"),
    ],
    edges: [
      edge(groupId, "calibration-apply", "convert-uvh5-to-ms"),
      ...(usesTable ? [edge(groupId, "calibration-apply", "calibration-solve", CALIBRATOR)] : []),
      edge(groupId, "imaging", "calibration-apply"),
      edge(groupId, "photometry", "imaging"),
    ],
  };
}

const near = tile(NEAR, true);
const far = tile(FAR, false);
const products = [
  product(CALIBRATOR, "convert-uvh5-to-ms"),
  product(CALIBRATOR, "calibration-solve"),
  ...near.products,
  ...far.products,
];
const edges = [
  edge(CALIBRATOR, "calibration-solve", "convert-uvh5-to-ms"),
  ...near.edges,
  ...far.edges,
];

describe("a redo", () => {
  test("of a table runs what used it again, and keeps the conversion", () => {
    const plan = planRedo(products, edges, { used: TABLE });

    assert.deepEqual(
      plan.groups.map(({ groupId, stages, kept }) => ({ groupId, stages, kept })),
      [
        {
          groupId: NEAR,
          stages: ["calibration-apply", "imaging", "photometry"],
          kept: ["convert-uvh5-to-ms"],
        },
      ],
    );
    assert.deepEqual(
      plan.tasks.map(({ stage, after }) => [stage, after]),
      [
        ["calibration-apply", []],
        ["imaging", [0]],
        ["photometry", [1]],
      ],
    );
  });

  test("finds what used a version of the table that was replaced since", () => {
    const old = product(CALIBRATOR, "calibration-solve", { productId: "old", isCurrent: false });
    const olden = [
      ...edges.filter((each) => each.inputPath !== TABLE),
      { productId: `${NEAR} calibration-apply`, inputPath: "elsewhere", inputProductId: "old" },
    ];

    const plan = planRedo([...products, old], olden, { used: TABLE });

    assert.deepEqual(
      plan.groups.map(({ groupId }) => groupId),
      [NEAR],
    );
  });

  test("of a calibrator takes the tiles along, after its solve", () => {
    const plan = planRedo(products, edges, { groupId: CALIBRATOR });

    const solve = plan.tasks.findIndex((task) => task.stage === "calibration-solve");
    const apply = plan.tasks.find((task) => task.stage === "calibration-apply");
    assert.deepEqual(
      plan.groups.map(({ groupId, stages }) => [groupId, stages]),
      [
        [CALIBRATOR, ["convert-uvh5-to-ms", "calibration-solve"]],
        [NEAR, ["calibration-apply", "imaging", "photometry"]],
      ],
    );
    assert.ok(apply?.after.includes(solve));
    for (const [index, task] of plan.tasks.entries()) {
      for (const before of task.after) assert.ok(before < index && before >= 0);
    }
  });

  test("from a stage on leaves what comes before it", () => {
    const plan = planRedo(products, edges, { from: "imaging" });

    assert.deepEqual(
      plan.groups.map(({ groupId, stages }) => [groupId, stages]),
      [
        [NEAR, ["imaging", "photometry"]],
        [FAR, ["imaging", "photometry"]],
      ],
    );
  });

  test("of a group from a stage is both", () => {
    const plan = planRedo(products, edges, { groupId: FAR, from: "photometry" });
    assert.deepEqual(
      plan.tasks.map(({ groupId, stage }) => [groupId, stage]),
      [[FAR, "photometry"]],
    );
  });

  test("makes first what it needs and is not there any more", () => {
    const expired = products.map((each) =>
      each.productId === `${NEAR} convert-uvh5-to-ms` ? { ...each, isCurrent: false } : each,
    );

    const plan = planRedo(expired, edges, { used: TABLE });

    assert.deepEqual(plan.groups[0]!.stages, [
      "convert-uvh5-to-ms",
      "calibration-apply",
      "imaging",
      "photometry",
    ]);
  });

  test("of what is missing makes it, and what was made from it, and nothing else", () => {
    const lost = products.map((each) =>
      each.productId === `${FAR} calibration-apply`
        ? { ...each, isCurrent: false, isMissing: true }
        : each,
    );

    const plan = planRedo(lost, edges, { missing: true });

    assert.deepEqual(
      plan.groups.map(({ groupId, stages, kept }) => ({ groupId, stages, kept })),
      [
        {
          groupId: FAR,
          stages: ["calibration-apply", "imaging", "photometry"],
          kept: ["convert-uvh5-to-ms"],
        },
      ],
    );
    assert.deepEqual(
      plan.affected.map((each) => each.stage),
      ["imaging", "photometry"],
    );
  });

  test("has the same revision as long as the same products are in doubt", () => {
    const revisionOf = (all: readonly PlannedProduct[]): string =>
      planRedo(all, edges, { used: TABLE }).groups[0]!.revision;
    const remade = [...products, product(NEAR, "imaging", { productId: "again" })];
    const remadeEdges = [
      ...edges,
      {
        productId: "again",
        inputPath: "x",
        inputProductId: `${NEAR} calibration-apply`,
      },
    ];

    assert.equal(revisionOf(products), revisionOf([...products].reverse()));
    const again = planRedo(remade, remadeEdges, { used: TABLE }).groups[0]!.revision;
    assert.notEqual(again, revisionOf(products));
  });

  test("selects nothing where nothing was used", () => {
    assert.deepEqual(planRedo(products, edges, { used: "caltables/none.bcal" }).tasks, []);
  });
});
