/** One limit: who is in it, who waits for it, and what a person may set. */
import { useQuery } from "@tanstack/react-query";
import type { Limit } from "@contimg/contract";
import { Link } from "@tanstack/react-router";

import { useApi } from "../../api/api.tsx";
import { limitUsersQuery } from "../../api/limits.ts";
import { Elapsed } from "../../components/Elapsed.tsx";
import { SidePanel } from "../../components/SidePanel.tsx";
import { QueryRegion } from "../../components/states.tsx";
import { formatCount, formatId } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";
import type { AskLimit } from "./limit-dialogs.tsx";
import { KIND_MEANING, KIND_WORD, numberText } from "./limits.model.ts";
import { LimitBar } from "./LimitTable.tsx";

interface LimitPanelProps {
  readonly limit: Limit;
  readonly ask: AskLimit;
  readonly onClose: () => void;
}

export function LimitPanel({ limit, ask, onClose }: LimitPanelProps) {
  const query = useQuery(limitUsersQuery(useApi(), limit));
  const canAct = useMay("operator");
  return (
    <SidePanel title={`${KIND_WORD[limit.kind]} ${limit.name}`} onClose={onClose}>
      <p className="muted">{KIND_MEANING[limit.kind]}</p>
      <LimitBar limit={limit} />
      <p>
        {numberText(limit)}
        {limit.kind !== "lock" &&
          (limit.is_pinned
            ? ", set by a person: spawns do not change it."
            : ", as the latest spawn said.")}
      </p>
      {canAct && (
        <div className="row wrap">
          {limit.kind !== "lock" && (
            <button
              className="primary"
              onClick={() => {
                ask({ action: "set", limit });
              }}
            >
              Set…
            </button>
          )}
          <button
            className="plain danger-text"
            onClick={() => {
              ask({ action: "remove", limit });
            }}
          >
            Remove…
          </button>
        </div>
      )}
      <QueryRegion query={query} lines={4}>
        {({ holders, waiters }) => (
          <>
            {limit.kind !== "rate" && (
              <Users
                title="In it"
                users={holders}
                limit={limit}
                count={limit.in_use}
                none="Nobody is in it."
              />
            )}
            <Users
              title="Waiting, the next first"
              users={waiters}
              limit={limit}
              count={limit.waiting}
              none="Nobody waits for it."
            />
          </>
        )}
      </QueryRegion>
    </SidePanel>
  );
}

interface User {
  readonly task_id: string;
  readonly task_name: string;
  readonly mode: "shared" | "exclusive";
  readonly worker_id: string | null;
  readonly claimed_at: string | null;
}

interface UsersProps {
  readonly title: string;
  readonly users: readonly User[];
  readonly limit: Limit;
  readonly count: number;
  readonly none: string;
}

function Users({ title, users, limit, count, none }: UsersProps) {
  return (
    <section>
      <h3>{title}</h3>
      {users.length === 0 && <p className="muted small">{none}</p>}
      <ul className="limit-users">
        {users.map((user) => (
          <li key={user.task_id}>
            <Link
              to="/tasks/$taskId"
              params={{ taskId: user.task_id }}
              className="grow clip"
              title={user.task_id}
            >
              {user.task_name} <span className="mono small">{formatId(user.task_id)}</span>
            </Link>
            {limit.kind === "lock" && user.mode === "shared" && (
              <span className="small">reads</span>
            )}
            <span className="muted small">
              {user.worker_id ?? ""}
              {user.claimed_at !== null && (
                <>
                  {" "}
                  for <Elapsed since={user.claimed_at} />
                </>
              )}
            </span>
          </li>
        ))}
      </ul>
      {count > users.length && (
        <p className="muted small">and {formatCount(count - users.length)} more</p>
      )}
    </section>
  );
}
