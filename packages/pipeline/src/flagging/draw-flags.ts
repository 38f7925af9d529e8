/**
 * The statistics of a tile's flags as one drawing (SVG): antenna by channel, time by channel, and
 * bars by antenna with a color for each reason. Readable on white and, where the viewer asks for
 * it, on black.
 */
import { axisTicks } from "./axis-ticks.ts";
import { heatColor, heatMapPng, heatPosition } from "./heat-map.ts";
import { REASONS } from "./reasons.ts";
import type { FlagStatistics } from "./statistics.ts";

const WIDTH = 1160;
const LEFT = 78;
const RIGHT = 24;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const BARS_HEIGHT = 190;

/** Okabe and Ito's, told apart by most color-blind eyes, and a few greys; by reason. */
const REASON_COLORS: readonly string[] = [
  "#8c8c8c",
  "#5e5e5e",
  "#b9b9b9",
  "#a08060",
  "#6a4c93",
  "#d55e00",
  "#0072b2",
  "#e69f00",
  "#009e73",
  "#56b4e9",
  "#cc79a7",
  "#c2b500",
  "#8a1c4a",
];

const STYLE = `
  svg { color-scheme: light dark; }
  .page { fill: #ffffff; } .ink { fill: #1b1f24; } .soft { fill: #59616b; }
  .line { stroke: #8b949e; fill: none; stroke-width: 1; }
  text { font: 12px sans-serif; } .title { font-size: 17px; }
  .head { font-size: 13px; font-weight: bold; }
  .small { font-size: 10px; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #14171c; } .ink { fill: #e6e8eb; } .soft { fill: #a3abb5; }
  }`;

export function drawFlags(statistics: FlagStatistics): string {
  const { axes } = statistics;
  const rowPixels = Math.max(3, Math.min(12, Math.floor(420 / Math.max(1, axes.antenna.length))));
  const antennaHeight = Math.max(40, rowPixels * axes.antenna.length);
  const timeHeight = Math.max(40, 8 * axes.time_mjd.length);
  const tops = { antenna: 96, time: 0, bars: 0 };
  tops.time = tops.antenna + antennaHeight + 76;
  tops.bars = tops.time + timeHeight + 76;
  const height = tops.bars + BARS_HEIGHT + 74;
  const parts = [
    heading(statistics),
    heatMap(statistics, "antenna", tops.antenna, antennaHeight),
    heatMap(statistics, "time", tops.time, timeHeight),
    bars(statistics, tops.bars),
    legend(statistics, tops.bars + BARS_HEIGHT + 56),
  ];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ` +
    `viewBox="0 0 ${WIDTH} ${height}"><style>${STYLE}</style>` +
    `<rect class="page" width="${WIDTH}" height="${height}"/>${parts.join("\n")}</svg>\n`
  );
}

function heading({ group_id, flagged_fraction, dead_antennas, axes }: FlagStatistics): string {
  const dead =
    dead_antennas.length === 0 ? "no antenna is dead" : `dead: ${dead_antennas.join(", ")}`;
  const share = `${(100 * flagged_fraction).toFixed(2)} % of the cross-correlations of`;
  const left = WIDTH - RIGHT - 202;
  const ramp = Array.from({ length: 101 }, (_, step) => {
    const color = `rgb(${heatColor(100 * (step / 100) ** 2).join(",")})`;
    return rectangle(left + 2 * step, 30, 2.5, 10, color);
  });
  const marks = [0, 1, 10, 50, 100].map((percent) =>
    text(left + 200 * heatPosition(percent), 54, String(percent), "small soft", "middle"),
  );
  return [
    text(LEFT, 34, `Flags of ${group_id}`, "title ink"),
    text(LEFT, 56, `${share} ${axes.antenna.length} active antennas; ${dead}`, "soft"),
    text(WIDTH - RIGHT - 210, 39, "flagged, %", "small soft", "end"),
    ...ramp,
    ...marks,
  ].join("\n");
}

function heatMap(
  statistics: FlagStatistics,
  axis: "antenna" | "time",
  top: number,
  height: number,
): string {
  const { axes } = statistics;
  const isAntenna = axis === "antenna";
  const rows = isAntenna ? statistics.antenna_channel_percent : statistics.time_channel_percent;
  const head = isAntenna ? "Antenna by channel" : "Time by channel";
  const png = heatMapPng(rows, PLOT_WIDTH, height).toString("base64");
  const labels = isAntenna ? antennaLabels(axes.antenna, height) : timeLabels(axes.time_mjd);
  return [
    text(LEFT, top - 10, head, "head ink"),
    `<image x="${LEFT}" y="${top}" width="${PLOT_WIDTH}" height="${height}" ` +
      `preserveAspectRatio="none" href="data:image/png;base64,${png}"/>`,
    frame(top, height),
    ...labels.map(({ at, label }) =>
      text(LEFT - 6, top + ((at + 0.5) * height) / rows.length + 3.5, label, "small ink", "end"),
    ),
    sideways(top + height / 2, isAntenna ? "antenna" : "time, s"),
    frequencyAxis(axes.frequency_hz, top + height),
  ].join("\n");
}

interface RowLabel {
  readonly at: number;
  readonly label: string;
}

/** As many as fit. */
function antennaLabels(names: readonly string[], height: number): RowLabel[] {
  const step = Math.ceil(names.length / Math.floor(height / 11));
  return names.flatMap((label, at) => (at % step === 0 ? [{ at, label }] : []));
}

function timeLabels(timesMjd: readonly number[]): RowLabel[] {
  const step = Math.ceil(timesMjd.length / 12);
  return timesMjd.flatMap((mjd, at) =>
    at % step === 0 ? [{ at, label: ((mjd - timesMjd[0]!) * 86_400).toFixed(0) }] : [],
  );
}

function frequencyAxis(frequencyHz: readonly number[], y: number): string {
  const count = frequencyHz.length;
  const first = frequencyHz[0] ?? 0;
  const last = frequencyHz.at(-1) ?? 0;
  const widthHz = count > 1 ? (last - first) / (count - 1) : 1;
  const lowMhz = (first - widthHz / 2) / 1e6;
  const spanMhz = (count * widthHz) / 1e6;
  const marks = axisTicks(lowMhz, lowMhz + spanMhz, 10).map((mhz) => {
    const x = LEFT + ((mhz - lowMhz) / spanMhz) * PLOT_WIDTH;
    return `${line(x, y, x, y + 5)}${text(x, y + 18, String(mhz), "small ink", "middle")}`;
  });
  return [...marks, text(LEFT + PLOT_WIDTH / 2, y + 33, "frequency, MHz", "ink", "middle")].join(
    "\n",
  );
}

function bars(statistics: FlagStatistics, top: number): string {
  const { axes, by_antenna: byAntenna } = statistics;
  const reasons = REASONS.filter((reason) => byAntenna[reason] !== undefined);
  const totals = axes.antenna.map((_, at) =>
    reasons.reduce((sum, reason) => sum + byAntenna[reason]![at]!, 0),
  );
  const ticks = axisTicks(0, Math.max(0.001, ...totals) * 100, 5);
  const highest = Math.max(ticks.at(-1) ?? 1, 100 * Math.max(0.001, ...totals));
  const step = PLOT_WIDTH / Math.max(1, axes.antenna.length);
  const stacks = axes.antenna.map((_, at) => {
    let base = top + BARS_HEIGHT;
    return reasons
      .map((reason) => {
        const high = ((100 * byAntenna[reason]![at]!) / highest) * BARS_HEIGHT;
        base -= high;
        const color = REASON_COLORS[REASONS.indexOf(reason)]!;
        return high === 0
          ? ""
          : rectangle(LEFT + at * step + step * 0.1, base, step * 0.8, high, color);
      })
      .join("");
  });
  const labelStep = Math.ceil(24 / step);
  const names = axes.antenna.map((name, at) =>
    at % labelStep === 0
      ? text(LEFT + (at + 0.5) * step, top + BARS_HEIGHT + 14, name, "small ink", "middle")
      : "",
  );
  const percents = ticks.map((percent) => {
    const y = top + BARS_HEIGHT - (percent / highest) * BARS_HEIGHT;
    return `${line(LEFT - 5, y, LEFT, y)}${text(LEFT - 8, y + 3.5, String(percent), "small ink", "end")}`;
  });
  return [
    text(LEFT, top - 10, "By antenna and reason", "head ink"),
    frame(top, BARS_HEIGHT),
    ...stacks,
    ...names,
    ...percents,
    sideways(top + BARS_HEIGHT / 2, "flagged, %"),
    text(LEFT + PLOT_WIDTH / 2, top + BARS_HEIGHT + 31, "antenna", "ink", "middle"),
  ].join("\n");
}

function legend({ by_reason: byReason }: FlagStatistics, y: number): string {
  let x = LEFT;
  return REASONS.flatMap((reason, index) => {
    const fraction = byReason[reason];
    if (fraction === undefined) return [];
    const label = `${reason} ${Number((100 * fraction).toPrecision(2))} %`;
    const entry = `${rectangle(x, y - 9, 10, 10, REASON_COLORS[index]!)}${text(x + 15, y, label, "small ink")}`;
    x += 34 + 5.6 * label.length;
    return [entry];
  }).join("\n");
}

function text(x: number, y: number, content: string, style: string, anchor = "start"): string {
  const safe = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${short(x)}" y="${short(y)}" class="${style}" text-anchor="${anchor}">${safe}</text>`;
}

function sideways(y: number, content: string): string {
  return `<text class="ink" text-anchor="middle" transform="translate(28 ${short(y)}) rotate(-90)">${content}</text>`;
}

function frame(top: number, height: number): string {
  return `<rect class="line" x="${LEFT}" y="${top}" width="${PLOT_WIDTH}" height="${height}"/>`;
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="line" x1="${short(x1)}" y1="${short(y1)}" x2="${short(x2)}" y2="${short(y2)}"/>`;
}

function rectangle(x: number, y: number, width: number, height: number, color: string): string {
  return `<rect x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}" fill="${color}"/>`;
}

/** A hundredth of a pixel is enough. */
function short(value: number): string {
  return String(Math.round(100 * value) / 100);
}
