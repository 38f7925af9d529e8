/** The states of a task, drawn: where it is, which way it came, how often. */
import type { Task } from "@contimg/contract";
import { type CSSProperties, useEffect, useRef } from "react";

import { formatCount } from "../../format/quantity.ts";
import type { Attempt } from "./attempt.ts";
import {
  type Move,
  MOVES,
  type Place,
  PLACE_LABEL,
  PLACES,
  statePath,
} from "./state-path.model.ts";
import "./StateMachine.css";

const WIDTH = 708;
const BOX = { width: 104, height: 34 };

/** Centers. */
const AT: Readonly<Record<Place, readonly [number, number]>> = {
  spawned: [58, 92],
  waiting: [206, 26],
  deferred: [206, 158],
  parked: [354, 26],
  ready: [354, 92],
  lease: [502, 92],
  completed: [650, 26],
  failed: [650, 92],
  cancelled: [650, 158],
};

const TONE: Readonly<Record<Place, string>> = {
  spawned: "pending",
  waiting: "pending",
  deferred: "retrying",
  parked: "retrying",
  ready: "pending",
  lease: "claimed",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
};

interface StateMachineProps {
  readonly task: Task;
  readonly attempts: readonly Attempt[];
}

export function StateMachine({ task, attempts }: StateMachineProps) {
  const path = statePath(task, attempts);
  const svg = useRef<SVGSVGElement>(null);
  // On a phone it is wider than its panel: the state that the task is in is in the middle.
  useEffect(() => {
    const panel = svg.current?.parentElement;
    if (!panel) return undefined;
    const observer = new ResizeObserver(() => {
      const middle = (AT[path.now][0] / WIDTH) * panel.scrollWidth;
      panel.scrollLeft = middle - panel.clientWidth / 2;
    });
    observer.observe(panel);
    return () => {
      observer.disconnect();
    };
  }, [path.now]);
  const been = PLACES.filter((place) => path.visits[place] > 0).map((place) => PLACE_LABEL[place]);
  return (
    <svg
      ref={svg}
      className="state-machine"
      viewBox={`0 0 ${WIDTH} 184`}
      role="img"
      aria-label={`State: ${PLACE_LABEL[path.now]}. It was: ${been.join(", ")}.`}
    >
      {MOVES.map((move) => (
        <path
          key={move}
          className={path.moves.has(move) ? "move is-taken" : "move"}
          d={lineOf(move)}
        />
      ))}
      {PLACES.map((place) => (
        <Box key={place} place={place} visits={path.visits[place]} isNow={place === path.now} />
      ))}
    </svg>
  );
}

function Box({ place, visits, isNow }: { place: Place; visits: number; isNow: boolean }) {
  const [x, y] = AT[place];
  const classes = ["place", visits > 0 && "was", isNow && "is-now"].filter(Boolean).join(" ");
  const style: CSSProperties = {
    "--tone": `var(--${TONE[place]})`,
    "--tone-bg": `var(--${TONE[place]}-bg)`,
  } as CSSProperties;
  return (
    <g
      className={classes}
      style={style}
      transform={`translate(${x - BOX.width / 2} ${y - BOX.height / 2})`}
    >
      <rect width={BOX.width} height={BOX.height} rx="17" />
      <text x={BOX.width / 2} y="22">
        {PLACE_LABEL[place]}
        {visits > 1 && ` ×${formatCount(visits)}`}
      </text>
    </g>
  );
}

/** A curve between two boxes, with a head at its end. */
function lineOf(move: Move): string {
  const [from, to] = move.split(">") as [Place, Place];
  const [x1, y1] = AT[from];
  const [x2, y2] = AT[to];
  if (move === "lease>deferred") {
    const [start, end] = [`${x1} ${y1 + 17}`, `${x2 + 54} ${y2}`];
    return `M${start}C${x1} ${y2} ${x1 - 20} ${y2} ${end}${head(x2 + 54, y2, "left")}`;
  }
  if (x1 === x2) return `M${x1} ${y1 + 17}L${x2} ${y2 - 19}${head(x2, y2 - 19, "down")}`;
  const [start, end] = [x1 + 52, x2 - 54];
  const middle = (start + end) / 2;
  return `M${start} ${y1}C${middle} ${y1} ${middle} ${y2} ${end} ${y2}${head(end, y2, "right")}`;
}

function head(x: number, y: number, direction: "right" | "left" | "down"): string {
  if (direction === "down") return `M${x - 4} ${y - 5}L${x} ${y}L${x + 4} ${y - 5}`;
  const back = direction === "right" ? -5 : 5;
  return `M${x + back} ${y - 4}L${x} ${y}L${x + back} ${y + 4}`;
}
