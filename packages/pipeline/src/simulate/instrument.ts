/**
 * The imperfect instrument: per antenna and polarization a gain, a delay, a bandpass and a slow
 * phase drift; some antennas are dead. Drawn from the seed alone, so all groups share it.
 *
 * G(t, ν) = scale · a · r(ν) · exp i[φ + 2π τ (ν − ν0) + ρ(ν) + d(t)].
 * A Measurement Set's data then obey V_pq = G_p conj(G_q) M_pq: G is what a solver should find.
 * d(t) is one sinusoid with a period of 4 to 8 h and an amplitude of 2 to 6°, so that it changes
 * by 2° rms in 40 minutes and an old solution loses 0.1 % of the flux: 1 − exp(−σ²).
 */
import { randomStream, type RandomStream } from "./random.ts";

const BAND_CENTER_HZ = 1.405e9;
const BAND_WIDTH_HZ = 187.5e6;
const DELAY_SIGMA_S = 5e-9;
const RIPPLE_TERMS = 4;
const RIPPLE_AMPLITUDE_SIGMA = 0.06;
const RIPPLE_PHASE_SIGMA_RAD = 0.12;
const DRIFT_DEG = { min: 2, max: 6 };
const DRIFT_PERIOD_HOURS = { min: 4, max: 8 };

/** One antenna and polarization. */
export interface Receiver {
  readonly amplitude: number;
  readonly phaseRad: number;
  readonly delaySeconds: number;
  readonly rippleAmplitudes: readonly number[];
  readonly ripplePhasesRad: readonly number[];
  readonly driftRad: number;
  readonly driftPeriodDays: number;
  readonly driftPhaseRad: number;
}

/** - silent: hears only its own receiver; zero: delivers exact zeros. */
export type Fault = "silent" | "zero";

export interface Instrument {
  /** Indexed [slot][polarization]. */
  readonly receivers: readonly (readonly Receiver[])[];
  /** Slot → what is wrong with it. */
  readonly faults: ReadonlyMap<number, Fault>;
  /** Of voltages: the correlator's units per √Jy. */
  readonly scale: number;
}

export interface InstrumentOptions {
  readonly seed: number;
  readonly slotCount: number;
  readonly faultCandidates: readonly number[];
  readonly faultCount: number;
  /** σ of a cross-correlation's parts, which sets the scale: the median |V| becomes 0.05. */
  readonly noiseJy: number;
  /** False gives unit gains, for accuracy tests; scale and faults stay. */
  readonly corrupted: boolean;
}

const MEDIAN_MAGNITUDE = 0.05;
/** Median of a Rayleigh distribution with σ = 1. */
const RAYLEIGH_MEDIAN = Math.sqrt(2 * Math.LN2);

export function drawInstrument(options: InstrumentOptions): Instrument {
  const receivers = Array.from({ length: options.slotCount }, (_, slot) =>
    [0, 1].map((polarization) => {
      if (!options.corrupted) return PERFECT;
      return drawReceiver(randomStream("receiver", options.seed, slot, polarization));
    }),
  );
  return {
    receivers,
    faults: drawFaults(options),
    scale: Math.sqrt(MEDIAN_MAGNITUDE / (RAYLEIGH_MEDIAN * options.noiseJy)),
  };
}

/** Phase of the slow drift, to be added to that of `gainAt`. */
export function driftAt(receiver: Receiver, mjd: number): number {
  const turn = mjd / receiver.driftPeriodDays;
  return receiver.driftRad * Math.sin(2 * Math.PI * turn + receiver.driftPhaseRad);
}

/** Amplitude and phase at a frequency, without scale and drift. */
export function gainAt(
  receiver: Receiver,
  frequencyHz: number,
): { amplitude: number; phaseRad: number } {
  const offsetHz = frequencyHz - BAND_CENTER_HZ;
  const x = offsetHz / BAND_WIDTH_HZ + 0.5;
  let ripple = 1;
  let phaseRad = receiver.phaseRad + 2 * Math.PI * receiver.delaySeconds * offsetHz;
  for (let term = 0; term < receiver.rippleAmplitudes.length; term++) {
    const wave = Math.cos(Math.PI * (term + 1) * x);
    ripple += receiver.rippleAmplitudes[term]! * wave;
    phaseRad += receiver.ripplePhasesRad[term]! * wave;
  }
  return { amplitude: receiver.amplitude * ripple, phaseRad };
}

const PERFECT: Receiver = {
  amplitude: 1,
  phaseRad: 0,
  delaySeconds: 0,
  rippleAmplitudes: [],
  ripplePhasesRad: [],
  driftRad: 0,
  driftPeriodDays: 1,
  driftPhaseRad: 0,
};

function drawReceiver(random: RandomStream): Receiver {
  const terms = (sigma: number): number[] =>
    Array.from({ length: RIPPLE_TERMS }, () => (sigma * random.normal()) / 2);
  return {
    amplitude: random.between(0.7, 1.3),
    phaseRad: random.between(-Math.PI, Math.PI),
    delaySeconds: DELAY_SIGMA_S * random.normal(),
    rippleAmplitudes: terms(RIPPLE_AMPLITUDE_SIGMA),
    ripplePhasesRad: terms(RIPPLE_PHASE_SIGMA_RAD),
    driftRad: (random.between(DRIFT_DEG.min, DRIFT_DEG.max) * Math.PI) / 180,
    driftPeriodDays: random.between(DRIFT_PERIOD_HOURS.min, DRIFT_PERIOD_HOURS.max) / 24,
    driftPhaseRad: random.between(0, 2 * Math.PI),
  };
}

/** The first fault is a zero antenna, the others are silent ones. */
function drawFaults(options: InstrumentOptions): Map<number, Fault> {
  const random = randomStream("faults", options.seed);
  const candidates = [...options.faultCandidates];
  const faults = new Map<number, Fault>();
  for (let index = 0; index < options.faultCount; index++) {
    const [slot] = candidates.splice(random.integer(candidates.length), 1);
    if (slot !== undefined) faults.set(slot, index === 0 ? "zero" : "silent");
  }
  return faults;
}
