/** Lines over time, on uPlot: legend with the values under the cursor, time as it was chosen. */
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { formatShort, TIME_MODE_LABEL } from "../format/instant.ts";
import { NONE } from "../format/quantity.ts";
import { getSettings, useTimeStyle } from "../settings/settings.ts";
import { colorOf, onSchemeChange } from "./chart-color.ts";
import "./charts.css";

export interface Series {
  readonly label: string;
  /** A token of theme.css. */
  readonly token: string;
  readonly values: readonly (number | null)[];
  /** Lines of the same hue are told apart by it. */
  readonly dash?: readonly number[];
}

interface TimeSeriesProps {
  readonly label: string;
  /** Seconds since 1970, rising. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  /** Of counts: no line of the grid stands for a part of one. */
  readonly isWhole?: boolean;
  readonly height?: number;
}

export function TimeSeries({
  label,
  times,
  series,
  format,
  isWhole = false,
  height = 180,
}: TimeSeriesProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const { mode } = useTimeStyle();
  const data: uPlot.AlignedData = [[...times], ...series.map((each) => [...each.values])];
  const latest = useRef({ data, series, format });
  latest.current = { data, series, format };
  const shape = series.map((each) => `${each.label}${each.token}`).join();

  useEffect(() => {
    const element = holder.current;
    if (!element) return undefined;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(
        optionsOf(element, { ...latest.current, isWhole, height }),
        latest.current.data,
        element,
      );
    };
    draw();
    const stopScheme = onSchemeChange(draw);
    const observer = new ResizeObserver(() => {
      plot.current?.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      stopScheme();
      observer.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape, isWhole, height, mode]);

  useEffect(() => {
    plot.current?.setData(latest.current.data);
  }, [times, series]);

  return <div ref={holder} className="time-series" role="img" aria-label={label} />;
}

/** 1, 2, 5, 10, 20, … */
const WHOLE_STEPS = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power));

type Look = Required<Pick<TimeSeriesProps, "series" | "format" | "isWhole" | "height">>;

function optionsOf(element: HTMLElement, look: Look): uPlot.Options {
  const { series, format, isWhole, height } = look;
  const grid = { stroke: colorOf(element, "--border"), width: 1 };
  const axis = { stroke: colorOf(element, "--muted"), grid, ticks: grid, font: "11px system-ui" };
  return {
    width: element.clientWidth,
    height,
    // Half of a time stands beyond the last line of the grid.
    padding: [8, 30, 0, 0],
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, _min, max) => [0, max > 0 ? max * 1.08 : 1] } },
    axes: [
      { ...axis, space: 90, values: (_, splits) => splits.map(timeText) },
      {
        ...axis,
        size: 64,
        values: (_, splits) => splits.map(format),
        ...(isWhole ? { incrs: WHOLE_STEPS.flat() } : {}),
      },
    ],
    series: [
      {
        label: `Time, ${TIME_MODE_LABEL[getSettings().timeMode]}`,
        value: (_, value: number | null) => (value ? timeText(value) : NONE),
      },
      ...series.map((each) => ({
        label: each.label,
        stroke: colorOf(element, each.token),
        width: 1.75,
        // A value between two gaps is a line of no length: it is shown as a point.
        points: { show: false, filter: lonePoints },
        ...(each.dash ? { dash: [...each.dash] } : {}),
        value: (_: uPlot, value: number | null) => (value === null ? NONE : format(value)),
      })),
    ],
  };
}

/** Where a value has neither a value before it nor after it. */
export function lonePoints(plot: Pick<uPlot, "data">, seriesIndex: number): number[] | null {
  const values = plot.data[seriesIndex];
  if (!values) return null;
  const isThere = (at: number) => typeof values[at] === "number";
  const lone = Array.from(values, (_, at) => at).filter(
    (at) => isThere(at) && !isThere(at - 1) && !isThere(at + 1),
  );
  return lone.length === 0 ? null : lone;
}

function timeText(seconds: number): string {
  const { timeMode, longitudeDeg } = getSettings();
  return formatShort(new Date(seconds * 1000), { mode: timeMode, longitudeDeg }, new Date());
}
