/** When tiles came and ended, how far behind the sky the pipeline was, and what it needed. */
import { TILE_SECONDS } from "@contimg/pipeline";

export interface Timing {
  /** From the first tile's last file to the end of the last tile. */
  readonly seconds: number;
  /** Observed time over that time: above 1, the pipeline is faster than the sky turns. */
  readonly realTimeFactor: number | null;
  /** Tiles that had come and not ended, at the worst moment. */
  readonly tilesBehindMax: number;
  /** From a tile's last file to its end, of those that did not wait for a calibration. */
  readonly latencySeconds: { readonly median: number; readonly p95: number; readonly max: number };
  /** Of ingest, workers and stages together, at the worst moment. */
  readonly peakMib: number;
}

interface EndedTile {
  readonly latencySeconds: number | null;
  readonly endedAt: Date | null;
}

export class Punctuality {
  readonly #cameMs = new Map<string, number>();
  readonly #startMs = Date.now();
  #firstMs: number | undefined;
  #behindMax = 0;
  #peakMib = 0;

  /** The last of a tile's files is there; a later one counts anew. */
  delivered(groupId: string): void {
    this.#firstMs ??= Date.now();
    this.#cameMs.set(groupId, Date.now());
  }

  hasCome(groupId: string): boolean {
    return this.#cameMs.has(groupId);
  }

  behind(tileCount: number): void {
    this.#behindMax = Math.max(this.#behindMax, tileCount);
  }

  uses(residentMib: number): void {
    this.#peakMib = Math.max(this.#peakMib, residentMib);
  }

  latencySeconds(groupId: string, endedAt: Date): number | null {
    const cameMs = this.#cameMs.get(groupId);
    return cameMs === undefined ? null : (endedAt.getTime() - cameMs) / 1000;
  }

  /** Since the night began. */
  seconds(): number {
    return (Date.now() - this.#startMs) / 1000;
  }

  summary(tiles: readonly EndedTile[], imagedCount: number): Timing {
    const endMs = Math.max(...tiles.map(({ endedAt }) => endedAt?.getTime() ?? 0));
    const seconds = Math.max(0, (endMs - (this.#firstMs ?? endMs)) / 1000);
    const latencies = tiles
      .flatMap(({ latencySeconds }) => (latencySeconds === null ? [] : [latencySeconds]))
      .sort((a, b) => a - b);
    return {
      seconds,
      realTimeFactor: seconds > 0 ? (imagedCount * TILE_SECONDS) / seconds : null,
      tilesBehindMax: this.#behindMax,
      latencySeconds: {
        median: quantile(latencies, 0.5),
        p95: quantile(latencies, 0.95),
        max: quantile(latencies, 1),
      },
      peakMib: this.#peakMib,
    };
  }
}

/** Of ascending values, the nearest rank; 0 of none. */
function quantile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? 0;
}
