/** A small line without axes; what it says stands beside it, and in its label. */
import "./charts.css";

interface SparklineProps {
  /** Null: nothing is known of that step. */
  readonly values: readonly (number | null)[];
  readonly label: string;
  readonly token?: string;
}

const WIDTH = 120;
const HEIGHT = 32;

export function Sparkline({ values, label, token = "--accent" }: SparklineProps) {
  // Of one point there is no line.
  if (values.filter((value) => value !== null).length < 2) return null;
  return (
    <svg
      className="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path d={sparkPath(values)} style={{ stroke: `var(${token})` }} />
    </svg>
  );
}

/** From 0 at the bottom to the largest value; a gap where a value is null. */
export function sparkPath(values: readonly (number | null)[]): string {
  const top = Math.max(1e-9, ...values.map((value) => value ?? 0));
  const step = values.length > 1 ? WIDTH / (values.length - 1) : 0;
  let isPenDown = false;
  return values
    .flatMap((value, index) => {
      if (value === null) {
        isPenDown = false;
        return [];
      }
      const x = (index * step).toFixed(1);
      const y = (HEIGHT - 2 - (value / top) * (HEIGHT - 4)).toFixed(1);
      const command = isPenDown ? "L" : "M";
      isPenDown = true;
      return [`${command}${x} ${y}`];
    })
    .join("");
}
