/** Where a drawing is looked at: pan, zoom, fit, center. Pure; page = graph × scale + offset. */
import type { Point } from "./graph.model.ts";

export interface View {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export const SCALE_MIN = 0.02;
export const SCALE_MAX = 2;

/** All of a drawing in the middle of a window, never larger than it is. */
export function fitted(drawing: Size, window: Size, margin = 24): View {
  const scale = clampScale(
    Math.min(
      1,
      (window.width - 2 * margin) / Math.max(1, drawing.width),
      (window.height - 2 * margin) / Math.max(1, drawing.height),
    ),
  );
  return {
    scale,
    x: (window.width - drawing.width * scale) / 2,
    y: (window.height - drawing.height * scale) / 2,
  };
}

/** What is under `at` stays there. */
export function zoomed(view: View, factor: number, at: Point): View {
  const scale = clampScale(view.scale * factor);
  const ratio = scale / view.scale;
  return { scale, x: at.x - (at.x - view.x) * ratio, y: at.y - (at.y - view.y) * ratio };
}

export function moved(view: View, dx: number, dy: number): View {
  return { ...view, x: view.x + dx, y: view.y + dy };
}

export function centeredOn(view: View, point: Point, window: Size, scale: number): View {
  const next = clampScale(Math.max(view.scale, scale));
  return {
    scale: next,
    x: window.width / 2 - point.x * next,
    y: window.height / 2 - point.y * next,
  };
}

export function toDrawing(view: View, page: Point): Point {
  return { x: (page.x - view.x) / view.scale, y: (page.y - view.y) / view.scale };
}

function clampScale(scale: number): number {
  return Math.min(SCALE_MAX, Math.max(SCALE_MIN, scale));
}
