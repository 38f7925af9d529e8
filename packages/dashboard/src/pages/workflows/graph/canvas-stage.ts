/**
 * The canvas, its overview and the view of them: draws once a frame, when something changed. While
 * it is moved, a picture of the drawing is moved and stretched; once it rests, it is drawn sharp.
 */
import { drawScene, nodeAt, paletteOf, type Scene } from "./scene.ts";
import { NODE_HEIGHT, NODE_WIDTH } from "./graph.model.ts";
import {
  type Box,
  boxInSight,
  centeredOn,
  covers,
  fitted,
  grown,
  moved,
  type Size,
  toDrawing,
  type View,
  within,
  zoomed,
} from "./view.model.ts";

const MINIMAP: Size = { width: 180, height: 120 };
const READABLE_SCALE = 0.8;
/** A drawing that is not larger has a picture of all of it; else of what is in sight and around. */
const PICTURE_PIXELS_MAX = 4096;
const AROUND_SHARE = 0.5;
/** Lines of what stands at the edge, in units of the drawing. */
const EDGE_MARGIN = 8;
/** So far a picture is stretched; beyond, words and lines would be mud. */
const STRETCH_MAX = 2;
/** After the last move. Longer than the gap between two turns of a wheel. */
const REST_MS = 140;

const ALL: Box = { left: -Infinity, top: -Infinity, right: Infinity, bottom: Infinity };

/** What the picture is of. */
interface Pictured {
  readonly scene: Scene;
  readonly scale: number;
  readonly box: Box;
}

interface At {
  readonly offsetX: number;
  readonly offsetY: number;
}

export class CanvasStage {
  readonly #canvas: HTMLCanvasElement;
  readonly #minimap: HTMLCanvasElement;
  readonly #frame: HTMLElement;
  readonly #observer: ResizeObserver;
  #scene: Scene | undefined;
  #view: View = { x: 0, y: 0, scale: 1 };
  #size: Size = { width: 0, height: 0 };
  #isFitted = true;
  #request = 0;
  #restTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #picture = document.createElement("canvas");
  #pictureOf: Pictured | undefined;

  constructor(canvas: HTMLCanvasElement, minimap: HTMLCanvasElement, frame: HTMLElement) {
    this.#canvas = canvas;
    this.#minimap = minimap;
    this.#frame = frame;
    this.#observer = new ResizeObserver(() => {
      this.#resize();
    });
    this.#observer.observe(canvas);
    // React's own wheel listener is passive: the page would scroll, too.
    canvas.addEventListener("wheel", this.#onWheel, { passive: false });
    this.#resize();
  }

  stop(): void {
    this.#observer.disconnect();
    this.#canvas.removeEventListener("wheel", this.#onWheel);
    cancelAnimationFrame(this.#request);
    clearTimeout(this.#restTimer);
  }

  show(content: Omit<Scene, "palette">): void {
    this.#scene = { ...content, palette: paletteOf(this.#canvas) };
    this.#drawMinimap(this.#scene);
    this.#drawSoon();
  }

  move(dx: number, dy: number): void {
    this.#look(moved(this.#view, dx, dy));
  }

  zoom(factor: number, at = { x: this.#size.width / 2, y: this.#size.height / 2 }): void {
    this.#look(zoomed(this.#view, factor, at));
  }

  fit(): void {
    if (!this.#scene) return;
    this.#look(fitted(this.#scene.layout, this.#size));
    this.#isFitted = true;
  }

  center(id: string): void {
    const point = this.#scene?.layout.at.get(id);
    if (!point) return;
    const middle = { x: point.x + NODE_WIDTH / 2, y: point.y + NODE_HEIGHT / 2 };
    this.#look(centeredOn(this.#view, middle, this.#size, READABLE_SCALE));
  }

  /** To where the overview was pressed. */
  jump({ offsetX, offsetY }: At): void {
    if (!this.#scene) return;
    const overview = fitted(this.#scene.layout, MINIMAP, 4);
    const point = toDrawing(overview, { x: offsetX, y: offsetY });
    this.#look(centeredOn(this.#view, point, this.#size, 0));
  }

  nodeAt({ offsetX, offsetY }: At): string | undefined {
    if (!this.#scene) return undefined;
    const { x, y } = toDrawing(this.#view, { x: offsetX, y: offsetY });
    return nodeAt(this.#scene, x, y);
  }

  #look(view: View): void {
    this.#view = view;
    this.#isFitted = false;
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => {
      this.#restTimer = undefined;
      this.#drawSoon();
    }, REST_MS);
    this.#drawSoon();
  }

  readonly #onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    if (event.shiftKey) this.move(-event.deltaY, 0);
    else this.zoom(Math.exp(-event.deltaY / 500), { x: event.offsetX, y: event.offsetY });
  };

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    this.#size = { width, height };
    this.#canvas.width = Math.round(width * devicePixelRatio);
    this.#canvas.height = Math.round(height * devicePixelRatio);
    if (this.#isFitted) this.fit();
    this.#drawSoon();
  }

  #drawSoon(): void {
    if (this.#request !== 0) return;
    this.#request = requestAnimationFrame(() => {
      this.#request = 0;
      const context = this.#canvas.getContext("2d");
      if (!context || !this.#scene) return;
      this.#drawPicture(context, this.#scene);
      this.#placeFrame(this.#scene);
    });
  }

  #drawPicture(context: CanvasRenderingContext2D, scene: Scene): void {
    const { scale, x, y } = this.#view;
    const { box, scale: pictured } = this.#picturedPart(scene);
    const stretch = scale / pictured;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    context.drawImage(
      this.#picture,
      Math.round((x + box.left * scale) * devicePixelRatio),
      Math.round((y + box.top * scale) * devicePixelRatio),
      this.#picture.width * stretch,
      this.#picture.height * stretch,
    );
  }

  /** The picture that is shown, drawn anew when it must be. */
  #picturedPart(scene: Scene): Pictured {
    const { scale } = this.#view;
    const sight = boxInSight(this.#view, this.#size);
    const seen = within(scene.layout, sight, EDGE_MARGIN);
    const has = this.#pictureOf;
    if (has?.scene === scene && covers(has.box, seen)) {
      const stretch = Math.max(scale / has.scale, has.scale / scale);
      if (stretch === 1 || (this.#restTimer !== undefined && stretch <= STRETCH_MAX)) return has;
    }
    const pixels = Math.max(scene.layout.width, scene.layout.height) * scale * devicePixelRatio;
    const wanted = pixels > PICTURE_PIXELS_MAX ? grown(sight, AROUND_SHARE) : ALL;
    const box = within(scene.layout, wanted, EDGE_MARGIN);
    this.#paint(scene, box);
    this.#pictureOf = { scene, scale, box };
    return this.#pictureOf;
  }

  #paint(scene: Scene, box: Box): void {
    const { scale } = this.#view;
    const ratio = devicePixelRatio;
    const size = {
      width: Math.max(1, (box.right - box.left) * scale),
      height: Math.max(1, (box.bottom - box.top) * scale),
    };
    this.#picture.width = Math.ceil(size.width * ratio);
    this.#picture.height = Math.ceil(size.height * ratio);
    const context = this.#picture.getContext("2d");
    if (!context) return;
    const view = { scale, x: -box.left * scale, y: -box.top * scale };
    drawScene(context, scene, { view, size, ratio });
  }

  #drawMinimap(scene: Scene): void {
    const ratio = devicePixelRatio;
    this.#minimap.width = MINIMAP.width * ratio;
    this.#minimap.height = MINIMAP.height * ratio;
    const context = this.#minimap.getContext("2d");
    if (!context) return;
    const view = fitted(scene.layout, MINIMAP, 4);
    drawScene(
      context,
      { ...scene, graph: { nodes: scene.graph.nodes, edges: [] }, selected: undefined },
      { view, size: MINIMAP, ratio },
    );
  }

  /** The part of the overview that is in sight. */
  #placeFrame({ layout }: Scene): void {
    const overview = fitted(layout, MINIMAP, 4);
    const topLeft = toDrawing(this.#view, { x: 0, y: 0 });
    const x = topLeft.x * overview.scale + overview.x;
    const y = topLeft.y * overview.scale + overview.y;
    const ratio = overview.scale / this.#view.scale;
    const style = this.#frame.style;
    style.transform = `translate(${x}px, ${y}px)`;
    style.width = `${this.#size.width * ratio}px`;
    style.height = `${this.#size.height * ratio}px`;
  }
}
