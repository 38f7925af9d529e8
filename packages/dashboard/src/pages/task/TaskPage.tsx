/** One task: where it stands, why, what it did, what can be done about it. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiProblem, type Task } from "@contimg/contract";
import { Link, useNavigate } from "@tanstack/react-router";

import { useApi } from "../../api/api.tsx";
import { taskLogQuery } from "../../api/task-log.ts";
import { attemptsQuery, isMoving, taskQuery } from "../../api/tasks.ts";
import { JsonView } from "../../components/JsonView.tsx";
import { useKeys } from "../../components/keys.ts";
import { LogView } from "../../components/LogView.tsx";
import { Page } from "../../components/Page.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { StatusBadge } from "../../components/StatusBadge.tsx";
import { type Tab, Tabs } from "../../components/Tabs.tsx";
import {
  CancelDialog,
  MoveDialog,
  RespawnDialog,
  RetryDialog,
} from "../../components/TaskDialogs.tsx";
import { useMay } from "../../session/session.tsx";
import { AttemptsTab } from "./AttemptsTab.tsx";
import { Explanations } from "./Explanations.tsx";
import { LineageTab } from "./LineageTab.tsx";
import { taskRoute, type TABS } from "./route.ts";
import { StateMachine } from "./StateMachine.tsx";
import { StepsTab } from "./StepsTab.tsx";
import { TaskError } from "./TaskError.tsx";
import { TaskFacts } from "./TaskFacts.tsx";
import { TimelineTab } from "./TimelineTab.tsx";
import "./task.css";

type TabId = (typeof TABS)[number];

export function TaskPage() {
  const { taskId } = taskRoute.useParams();
  const query = useQuery(taskQuery(useApi(), taskId));
  const { error } = query;
  if (error instanceof ApiProblem && ["NOT_FOUND", "INVALID_PARAMS"].includes(error.problem.code)) {
    return (
      <Page title="Task">
        <EmptyState title={`There is no task ${taskId}.`}>
          It may be older than the history that is kept.{" "}
          <Link to="/tasks" search={{}}>
            To the tasks
          </Link>
        </EmptyState>
      </Page>
    );
  }
  const task = query.data;
  return (
    <Page
      title={task?.task_name ?? "Task"}
      heading={
        task && (
          <>
            {task.task_name} <StatusBadge status={task.status} />
          </>
        )
      }
      actions={task && <TaskActions task={task} />}
    >
      <QueryRegion query={query} lines={8}>
        {(found) => <TaskBody task={found} />}
      </QueryRegion>
    </Page>
  );
}

function TaskBody({ task }: { task: Task }) {
  const { data: attempts = [] } = useQuery(attemptsQuery(useApi(), task.task_id));
  return (
    <div className="stack">
      <div className="task-top">
        <div className="stack">
          <section className="panel task-states" aria-label="States" tabIndex={0}>
            <StateMachine task={task} attempts={attempts} />
          </section>
          {isMoving(task) && <Explanations taskId={task.task_id} />}
          {task.error_detail && <TaskError task={task} error={task.error_detail} />}
        </div>
        <section className="panel" aria-label="Facts">
          <TaskFacts task={task} />
        </section>
      </div>
      <TaskTabs task={task} attempts={attempts} />
      <TaskDialog task={task} />
    </div>
  );
}

function useDialog() {
  const navigate = useNavigate({ from: "/tasks/$taskId" });
  return (dialog: "cancel" | "retry" | "respawn" | "move" | undefined, step?: string) =>
    void navigate({ search: (search) => ({ ...search, dialog, step }), replace: true });
}

/** A task that ended, other than well, may have a new start. */
function canRetry(task: Task): boolean {
  return task.status === "failed" || task.status === "cancelled";
}

function TaskActions({ task }: { task: Task }) {
  const canAct = useMay("operator");
  const open = useDialog();
  const canMove = task.status === "pending" || task.status === "retrying";
  useKeys(
    "Task",
    canAct
      ? [
          ...(canRetry(task)
            ? [
                {
                  keys: "r",
                  label: "Retry",
                  run: () => {
                    open("retry");
                  },
                },
              ]
            : []),
          ...(isMoving(task)
            ? [
                {
                  keys: "c",
                  label: "Cancel",
                  run: () => {
                    open("cancel");
                  },
                },
              ]
            : []),
          {
            keys: "e",
            label: "Edit and spawn again",
            run: () => {
              open("respawn");
            },
          },
        ]
      : [],
  );
  if (!canAct) return null;
  const button = (label: string, dialog: "cancel" | "retry" | "respawn" | "move", kind = "") => (
    <button
      className={kind}
      onClick={() => {
        open(dialog);
      }}
    >
      {label}
    </button>
  );
  return (
    <>
      {canMove && button("Move", "move")}
      {button("Edit and spawn again", "respawn")}
      {canRetry(task) && button("Retry", "retry", "primary")}
      {isMoving(task) &&
        button(task.cancel_requested ? "Cancel again" : "Cancel", "cancel", "danger")}
    </>
  );
}

function TaskDialog({ task }: { task: Task }) {
  const { dialog, step } = taskRoute.useSearch();
  const open = useDialog();
  const canAct = useMay("operator");
  const props = {
    task,
    onClose: () => {
      open(undefined);
    },
  };
  if (!canAct) return null;
  if (dialog === "cancel") return <CancelDialog {...props} />;
  if (dialog === "retry") return <RetryDialog {...props} fromStep={step} />;
  if (dialog === "move") return <MoveDialog {...props} />;
  if (dialog === "respawn") return <RespawnDialog {...props} />;
  return null;
}

function TaskTabs({ task, attempts }: Parameters<typeof TimelineTab>[0]) {
  const { tab } = taskRoute.useSearch();
  const navigate = useNavigate({ from: "/tasks/$taskId" });
  const open = useDialog();
  const canAct = useMay("operator");
  const rerun =
    canAct && canRetry(task)
      ? (step: string) => {
          open("retry", step);
        }
      : undefined;
  const tabs: readonly Tab<TabId>[] = [
    { id: "log", label: "Log", render: () => <LogTab task={task} /> },
    { id: "attempts", label: "Attempts", render: () => <AttemptsTab taskId={task.task_id} /> },
    {
      id: "steps",
      label: "Steps",
      render: () => <StepsTab taskId={task.task_id} onRerun={rerun} />,
    },
    {
      id: "timeline",
      label: "Timeline",
      render: () => <TimelineTab task={task} attempts={attempts} />,
    },
    { id: "lineage", label: "Lineage", render: () => <LineageTab taskId={task.task_id} /> },
    { id: "data", label: "Params and result", render: () => <DataTab task={task} /> },
  ];
  return (
    <Tabs
      label="About this task"
      tabs={tabs}
      value={tab}
      onChange={(next) =>
        void navigate({ search: (search) => ({ ...search, tab: next }), replace: true })
      }
    />
  );
}

function LogTab({ task }: { task: Task }) {
  const query = useQuery(taskLogQuery(useApi(), useQueryClient(), task.task_id));
  return (
    <QueryRegion query={query}>
      {({ lines, isEnded }) => (
        <LogView lines={lines} isEnded={isEnded} fileName={`${task.task_id}.log`} />
      )}
    </QueryRegion>
  );
}

function DataTab({ task }: { task: Task }) {
  return (
    <div className="task-data">
      <section className="stack">
        <h2>Params</h2>
        <JsonView value={task.params} label="Params" />
      </section>
      <section className="stack">
        <h2>Result</h2>
        <JsonView value={task.result} label="Result" />
      </section>
    </div>
  );
}
