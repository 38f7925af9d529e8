/** The canvas, its overview and the view of them: draws once a frame, when something changed. */
import { drawScene, nodeAt, paletteOf, type Scene } from "./scene.ts";
import { NODE_HEIGHT, NODE_WIDTH } from "./graph.model.ts";
import {
  centeredOn,
  fitted,
  moved,
  type Size,
  toDrawing,
  type View,
  zoomed,
} from "./view.model.ts";

const MINIMAP: Size = { width: 180, height: 120 };
const READABLE_SCALE = 0.8;
/** From afar all of the drawing fits a picture, and a pan only moves it. */
const PICTURE_PIXELS_MAX = 4096;
const PICTURE_MARGIN = 8;

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
  readonly #picture = document.createElement("canvas");
  #pictureOf: { readonly scene: Scene; readonly scale: number } | undefined;

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
      if (!this.#drawPicture(context, this.#scene)) {
        drawScene(context, this.#scene, {
          view: this.#view,
          size: this.#size,
          ratio: devicePixelRatio,
        });
      }
      this.#placeFrame(this.#scene);
    });
  }

  /** False: the drawing is too large for a picture at this scale. */
  #drawPicture(context: CanvasRenderingContext2D, scene: Scene): boolean {
    const ratio = devicePixelRatio;
    const { scale, x, y } = this.#view;
    const size = {
      width: scene.layout.width * scale + 2 * PICTURE_MARGIN,
      height: scene.layout.height * scale + 2 * PICTURE_MARGIN,
    };
    if (Math.max(size.width, size.height) * ratio > PICTURE_PIXELS_MAX) return false;
    if (this.#pictureOf?.scene !== scene || this.#pictureOf.scale !== scale) {
      this.#picture.width = Math.ceil(size.width * ratio);
      this.#picture.height = Math.ceil(size.height * ratio);
      const own = this.#picture.getContext("2d");
      if (!own) return false;
      const view = { scale, x: PICTURE_MARGIN, y: PICTURE_MARGIN };
      drawScene(own, scene, { view, size, ratio });
      this.#pictureOf = { scene, scale };
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    const left = Math.round((x - PICTURE_MARGIN) * ratio);
    context.drawImage(this.#picture, left, Math.round((y - PICTURE_MARGIN) * ratio));
    return true;
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
