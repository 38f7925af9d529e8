/**
 * The header of every image product: where it looks, when, with what, made by what from what.
 *
 * Built anew from WSClean's, of which the pixels' coordinates, the beam and the WSC… cards stay.
 * FITS standard 4.0 (2018), sections 8 (world coordinates) and 9 (times).
 */
import { SECONDS_PER_DAY, unixMsFromMjd } from "@contimg/astro";
import { type CardValue, FitsHeader } from "@contimg/formats";

import type { ImagedObservation } from "./observation.ts";
import type { ImageMetrics } from "./quality.ts";

/** Cards that say where an image comes from, beside WSClean's own. */
export interface Provenance {
  readonly groupId: string;
  /** The task, or the run by hand, that made the file. */
  readonly taskId: string;
  readonly contimgVersion: string;
  readonly wscleanVersion: string;
  /** File names of the calibration tables applied; none when the visibilities do not say. */
  readonly calibrationTables: readonly string[];
  /** One line each: what was chosen and why, what had to be tried again. */
  readonly history: readonly string[];
}

export interface HeaderOptions {
  /** 2: the sky only. 4: with axes FREQ and STOKES of one pixel, as some readers of cubes want. */
  readonly axisCount: 2 | 4;
}

const TURN_DEG = 360;
/** What observatories are called in CASA's list, and by everybody else. */
const TELESCOPE_NAMES: Readonly<Record<string, string>> = { OVRO_MMA: "DSA-110" };
const SKY_AXES = /^(CTYPE|CRPIX|CRVAL|CDELT|CUNIT)[12]$/;
const OTHER_AXES = /^(CTYPE|CRPIX|CRVAL|CDELT|CUNIT)[34]$/;
const OWN_OF_WSCLEAN = /^WSC/;

export function productHeader(
  wsclean: FitsHeader,
  observation: ImagedObservation,
  provenance: Provenance,
  { axisCount }: HeaderOptions = { axisCount: 2 },
): FitsHeader {
  const header = new FitsHeader();
  copyCards(wsclean, header, SKY_AXES);
  if (axisCount === 4) copyCards(wsclean, header, OTHER_AXES);
  // WSClean writes right ascensions in -180...180; most readers want 0...360.
  const raDeg = wsclean.number("CRVAL1");
  header.set("CRVAL1", ((raDeg % TURN_DEG) + TURN_DEG) % TURN_DEG, "[deg] reference point");
  header.set("RADESYS", "ICRS", "frame of the coordinates");
  header.set("BUNIT", "Jy/beam", "unit of the pixels");
  header.set("BTYPE", "Intensity", "Stokes I");
  copyCards(wsclean, header, /^(BMAJ|BMIN|BPA)$/, "[deg] restoring beam, FWHM");
  setSpectrum(header, wsclean);
  setTimes(header, observation);
  setTelescope(header, observation);
  setProvenance(header, provenance);
  copyCards(wsclean, header, OWN_OF_WSCLEAN);
  for (const card of wsclean.cards) {
    if (card.keyword === "HISTORY") header.addHistory(card.comment ?? "");
  }
  // Programs say µ and others that FITS has no place for.
  for (const line of provenance.history) {
    header.addHistory(`contimg ${line}`.replaceAll(/[^\x20-\x7e]/g, "?"));
  }
  return header;
}

/** What its gate judges by; the verdict, which may change, is the registry's. */
export function setQuality(header: FitsHeader, metrics: ImageMetrics): void {
  header.set("QARMS", metrics.rms_jy, "[Jy/beam] robust noise before beam correction");
  header.set("QARAT", metrics.noise_ratio, "QARMS over the theoretical noise");
  header.set("QADR", metrics.dynamic_range, "peak over QARMS");
}

function copyCards(from: FitsHeader, to: FitsHeader, keywords: RegExp, comment?: string): void {
  for (const card of from.cards) {
    if (!keywords.test(card.keyword) || card.value === undefined) continue;
    to.set(card.keyword, card.value, comment ?? card.comment);
  }
}

/** Of what WSClean imaged: the whole band, or the part of it that a channel image has. */
function setSpectrum(header: FitsHeader, wsclean: FitsHeader): void {
  const axis = ["3", "4"].find((number) => wsclean.find(`CTYPE${number}`) === "FREQ") ?? "3";
  header.set("SPECSYS", "TOPOCENT", "frame of the frequencies");
  header.set("RESTFRQ", wsclean.number(`CRVAL${axis}`), "[Hz] middle of the band");
  header.set("BANDWID", Math.abs(wsclean.number(`CDELT${axis}`)), "[Hz] from edge to edge");
}

function setTimes(header: FitsHeader, observation: ImagedObservation): void {
  const { timesMjd, integrationSeconds } = observation;
  const half = integrationSeconds / 2 / SECONDS_PER_DAY;
  const [begin, end] = [timesMjd[0]! - half, timesMjd.at(-1)! + half];
  const times: readonly (readonly [name: string, mjd: number, what: string])[] = [
    ["OBS", begin, "start of the tile"],
    ["BEG", begin, "start of the tile"],
    ["AVG", (begin + end) / 2, "middle of the tile"],
    ["END", end, "end of the tile"],
  ];
  header.set("TIMESYS", "UTC", "scale of all times");
  for (const [name, mjd, what] of times) {
    header.set(`DATE-${name}`, isoOf(mjd), what);
    header.set(`MJD-${name}`, mjd, `[d] ${what}`);
  }
  header.set("TELAPSE", (end - begin) * SECONDS_PER_DAY, "[s] from start to end");
  header.set("XPOSURE", timesMjd.length * integrationSeconds, "[s] sum of the integrations");
  header.set("NINTEG", timesMjd.length, "integrations");
}

function setTelescope(header: FitsHeader, observation: ImagedObservation): void {
  const { telescopeName, observer, fieldName, positionM } = observation;
  const said = (keyword: string, value: CardValue, comment: string): void => {
    if (value !== "") header.set(keyword, value, comment);
  };
  said("TELESCOP", TELESCOPE_NAMES[telescopeName] ?? telescopeName, "telescope");
  said("OBSERVER", observer, "who observed");
  said("OBJECT", fieldName, "field");
  for (const [index, axis] of ["X", "Y", "Z"].entries()) {
    header.set(`OBSGEO-${axis}`, positionM[index]!, "[m] ITRF, mean of the antennas");
  }
  header.set("NANT", observation.antennaCount, "antennas with visibilities");
}

function setProvenance(header: FitsHeader, provenance: Provenance): void {
  const { calibrationTables, contimgVersion, wscleanVersion } = provenance;
  header.set("LONGSTRN", "OGIP 1.0", "strings may go on in CONTINUE cards");
  header.set("ORIGIN", "contimg", "pipeline that made this file");
  header.set("GROUPID", provenance.groupId, "subband group of the tile");
  header.set("TASKID", provenance.taskId, "task that made this file");
  header.set("PIPEVER", contimgVersion, "contimg version");
  header.set("WSCVER", wscleanVersion, "WSClean version");
  header.set("NCALTBL", calibrationTables.length, "calibration tables applied");
  for (const [index, table] of calibrationTables.entries()) {
    header.set(`CALTBL${index + 1}`, table, "calibration table applied");
  }
  const calibratedAt = calibrationTables.map((table) => TABLE_TIME.exec(table)?.[0]).find(Boolean);
  if (calibratedAt !== undefined) header.set("CALDATE", calibratedAt, "UTC, of CALTBL1");
}

/** Tables are named after the group that they were solved on. */
const TABLE_TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

function isoOf(mjd: number): string {
  return new Date(Math.round(unixMsFromMjd(mjd))).toISOString().slice(0, -1);
}
