/** Contract tests of workflows and templates. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import type { TEMPLATE_ROUTES, WORKFLOW_ROUTES } from "@contimg/contract";

import { type CasesOf, NO_WORKFLOW } from "./contract-cases.ts";
import { type Stage, UNSERVED } from "./contract-stage.ts";
import { drainingQueue, fullQueue } from "./task-cases.ts";

const noWorkflow = { params: { workflow_id: NO_WORKFLOW } };
const node = { node: "one", task_name: "contract-add", params: { a: 1 }, queue_name: UNSERVED };
const after = {
  ...{ node: "two", task_name: "contract-add", params: { a: 2 }, queue_name: UNSERVED },
  depends_on: [{ node: "one", when: "always" as const }],
};

async function newWorkflow(stage: Stage, name = "contract-flow"): Promise<string> {
  const { workflow_id: id } = await stage.call("createWorkflow", {
    body: { name, nodes: [node, after], tags: ["t"] },
  });
  return id;
}

export const WORKFLOW_CASES: CasesOf<typeof WORKFLOW_ROUTES> = {
  listWorkflows: {
    async answers(stage) {
      const name = `flow-${randomUUID()}`;
      const ids = [await newWorkflow(stage, name), await newWorkflow(stage, name)];
      await stage.engine.workflows.cancel(ids[0]!);
      const list = (query: object) =>
        stage.call("listWorkflows", { query: { name, limit: 1, ...query } });
      const first = await list({});
      assert.deepEqual(
        first.workflows.map((each) => each.workflow_id),
        [ids[1]],
      );
      const second = await list({ cursor: first.next_cursor ?? "" });
      assert.deepEqual(
        second.workflows.map((each) => each.workflow_id),
        [ids[0]],
      );
      assert.equal(second.next_cursor, null);
      const cancelled = await list({ workflow_status: "cancelled" });
      assert.deepEqual(
        cancelled.workflows.map((each) => each.workflow_id),
        [ids[0]],
      );
    },
    problems: {
      INVALID_CURSOR: (stage) => stage.call("listWorkflows", { query: { cursor: "1" } }),
    },
  },
  createWorkflow: {
    async answers(stage) {
      const body = { name: "keyed", nodes: [node, after], idempotency_key: randomUUID() };
      const first = await stage.call("createWorkflow", { body });
      const again = await stage.call("createWorkflow", { body });
      assert.deepEqual([first.created, again.created], [true, false]);
      assert.equal(again.workflow_id, first.workflow_id);
    },
    problems: nodeProblems((stage, nodes) =>
      stage.call("createWorkflow", { body: { name: "refused", nodes } }),
    ),
  },
  getWorkflowGrid: {
    async answers(stage) {
      const name = `grid-${randomUUID()}`;
      const id = await newWorkflow(stage, name);
      const { runs } = await stage.call("getWorkflowGrid", { query: { name } });
      assert.deepEqual(
        runs.map((each) => each.workflow.workflow_id),
        [id],
      );
      assert.deepEqual(
        runs[0]?.nodes.map((each) => each.node),
        ["one", "two"],
      );
    },
    problems: {},
  },
  getWorkflow: {
    async answers(stage) {
      const params = { workflow_id: await newWorkflow(stage) };
      const workflow = await stage.call("getWorkflow", { params });
      assert.deepEqual(
        [workflow.status, workflow.total_tasks, workflow.open_tasks],
        ["running", 2, 2],
      );
      assert.deepEqual(workflow.tags, ["t"]);
    },
    problems: { NOT_FOUND: (stage) => stage.call("getWorkflow", noWorkflow) },
  },
  getWorkflowDag: {
    async answers(stage) {
      const params = { workflow_id: await newWorkflow(stage) };
      const { nodes, edges } = await stage.call("getWorkflowDag", { params });
      assert.deepEqual(
        nodes.map((each) => each.node),
        ["one", "two"],
      );
      assert.deepEqual(edges, [
        { from: "one", to: "two", when: "always", otherwise: "cancel", any_of: null },
      ]);
    },
    problems: { NOT_FOUND: (stage) => stage.call("getWorkflowDag", noWorkflow) },
  },
  listReadyTasks: {
    async answers(stage) {
      const params = { workflow_id: await newWorkflow(stage) };
      const { tasks } = await stage.call("listReadyTasks", { params });
      assert.equal(tasks.length, 1);
      await stage.engine.workflows.cancel(params.workflow_id);
      assert.deepEqual((await stage.call("listReadyTasks", { params })).tasks, []);
    },
    problems: { NOT_FOUND: (stage) => stage.call("listReadyTasks", noWorkflow) },
  },
  addWorkflowTasks: {
    async answers(stage) {
      const params = { workflow_id: await newWorkflow(stage) };
      const three = { ...node, node: "three", depends_on: [{ any_of: [{ node: "one" }] }] };
      const { nodes } = await stage.call("addWorkflowTasks", { params, body: { nodes: [three] } });
      assert.deepEqual(
        nodes.map((each) => each.node),
        ["three"],
      );
    },
    problems: {
      NOT_FOUND: (stage) =>
        stage.call("addWorkflowTasks", { ...noWorkflow, body: { nodes: [node] } }),
      ...nodeProblems(async (stage, [first]) => {
        const params = { workflow_id: await newWorkflow(stage) };
        const nodes = [{ ...first, node: "more" }];
        return stage.call("addWorkflowTasks", { params, body: { nodes } });
      }),
    },
  },
  cancelWorkflow: {
    async answers(stage) {
      const params = { workflow_id: await newWorkflow(stage) };
      const query = { reason: "bad calibrator" };
      assert.equal((await stage.call("cancelWorkflow", { params, query })).cancelled_tasks, 2);
    },
    problems: { NOT_FOUND: (stage) => stage.call("cancelWorkflow", noWorkflow) },
  },
  rerunWorkflow: {
    async answers(stage) {
      const { workflowId } = await stage.engine.workflows.spawn({
        name: "to-rerun",
        tasks: {
          one: { task: "contract-add", params: { a: 1 } },
          two: { task: "contract-fail", params: {}, dependsOn: ["one"] },
        },
      });
      await stage.engine.workflows.awaitEnd(workflowId);
      const params = { workflow_id: workflowId };
      const failed = await stage.call("rerunWorkflow", { params, body: { failed_only: true } });
      assert.deepEqual(failed.nodes, ["two"]);
      await stage.engine.workflows.awaitEnd(workflowId);
      const all = await stage.call("rerunWorkflow", { params, body: { from: ["one"] } });
      assert.deepEqual(all.nodes, ["one", "two"]);
    },
    problems: {
      NOT_FOUND: (stage) => stage.call("rerunWorkflow", { ...noWorkflow, body: { from: ["one"] } }),
      CONFLICT: async (stage) => {
        const params = { workflow_id: await newWorkflow(stage) };
        return stage.call("rerunWorkflow", { params, body: { from: ["one"] } });
      },
    },
  },
};

type Nodes = [typeof node];

function nodeProblems(send: (stage: Stage, nodes: Nodes) => Promise<unknown>) {
  return {
    UNKNOWN_TASK_NAME: (stage: Stage) => send(stage, [{ ...node, task_name: "no-such" }]),
    QUEUE_FULL: async (stage: Stage) =>
      send(stage, [{ ...node, queue_name: await fullQueue(stage) }]),
    QUEUE_DRAINING: async (stage: Stage) =>
      send(stage, [{ ...node, queue_name: await drainingQueue(stage) }]),
  };
}

const noTemplate = { params: { template_name: "no-such" } };
const definition = {
  params: [{ name: "a", type: "number" as const, default: 1 }],
  nodes: [{ ...node, params: { a: { $param: "a" } } }],
};

async function newTemplate(stage: Stage, nodes: object[] = definition.nodes): Promise<string> {
  const name = `template/${randomUUID()}`;
  await stage.call("createTemplate", { body: { name, ...definition, nodes: nodes as Nodes } });
  return name;
}

export const TEMPLATE_CASES: CasesOf<typeof TEMPLATE_ROUTES> = {
  listTemplates: {
    async answers(stage) {
      const name = await newTemplate(stage);
      const { templates, total } = await stage.call("listTemplates");
      assert.equal(total, templates.length);
      assert.ok(templates.some((each) => each.name === name));
    },
    problems: {},
  },
  createTemplate: {
    async answers(stage) {
      const name = randomUUID();
      const template = await stage.call("createTemplate", { body: { name, ...definition } });
      assert.deepEqual([template.name, template.version], [name, 1]);
      assert.deepEqual(template.params, definition.params);
      assert.deepEqual(template.nodes[0]?.["params"], { a: { $param: "a" } });
    },
    problems: {
      ALREADY_EXISTS: async (stage) => {
        const name = await newTemplate(stage);
        return stage.call("createTemplate", { body: { name, ...definition } });
      },
    },
  },
  getTemplate: {
    async answers(stage) {
      const params = { template_name: await newTemplate(stage) };
      assert.equal((await stage.call("getTemplate", { params })).version, 1);
    },
    problems: {
      NOT_FOUND: async (stage) => {
        const params = { template_name: await newTemplate(stage) };
        return stage.call("getTemplate", { params, query: { version: 7 } });
      },
    },
  },
  updateTemplate: {
    async answers(stage) {
      const params = { template_name: await newTemplate(stage) };
      assert.equal((await stage.call("updateTemplate", { params, body: definition })).version, 1);
      const body = { ...definition, nodes: [node] };
      assert.equal((await stage.call("updateTemplate", { params, body })).version, 2);
    },
    problems: {
      NOT_FOUND: (stage) => stage.call("updateTemplate", { ...noTemplate, body: definition }),
    },
  },
  deleteTemplate: {
    async answers(stage) {
      const params = { template_name: await newTemplate(stage) };
      await stage.call("deleteTemplate", { params });
      await assert.rejects(stage.engine.workflows.showTemplate(params.template_name));
    },
    problems: {
      NOT_FOUND: (stage) => stage.call("deleteTemplate", noTemplate),
      CONFLICT: async (stage) => {
        const template = await newTemplate(stage);
        const spec = { cron: "0 3 1 1 *" };
        await stage.engine.schedules.create({ name: template, spec, spawn: { template } });
        return stage.call("deleteTemplate", { params: { template_name: template } });
      },
    },
  },
  planTemplate: {
    async answers(stage) {
      const params = { template_name: await newTemplate(stage) };
      const plan = await stage.call("planTemplate", { params, body: { params: { a: 9 } } });
      assert.deepEqual(plan.params, { a: 9 });
      assert.deepEqual(plan.nodes[0]?.["params"], { a: 9 });
    },
    problems: { NOT_FOUND: (stage) => stage.call("planTemplate", noTemplate) },
  },
  runTemplate: {
    async answers(stage) {
      const params = { template_name: await newTemplate(stage) };
      const { workflow_id: id } = await stage.call("runTemplate", { params });
      const workflow = await stage.engine.workflows.show(id);
      assert.deepEqual([workflow.template, workflow.version], [params.template_name, 1]);
    },
    problems: {
      NOT_FOUND: (stage) => stage.call("runTemplate", noTemplate),
      ...nodeProblems(async (stage, nodes) => {
        const params = { template_name: await newTemplate(stage, nodes) };
        return stage.call("runTemplate", { params });
      }),
    },
  },
};
