/** A workflow over time: a bar a node, wait and run; pan by dragging, zoom by wheel or buttons. */
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type PointerEvent, type RefObject, useEffect, useMemo, useRef, useState } from "react";

import { useNow } from "../../components/now.ts";
import { StatusIcon } from "../../components/StatusBadge.tsx";
import { EmptyState } from "../../components/states.tsx";
import { formatDuration } from "../../format/quantity.ts";
import {
  moveSpan,
  placeIn,
  type Span,
  ticksOf,
  type Timeline,
  type TimelineBar,
  timelineOf,
  zoomSpan,
} from "./timeline.model.ts";
import type { TabProps } from "./WorkflowPage.tsx";
import { nodeLook } from "./workflows.model.ts";

const ROW_HEIGHT = 28;
const TICKS = 6;
/** From here on the label of a tick would be cut at the edge: it stands before its line. */
const LAST_TICK_MIN = 0.86;

export function TimelineTab({ dag }: TabProps) {
  const now = useNow().getTime();
  const [clockOffset, setClockOffset] = useState(0);
  // This machine's clock may be behind the database's: nothing ends before it began.
  const latest = Math.max(
    0,
    ...dag.nodes.map((node) => Date.parse(node.completed_at ?? node.claimed_at ?? "") || 0),
  );
  useEffect(() => {
    setClockOffset((offset) => Math.max(offset, latest - Date.now()));
  }, [latest]);
  const isRunning = dag.workflow.status === "running";
  const at = isRunning ? now + clockOffset : latest;
  const timeline = useMemo(
    () =>
      timelineOf(dag.nodes, dag.edges, {
        createdAt: Date.parse(dag.workflow.created_at),
        now: at,
      }),
    [dag, at],
  );
  const [chosen, setSpan] = useState<Span>();
  if (timeline.bars.every((bar) => bar.startAt === undefined)) {
    return <EmptyState title="Nothing of it has begun yet" />;
  }
  const span = chosen ?? widened(timeline);
  return (
    <div className="graph-tab">
      <TimelineControls timeline={timeline} span={span} isAll={!chosen} onSpan={setSpan} />
      <Bars timeline={timeline} span={span} onSpan={setSpan} />
    </div>
  );
}

/** Room for the label of a bar at the end. */
function widened({ from, to }: Span): Span {
  return { from, to: to + (to - from) * 0.04 };
}

function TimelineControls(props: {
  timeline: Timeline;
  span: Span;
  isAll: boolean;
  onSpan: (span: Span | undefined) => void;
}) {
  const { timeline, span, isAll, onSpan } = props;
  const critical = timeline.bars.filter((bar) => bar.isCritical);
  return (
    <div className="row wrap">
      <p className="grow muted">
        {formatDuration((timeline.to - timeline.from) / 1000)} in all.{" "}
        <span className="critical-key">Critical path</span>: {critical.length} of{" "}
        {timeline.bars.length} nodes set its end.
      </p>
      {[
        { label: "Earlier", text: "◀", to: () => moveSpan(span, -0.3) },
        { label: "Later", text: "▶", to: () => moveSpan(span, 0.3) },
        { label: "Zoom in", text: "+", to: () => zoomSpan(span, 0.6, 0.5) },
        { label: "Zoom out", text: "−", to: () => zoomSpan(span, 1 / 0.6, 0.5) },
      ].map((each) => (
        <button
          key={each.label}
          className="icon"
          aria-label={each.label}
          onClick={() => {
            onSpan(each.to());
          }}
        >
          {each.text}
        </button>
      ))}
      <button
        disabled={isAll}
        onClick={() => {
          onSpan(undefined);
        }}
      >
        All
      </button>
    </div>
  );
}

interface BarsProps {
  readonly timeline: Timeline;
  readonly span: Span;
  readonly onSpan: (span: Span) => void;
}

function Bars({ timeline, span, onSpan }: BarsProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: timeline.bars.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 10,
  });
  const drag = usePan(scroller, span, onSpan);
  return (
    <div ref={scroller} className="timeline" tabIndex={0} role="group" aria-label="Timeline">
      <div className="timeline-axis" aria-hidden="true">
        {ticksOf(span, timeline.from, TICKS).map((offset) => {
          const at = timeline.from + offset;
          const left = placeIn(span, at, at)?.left ?? 0;
          return (
            <span
              key={offset}
              className={left > LAST_TICK_MIN ? "timeline-tick is-last" : "timeline-tick"}
              style={{ left: `${left * 100}%` }}
            >
              {offset === 0 ? "begin" : `+${formatDuration(offset / 1000)}`}
            </span>
          );
        })}
      </div>
      <ol className="timeline-rows" style={{ height: virtualizer.getTotalSize() }} {...drag}>
        {virtualizer.getVirtualItems().map((item) => (
          <Bar key={item.key} bar={timeline.bars[item.index]!} span={span} top={item.start} />
        ))}
      </ol>
    </div>
  );
}

function Bar({ bar, span, top }: { bar: TimelineBar; span: Span; top: number }) {
  const { node, readyAt, startAt, endAt, isCritical } = bar;
  const look = nodeLook(node);
  const wait =
    startAt !== undefined && readyAt !== undefined && readyAt < startAt
      ? placeIn(span, readyAt, startAt)
      : undefined;
  const run = startAt !== undefined && endAt !== undefined && placeIn(span, startAt, endAt);
  const seconds = startAt !== undefined && endAt !== undefined ? (endAt - startAt) / 1000 : null;
  const title = `${node.node}: ${look.word}, ${formatDuration(seconds)}${isCritical ? ", on the critical path" : ""}`;
  return (
    <li className="timeline-row" style={{ transform: `translateY(${top}px)` }} title={title}>
      <span className="timeline-label">
        <StatusIcon tone={look.tone} />
        <Link to="/tasks/$taskId" params={{ taskId: node.task_id }} className="clip">
          {node.node}
        </Link>
      </span>
      <span className="timeline-track">
        {wait && <span className="timeline-wait" style={percent(wait)} />}
        {run && (
          <span
            className={`timeline-bar is-${look.tone}${isCritical ? " is-critical" : ""}`}
            style={percent(run)}
          >
            <span className="timeline-text">{formatDuration(seconds)}</span>
          </span>
        )}
      </span>
      <span className="hidden-text">{title}</span>
    </li>
  );
}

function percent({ left, width }: { left: number; width: number }) {
  return { left: `${left * 100}%`, width: `${width * 100}%` };
}

/** The label's column, as the style sheet has it. */
const LABEL_WIDTH = 190;

function usePan(
  scroller: RefObject<HTMLDivElement | null>,
  span: Span,
  onSpan: (span: Span) => void,
) {
  const latest = useRef({ span, onSpan });
  latest.current = { span, onSpan };
  const from = useRef<number>(undefined);
  useEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const share = (event.clientX - box.left - LABEL_WIDTH) / (box.width - LABEL_WIDTH);
      const factor = Math.exp(event.deltaY / 500);
      latest.current.onSpan(zoomSpan(latest.current.span, factor, Math.max(0, share)));
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => {
      element.removeEventListener("wheel", onWheel);
    };
  }, [scroller]);
  return {
    onPointerDown(event: PointerEvent) {
      if (event.target instanceof Element && event.target.closest("a")) return;
      from.current = event.clientX;
      event.currentTarget.setPointerCapture(event.pointerId);
    },
    onPointerMove(event: PointerEvent) {
      if (from.current === undefined) return;
      const width = event.currentTarget.clientWidth - LABEL_WIDTH;
      onSpan(moveSpan(span, (from.current - event.clientX) / width));
      from.current = event.clientX;
    },
    onPointerUp() {
      from.current = undefined;
    },
  };
}
