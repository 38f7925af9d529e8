/**
 * UVH5 subband files of one observation → the calibrated Measurement Set, for when the gains are
 * known before the tile is converted: the raw set in between is neither written nor read.
 *
 * Whether a visibility stands out is known when all have been seen, so a tile that is flagged is
 * read twice, the second time from memory, mostly; one whose files' flags are all, once.
 */
import type { BandIntegration } from "@contimg/formats";

import type { VisibilitySet } from "../calibration/visibility-set.ts";
import type { TileFlagger } from "../flagging/tile-flagger.ts";
import { createBandFlagger } from "./band-flagger.ts";
import { BandReader } from "./band-reader.ts";
import { planConversion, type ConversionPlan } from "./conversion-plan.ts";
import { ConversionTally } from "./conversion-tally.ts";
import {
  allocateBand,
  both,
  type Conversion,
  type ConversionRequest,
  summarize,
} from "./convert-group.ts";
import { integrationGeometry } from "./geometry.ts";
import { groupSet } from "./group-set.ts";
import { closeAll, openSubbands, toPipelineError } from "./open-subbands.ts";
import { checkSignal } from "./signal.ts";

export interface CalibratedGroup<Report> {
  readonly conversion: Conversion;
  readonly report: Report;
}

/**
 * @param calibrate reads the set once, integration by integration in order
 * @throws {PipelineError} as convertGroup does; what `calibrate` throws
 */
export async function calibrateGroup<Report>(
  request: Omit<ConversionRequest, "outputPath">,
  calibrate: (set: VisibilitySet) => Promise<Report>,
): Promise<CalibratedGroup<Report>> {
  const files = openSubbands(request.inputPaths);
  try {
    const plan = planConversion(files, request);
    await using flagger = createBandFlagger(plan, request.flagging, request.threadCount ?? 1);
    const reader = new BandReader(plan);
    const tally = new ConversionTally(files.length);
    if (flagger !== null) await flagAll({ plan, reader, flagger, tally }, request);
    const set = groupSet({
      plan,
      reader,
      ...(flagger === null
        ? {
            onBlocks: (blocks) => {
              tally.add(blocks);
            },
          }
        : { writeFlags: (time, flags) => flagger.write(time, flags) }),
    });
    const report = await calibrate(set);
    checkSignal(files, tally.subbands);
    const flags = flagger === null ? {} : { flags: await flagger.flags() };
    return { conversion: summarize(plan, { tally, ...flags }, false), report };
  } catch (error) {
    throw toPipelineError(error);
  } finally {
    closeAll(files);
  }
}

interface FlagPass {
  readonly plan: ConversionPlan;
  readonly reader: BandReader;
  readonly flagger: TileFlagger;
  readonly tally: ConversionTally;
}

/** The first pass: every visibility is seen, and what stands out decided. */
async function flagAll(
  { plan, reader, flagger, tally }: FlagPass,
  { signal, onIntegration }: Omit<ConversionRequest, "outputPath">,
): Promise<void> {
  const { header } = plan.files[0]!;
  const bands = [allocateBand(plan, false), allocateBand(plan, false)] as const;
  let addLast = (): Promise<void> => Promise.resolve();
  for (let time = 0; time < header.timeCount; time += 1) {
    signal?.throwIfAborted();
    const band: BandIntegration = bands[time % 2]!;
    const { pathM } = integrationGeometry(header, plan.geometry, time);
    const [blocks] = await both(reader.fill(time, pathM, band), addLast());
    tally.add(blocks);
    addLast = () => flagger.add(time, band.vis, band.flags);
    onIntegration?.(time + 1, header.timeCount);
  }
  await addLast();
  await flagger.decide();
}
