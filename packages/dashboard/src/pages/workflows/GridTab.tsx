/** The last runs of a workflow's name by its nodes: what fails often, what got slower. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import type { WorkflowNode, WorkflowSummary } from "@contimg/contract";
import { useEffect, useMemo, useRef } from "react";

import { useApi } from "../../api/api.tsx";
import { gridQuery } from "../../api/workflows.ts";
import { StatusIcon } from "../../components/StatusBadge.tsx";
import { QueryRegion } from "../../components/states.tsx";
import { formatInstant, formatShort } from "../../format/instant.ts";
import { formatCountOf, formatDuration } from "../../format/quantity.ts";
import { useTimeStyle } from "../../settings/settings.ts";
import { barShare, type Grid, gridOf, type GridRow, type Run } from "./grid.model.ts";
import type { TabProps } from "./WorkflowPage.tsx";
import { gridRunCount, nodeLook, WORKFLOW_LOOK } from "./workflows.model.ts";

const ROW_HEIGHT = 30;

export function GridTab({ dag }: TabProps) {
  const { workflow } = dag;
  const limit = gridRunCount(workflow.total_tasks);
  const query = useQuery(gridQuery(useApi(), workflow.name, limit));
  return (
    <QueryRegion query={query} lines={8}>
      {(runs) => <RunGrid runs={runs} workflow={workflow} />}
    </QueryRegion>
  );
}

function RunGrid({ runs, workflow }: { runs: readonly Run[]; workflow: WorkflowSummary }) {
  const grid = useMemo(() => gridOf(runs), [runs]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: grid.rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 10,
  });
  // The latest run is at the right: that is where to begin.
  useEffect(() => {
    scroller.current?.scrollTo({ left: scroller.current.scrollWidth });
  }, [grid.runs.length]);
  const items = virtualizer.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <div className="graph-tab">
      <p className="muted">
        The last {formatCountOf(grid.runs.length, "run")} of {workflow.name}, the latest at the
        right. A full bar took twice the usual time of its node.
      </p>
      <div ref={scroller} className="run-grid" tabIndex={0} role="group" aria-label="Runs by nodes">
        <table aria-rowcount={grid.rows.length + 1}>
          <GridHead grid={grid} current={workflow.workflow_id} />
          <tbody>
            {before > 0 && <Gap height={before} />}
            {items.map((item) => (
              <GridRowView
                key={grid.rows[item.index]!.node}
                row={grid.rows[item.index]!}
                index={item.index}
              />
            ))}
            {after > 0 && <Gap height={after} />}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Gap({ height }: { height: number }) {
  return (
    <tr aria-hidden="true">
      <td style={{ height }} />
    </tr>
  );
}

function GridHead({ grid, current }: { grid: Grid; current: string }) {
  const style = useTimeStyle();
  const now = new Date();
  return (
    <thead>
      <tr>
        <th scope="col">Node</th>
        <th scope="col" className="number">
          Usual
        </th>
        {grid.runs.map(({ workflow }) => {
          const created = new Date(workflow.created_at);
          const { word, tone } = WORKFLOW_LOOK[workflow.status];
          const title = `${formatInstant(created, style)}, ${word}`;
          return (
            <th key={workflow.workflow_id} scope="col" title={title}>
              <Link
                to="/workflows/$workflowId"
                params={{ workflowId: workflow.workflow_id }}
                search={{ tab: "runs" }}
                className={workflow.workflow_id === current ? "run-head is-current" : "run-head"}
                aria-current={workflow.workflow_id === current ? "true" : undefined}
              >
                <StatusIcon tone={tone} />
                <span className="run-time">{formatShort(created, style, now).slice(0, -3)}</span>
                <span className="hidden-text">{title}</span>
              </Link>
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

function GridRowView({ row, index }: { row: GridRow; index: number }) {
  return (
    <tr aria-rowindex={index + 2}>
      <th scope="row" className="clip" title={row.node}>
        {row.node}
        {row.failures > 0 && <span className="danger-text small"> {row.failures} ✕</span>}
      </th>
      <td className="number muted small">{formatDuration(row.usualSeconds)}</td>
      {row.cells.map((cell, column) => (
        <td key={column} className="run-cell">
          {cell && <Cell node={cell} usualSeconds={row.usualSeconds} />}
        </td>
      ))}
    </tr>
  );
}

function Cell({ node, usualSeconds }: { node: WorkflowNode; usualSeconds: number | undefined }) {
  const { word, tone } = nodeLook(node);
  const text = `${node.node}: ${word}, ${formatDuration(node.execution_time_sec)}`;
  return (
    <Link
      to="/tasks/$taskId"
      params={{ taskId: node.task_id }}
      className={`run-mark tone-${tone}`}
      title={node.message === null ? text : `${text}, ${node.message}`}
      aria-label={text}
    >
      <span className="run-bar" style={{ height: `${barShare(node, usualSeconds) * 100}%` }} />
      <StatusIcon tone={tone} />
    </Link>
  );
}
