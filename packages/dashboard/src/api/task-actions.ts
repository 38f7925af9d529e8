/** What operators do to one task. Each asks for the task, and what depends on it, anew. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ClientInput, ROUTES } from "@contimg/contract";

import { useApi } from "./api.tsx";

type Body<Name extends "retryTask" | "respawnTask" | "moveTask" | "spawnTask"> = NonNullable<
  ClientInput<(typeof ROUTES)[Name]>["body"]
>;

export type SpawnBody = Body<"spawnTask">;
export type RespawnBody = Body<"respawnTask">;

export function useTaskActions() {
  const { client } = useApi();
  const queries = useQueryClient();
  const onSettled = async () => {
    await Promise.all(
      [["task"], ["task-head"], ["task-counts"], ["overview"]].map((queryKey) =>
        queries.invalidateQueries({ queryKey }),
      ),
    );
  };
  const cancel = useMutation({
    mutationFn: ({ taskId, reason }: { taskId: string; reason: string | undefined }) =>
      client.call("cancelTask", {
        params: { task_id: taskId },
        query: reason === undefined ? {} : { reason },
      }),
    onSettled,
  });
  const retry = useMutation({
    mutationFn: ({ taskId, body }: { taskId: string; body: Body<"retryTask"> }) =>
      client.call("retryTask", { params: { task_id: taskId }, body }),
    onSettled,
  });
  const respawn = useMutation({
    mutationFn: ({ taskId, body }: { taskId: string; body: RespawnBody }) =>
      client.call(
        "respawnTask",
        { params: { task_id: taskId }, body },
        { idempotencyKey: crypto.randomUUID() },
      ),
    onSettled,
  });
  const move = useMutation({
    mutationFn: ({ taskId, body }: { taskId: string; body: Body<"moveTask"> }) =>
      client.call("moveTask", { params: { task_id: taskId }, body }),
    onSettled,
  });
  const spawn = useMutation({
    mutationFn: ({ body, idempotencyKey }: { body: SpawnBody; idempotencyKey: string }) =>
      client.call("spawnTask", { body }, { idempotencyKey }),
    onSettled,
  });
  return { cancel, retry, respawn, move, spawn };
}
