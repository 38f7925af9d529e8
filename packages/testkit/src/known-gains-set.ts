/**
 * A Measurement Set of one point source seen through known gains: for tests of solving and
 * applying that must not depend on the conversion. Seeded; equal options make equal sets.
 */
import { createMeasurementSet, putIntegration } from "@contimg/casacore";

const DAY_SECONDS = 86_400;
/** Near the telescope, ITRF. */
const FIRST_HZ = 1.312e9;
const WIDTH_HZ = 1e6;
const ARRAY_CENTER_M = [-2_409_598, -4_478_349, 3_838_607] as const;

export interface KnownGainsOptions {
  readonly antennaCount: number;
  readonly channelCount: number;
  readonly integrationCount: number;
  /** At the phase center, the same in all channels. */
  readonly fluxJy: number;
  /** Rms of each of the real and imaginary part of a visibility, in the correlator's units. */
  readonly noise: number;
  /** These antennas give noise only. */
  readonly deafAntennas?: readonly number[];
  /** Channels of this width from 1.312 GHz; 1 MHz when absent. */
  readonly channelWidthHz?: number;
  /** Antenna names; "1", "2", … when absent. */
  readonly names?: readonly string[];
  /** Added to both receptors of an antenna, in nanoseconds. */
  readonly delaysNs?: ReadonlyMap<number, number>;
  /** Times the noise, on all baselines of an antenna. */
  readonly noiseFactors?: ReadonlyMap<number, number>;
  /** Added to the phase of an antenna's gain, in degrees. */
  readonly phaseDeg?: (antenna: number, integration: number) => number;
  /** Adds an amplitude with random phase to every baseline of a channel and integration. */
  readonly interference?: readonly {
    readonly channel: number;
    readonly integration: number;
    readonly amplitude: number;
  }[];
  /** Called on every integration before it is written: [row, channel, polarization] complex. */
  readonly spoil?: (vis: Float32Array, integration: number) => void;
  readonly seed?: number;
}

export interface KnownGains {
  /** [antenna, channel, polarization] complex: V_pq = g_p · conj(g_q) · flux. */
  readonly gains: Float64Array;
  /** [antenna, polarization] slope of the phases. */
  readonly delaysNs: Float64Array;
  readonly antennaCount: number;
  readonly channelCount: number;
  /** Rows of an integration, autocorrelations first of each antenna: (0,0), (0,1) … */
  readonly antenna1: Int32Array;
  readonly antenna2: Int32Array;
}

/** Writes the set and returns what is true of it. Polarizations are XX and YY. */
export function writeKnownGainsSet(path: string, options: KnownGainsOptions): KnownGains {
  const random = createRandom(options.seed ?? 1);
  const truth = createTruth(options, random);
  const { antennaCount, channelCount, integrationCount, channelWidthHz = WIDTH_HZ } = options;
  const startMjd = 61_000;
  const intervalDays = 12.884902 / DAY_SECONDS;
  const positionsM = Float64Array.from(
    { length: 3 * antennaCount },
    (_, at) => ARRAY_CENTER_M[at % 3]! + 1000 * (random() - 0.5),
  );
  using table = createMeasurementSet(path, {
    telescopeName: "OVRO_MMA",
    observer: "testkit",
    project: "known gains",
    antennas: {
      names:
        options.names ?? Array.from({ length: antennaCount }, (_, antenna) => String(antenna + 1)),
      stations: Array.from({ length: antennaCount }, (_, antenna) => `DSA-${antenna + 1}`),
      positionsM,
      dishDiameterM: new Float64Array(antennaCount).fill(4.65),
    },
    frequencyHz: Float64Array.from(
      { length: channelCount },
      (_, k) => FIRST_HZ + k * channelWidthHz,
    ),
    channelWidthHz,
    correlationTypes: [9, 12],
    field: { name: "known", raRad: 2.2467, decRad: 0.9699 },
    startMjd,
    endMjd: startMjd + integrationCount * intervalDays,
    history: ["simulated with known gains"],
  });
  const rowCount = truth.antenna1.length;
  const uvwM = Float64Array.from(
    { length: 3 * rowCount },
    (_, at) =>
      positionsM[3 * truth.antenna1[Math.floor(at / 3)]! + (at % 3)]! -
      positionsM[3 * truth.antenna2[Math.floor(at / 3)]! + (at % 3)]!,
  );
  for (let integration = 0; integration < integrationCount; integration += 1) {
    const vis = simulateIntegration(options, truth, integration, random);
    options.spoil?.(vis, integration);
    const startRow = integration * rowCount;
    table.addRows(rowCount);
    table.putArray("DATA", startRow, rowCount, vis);
    table.putArray("FLAG", startRow, rowCount, new Uint8Array(vis.length / 2));
    putIntegration(table, startRow, {
      timeMjd: startMjd + (integration + 0.5) * intervalDays,
      intervalSeconds: intervalDays * DAY_SECONDS,
      antenna1: truth.antenna1,
      antenna2: truth.antenna2,
      uvwM,
    });
  }
  return truth;
}

function createTruth(options: KnownGainsOptions, random: () => number): KnownGains {
  const { antennaCount, channelCount, deafAntennas, channelWidthHz = WIDTH_HZ } = options;
  const bandHz = channelWidthHz * channelCount;
  const delaysNs = new Float64Array(antennaCount * 2);
  const gains = new Float64Array(2 * antennaCount * channelCount * 2);
  for (let antenna = 0; antenna < antennaCount; antenna += 1)
    for (let pol = 0; pol < 2; pol += 1) {
      const amplitude = deafAntennas?.includes(antenna) === true ? 0 : 0.7 + 0.6 * random();
      const phase = 2 * Math.PI * random();
      const turns = random() - 0.5 + 1e-9 * (options.delaysNs?.get(antenna) ?? 0) * bandHz;
      delaysNs[2 * antenna + pol] = (1e9 * turns) / bandHz;
      for (let channel = 0; channel < channelCount; channel += 1) {
        const at = 2 * ((antenna * channelCount + channel) * 2 + pol);
        const angle = phase + (2 * Math.PI * turns * channel) / channelCount;
        gains[at] = amplitude * Math.cos(angle);
        gains[at + 1] = amplitude * Math.sin(angle);
      }
    }
  const antenna1: number[] = [];
  const antenna2: number[] = [];
  for (let p = 0; p < antennaCount; p += 1)
    for (let q = p; q < antennaCount; q += 1) {
      antenna1.push(p);
      antenna2.push(q);
    }
  return {
    gains,
    delaysNs,
    antennaCount,
    channelCount,
    antenna1: Int32Array.from(antenna1),
    antenna2: Int32Array.from(antenna2),
  };
}

function simulateIntegration(
  options: KnownGainsOptions,
  { gains, antenna1, antenna2, channelCount }: KnownGains,
  integration: number,
  random: () => number,
): Float32Array {
  const vis = new Float32Array(antenna1.length * channelCount * 4);
  const loud = new Map(
    options.interference
      ?.filter((one) => one.integration === integration)
      .map((one) => [one.channel, one.amplitude]),
  );
  let at = 0;
  const phaseRad = (antenna: number): number =>
    ((options.phaseDeg?.(antenna, integration) ?? 0) * Math.PI) / 180;
  const factor = (antenna: number): number => options.noiseFactors?.get(antenna) ?? 1;
  for (let row = 0; row < antenna1.length; row += 1) {
    const turned = phaseRad(antenna1[row]!) - phaseRad(antenna2[row]!);
    const noise = options.noise * factor(antenna1[row]!) * factor(antenna2[row]!);
    const [cos, sin] = [Math.cos(turned), Math.sin(turned)];
    for (let channel = 0; channel < channelCount; channel += 1)
      for (let pol = 0; pol < 2; pol += 1, at += 2) {
        const p = 2 * ((antenna1[row]! * channelCount + channel) * 2 + pol);
        const q = 2 * ((antenna2[row]! * channelCount + channel) * 2 + pol);
        const [noiseRe, noiseIm] = normalPair(random);
        const [pRe, pIm, qRe, qIm] = [gains[p]!, gains[p + 1]!, gains[q]!, gains[q + 1]!];
        const angle = 2 * Math.PI * random();
        const extra = loud.get(channel) ?? 0;
        const [gRe, gIm] = [pRe * qRe + pIm * qIm, pIm * qRe - pRe * qIm];
        const re = options.fluxJy * (gRe * cos - gIm * sin) + extra * Math.cos(angle);
        const im = options.fluxJy * (gRe * sin + gIm * cos) + extra * Math.sin(angle);
        vis[at] = re + noise * noiseRe;
        vis[at + 1] = im + noise * noiseIm;
      }
  }
  return vis;
}

/** Box & Muller (1958). */
function normalPair(random: () => number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  const angle = 2 * Math.PI * random();
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

/** Numbers in 0 ≤ x < 1: mulberry32. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
