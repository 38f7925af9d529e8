import assert from "node:assert/strict";

import { type AuditEntry, ROUTES, TERMINAL_ACTIONS } from "@contimg/contract";
import { describe, test } from "vitest";

import {
  ACTIONS,
  actionWords,
  auditFilterOf,
  targetLink,
  targetText,
  timeFault,
  toCsv,
  toJsonLines,
} from "./audit.model.ts";

const NOW = new Date("2026-01-25T09:00:00Z");
const TASK = "0198a000-0000-7000-8000-000000000001";

function entry(given: Partial<AuditEntry> = {}): AuditEntry {
  return {
    audit_id: "7",
    at: "2026-01-25T08:00:00Z",
    actor: "maria",
    role: "operator",
    action: "cancelTask",
    target: TASK,
    reason: null,
    detail: {},
    status: 200,
    request_id: "req-1",
    ...given,
  };
}

describe("the audit log", () => {
  test("knows all that changes something, and no other", () => {
    const names = ACTIONS.map((action) => action.name);
    assert.ok(names.includes("cancelTask") && names.includes("signIn"));
    assert.ok(!names.includes("previewBulk") && !names.includes("listTasks"));
    assert.ok(names.every((name) => name in { ...ROUTES, ...TERMINAL_ACTIONS }));
    assert.equal(actionWords("updateFailureGroup"), "Update failure group");
  });

  test("is asked for what is given, with times as people write them", () => {
    const none = { actor: "", action: "", target: "", from: "", to: "" };
    assert.deepEqual(auditFilterOf(none, NOW), {});
    assert.deepEqual(
      auditFilterOf({ ...none, actor: "maria", from: "-2h", to: "2026-01-25T08:30Z" }, NOW),
      { actor: "maria", from: "2026-01-25T07:00:00.000Z", to: "2026-01-25T08:30:00.000Z" },
    );
    assert.equal(timeFault("yesterday"), undefined);
    assert.match(timeFault("soon") ?? "", /"soon" is no instant/);
    assert.match(timeFault("-2h name:x") ?? "", /no instant/);
  });

  test("leads to what was acted on", () => {
    const to = (given: Partial<AuditEntry>) => targetLink(entry(given));
    assert.deepEqual(to({}), { to: "/tasks/$taskId", params: { taskId: TASK } });
    assert.deepEqual(to({ action: "pauseQueue", target: "dsa" }), {
      to: "/queues/$name",
      params: { name: "dsa" },
    });
    assert.deepEqual(to({ action: "undoBulk" }), { to: "/bulk-actions", search: { id: TASK } });
    assert.deepEqual(to({ action: "setLimit", target: "key/a/b" }), {
      to: "/limits",
      search: { limit: "key/a/b" },
    });
    assert.deepEqual(to({ action: "emitEvent", target: "go" }), {
      to: "/limits",
      search: { tab: "events", event: "go" },
    });
    assert.deepEqual(to({ action: "updateFailureGroup", target: "f00d" }), {
      to: "/failures",
      search: { group: "f00d", state: "all" },
    });
  });

  test("leads nowhere where there is nothing", () => {
    assert.equal(targetLink(entry({ status: 404 })), undefined);
    assert.equal(targetLink(entry({ action: "spawnTask", target: "imaging" })), undefined);
    assert.equal(targetLink(entry({ action: "signOut", target: "" })), undefined);
    assert.equal(targetLink(entry({ action: "gone in a later release" })), undefined);
  });

  test("shows the filter of an action that names no target", () => {
    assert.equal(
      targetText(entry({ target: "", detail: { filter: { task_name: "imaging" } } })),
      '{"task_name":"imaging"}',
    );
    assert.equal(targetText(entry({ target: "", detail: null })), "");
  });
});

describe("an export", () => {
  const odd = entry({ reason: '=cmd|"a", b\nc', detail: { q: "x,y" } });

  test("has one entry a line as JSON, and all of it", () => {
    const lines = toJsonLines([odd, entry()]).split("\n");
    assert.equal(lines.length, 3);
    assert.deepEqual(JSON.parse(lines[0]!), odd);
    assert.equal(toJsonLines([]), "");
  });

  test("is CSV that a spreadsheet reads, and does not run", () => {
    const [head, line] = toCsv([odd]).split("\r\n");
    assert.equal(head, "audit_id,at,actor,role,action,target,reason,status,request_id,detail");
    assert.equal(
      line,
      `7,2026-01-25T08:00:00Z,maria,operator,cancelTask,${TASK},` +
        `"'=cmd|""a"", b\nc",200,req-1,"{""q"":""x,y""}"`,
    );
  });
});
