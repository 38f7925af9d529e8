/** ctrl+K: to any page, task, queue or worker by name, and the actions of the frame. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";

import { useApi } from "../api/api.tsx";
import { queueNamesQuery, taskNamesQuery, workersQuery } from "../api/names.ts";
import { TIME_MODE_LABEL, TIME_MODES } from "../format/instant.ts";
import { NAV_PAGES } from "../nav.ts";
import { useMay } from "../session/session.tsx";
import { changeSettings, DENSITIES, THEMES } from "../settings/settings.ts";
import { Dialog } from "./Dialog.tsx";
import { type Command, isTaskId, matching } from "./palette.model.ts";
import "./CommandPalette.css";

export function CommandPalette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [index, setIndex] = useState(0);
  const fixed = useCommands();
  const own = useTextCommands(text);
  const commands = [
    ...(isTaskId(text) ? own : []),
    ...matching(fixed, text),
    ...(isTaskId(text) ? [] : own),
  ];
  const chosen = Math.min(index, commands.length - 1);
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: "nearest" });
  }, [chosen]);

  function run(command: Command | undefined): void {
    if (!command) return;
    onClose();
    command.run();
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === "ArrowDown") setIndex(Math.min(chosen + 1, commands.length - 1));
    else if (event.key === "ArrowUp") setIndex(Math.max(chosen - 1, 0));
    else if (event.key === "Enter") run(commands[chosen]);
    else return;
    event.preventDefault();
  }

  return (
    <Dialog title="Go to, or do" onClose={onClose}>
      <div className="palette">
        <input
          autoFocus
          role="combobox"
          aria-label="Page, task id, queue, worker, action"
          aria-expanded={commands.length > 0}
          aria-controls="palette-list"
          aria-activedescendant={chosen >= 0 ? `palette-${chosen}` : undefined}
          placeholder="Page, task id, queue, worker, action"
          autoComplete="off"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setIndex(0);
          }}
          onKeyDown={onKeyDown}
        />
        <ul ref={list} id="palette-list" role="listbox" aria-label="Commands">
          {commands.map((command, at) => (
            <li
              key={command.id}
              id={`palette-${at}`}
              role="option"
              aria-selected={at === chosen}
              className="menu-item"
              data-highlighted={at === chosen ? "" : undefined}
              onClick={() => {
                run(command);
              }}
            >
              <span className="grow clip">{command.label}</span>
              <span className="muted small">{command.kind}</span>
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  );
}

/** What the typed text itself is: a task's id, or something to look for. */
function useTextCommands(given: string): readonly Command[] {
  const navigate = useNavigate();
  const text = given.trim();
  if (isTaskId(text)) {
    const run = () => void navigate({ to: "/tasks/$taskId", params: { taskId: text } });
    return [{ id: "task", label: `Open task ${text}`, kind: "Task", run }];
  }
  if (text === "") return [];
  const run = () => void navigate({ to: "/tasks", search: { q: text } });
  return [{ id: "search", label: `Tasks that fit: ${text}`, kind: "Filter", run }];
}

function useCommands(): readonly Command[] {
  const api = useApi();
  const navigate = useNavigate();
  const canSpawn = useMay("operator");
  const { data: queues } = useQuery(queueNamesQuery(api));
  const { data: names } = useQuery(taskNamesQuery(api));
  const { data: workers } = useQuery(workersQuery(api));
  return useMemo(() => {
    const toTasks = (kind: string, term: string, values: readonly string[]) =>
      values.map((value) => ({
        id: `${kind} ${value}`,
        label: value,
        kind,
        run: () =>
          void navigate({ to: "/tasks", search: { q: `${term}:${JSON.stringify(value)}` } }),
      }));
    return [
      ...NAV_PAGES.map((page) => ({
        id: page.to,
        label: page.label,
        kind: "Page",
        run: () => void navigate({ to: page.to }),
      })),
      ...(canSpawn
        ? [
            {
              id: "spawn",
              label: "Spawn a task",
              kind: "Action",
              run: () => void navigate({ to: "/spawn" }),
            },
          ]
        : []),
      ...THEMES.map((theme) => ({
        id: `theme ${theme}`,
        label: `Colors: ${theme}`,
        kind: "Action",
        run: () => {
          changeSettings({ theme });
        },
      })),
      ...DENSITIES.map((density) => ({
        id: `rows ${density}`,
        label: `Rows: ${density}`,
        kind: "Action",
        run: () => {
          changeSettings({ density });
        },
      })),
      ...TIME_MODES.map((timeMode) => ({
        id: `time ${timeMode}`,
        label: `Times in ${TIME_MODE_LABEL[timeMode]}`,
        kind: "Action",
        run: () => {
          changeSettings({ timeMode });
        },
      })),
      ...toTasks("Queue", "queue", queues ?? []),
      ...toTasks("Task name", "name", [...new Set(names?.map((each) => each.task_name))]),
      ...toTasks("Worker", "worker", workers?.workers.map((each) => each.worker_id) ?? []),
    ];
  }, [navigate, canSpawn, queues, names, workers]);
}
