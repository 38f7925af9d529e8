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

/** A part of a drawing, in its own units. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export function boxInSight(view: View, window: Size): Box {
  const { x: left, y: top } = toDrawing(view, { x: 0, y: 0 });
  return {
    left,
    top,
    right: left + window.width / view.scale,
    bottom: top + window.height / view.scale,
  };
}

/** What of a drawing is in the box, with a margin around the drawing. Empty: width 0 at least. */
export function within(drawing: Size, box: Box, margin: number): Box {
  const left = Math.max(box.left, -margin);
  const top = Math.max(box.top, -margin);
  return {
    left,
    top,
    right: Math.max(left, Math.min(box.right, drawing.width + margin)),
    bottom: Math.max(top, Math.min(box.bottom, drawing.height + margin)),
  };
}

/** By a share of its size, to each side. */
export function grown({ left, top, right, bottom }: Box, share: number): Box {
  const [dx, dy] = [(right - left) * share, (bottom - top) * share];
  return { left: left - dx, top: top - dy, right: right + dx, bottom: bottom + dy };
}

/** Of an empty box there is nothing to cover. */
export function covers(box: Box, part: Box): boolean {
  if (part.left >= part.right || part.top >= part.bottom) return true;
  return (
    box.left <= part.left &&
    box.top <= part.top &&
    box.right >= part.right &&
    box.bottom >= part.bottom
  );
}
