/**
 * A stage that does what its params say, step by step, to try what runs stages: write a file, wait
 * on a FIFO, hang, start a tool, take memory, fail. Needs no science packages.
 */
import { spawn } from "node:child_process";
import { mkdir, open, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { z } from "zod";

import { PipelineError } from "./errors.ts";
import type { RunContext, Stage } from "./stage.ts";

const stepSchema = z.union([
  /** Writes a file of that many bytes into the stage folder, and the folders on its way. */
  z.strictObject({ write: z.string(), bytes: z.int().nonnegative() }),
  /** Opens the FIFO for reading and waits until its writer closes it. */
  z.strictObject({ wait_on: z.string() }),
  /** Blocks the event loop for good; only a signal that cannot be caught helps. */
  z.strictObject({ hang: z.literal(true) }),
  /** Starts a program in a process group of its own, as a tool may, and does not wait for it. */
  z.strictObject({ start_tool: z.array(z.string()).min(1) }),
  z.strictObject({ take_mib: z.number() }),
  z.strictObject({ take_mib: z.number(), seconds: z.number() }),
  z.strictObject({ print: z.string() }),
  z.strictObject({ fail: z.enum(["MalformedFile", "SolutionTooNoisy", "bug"]) }),
  z.strictObject({ await_abort: z.literal(true) }),
]);

const paramsSchema = z.strictObject({
  group_id: z.string(),
  steps: z.array(stepSchema).default([]),
  /** Final path below the data root and the file of the stage folder that goes there. */
  outputs: z.record(z.string(), z.string()).default({}),
  output_bytes: z.number().default(0),
  /** Products to look up first, as a stage does that continues another's work. */
  needs: z.array(z.enum(["photometry", "image"])).default([]),
  /** Absolute paths of further inputs. */
  reads: z.array(z.string()).default([]),
});

type Step = z.infer<typeof stepSchema>;
type Params = z.infer<typeof paramsSchema>;
type Inputs = Pick<Params, "steps" | "outputs" | "output_bytes"> & { readonly needed?: string[] };

export const PROBE_STAGE_URL = import.meta.url;

/** Bears the name of a real stage, because paths.ts gives only those a place for their files. */
export const probeStage: Stage<Params, Inputs, { done: number }> = {
  name: "photometry",
  packages: [],
  params: paramsSchema,
  async resolve({ group_id, steps, outputs, output_bytes, needs, reads }, lookup) {
    const found = await Promise.all(needs.map((kind) => lookup.find(kind, group_id)));
    return { steps, outputs, output_bytes, needed: [...reads, ...found] };
  },
  outputBytes: (inputs) => inputs.output_bytes,
  async run(inputs, context) {
    for (const [index, step] of inputs.steps.entries()) {
      await perform(step, context);
      context.progress((index + 1) / inputs.steps.length, `step ${index + 1}`);
    }
    const outputs = Object.entries(inputs.outputs).map(([finalPath, stagePath]) => ({
      kind: "photometry" as const,
      stagePath,
      finalPath,
      metadata: {},
    }));
    return {
      outputs,
      quality: { grade: "good", findings: [], metrics: {} },
      result: { done: inputs.steps.length },
    };
  },
};

async function perform(step: Step, context: RunContext): Promise<void> {
  if ("write" in step) {
    const path = join(context.stageFolder, step.write);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, Buffer.alloc(step.bytes, "x"));
  } else if ("wait_on" in step) {
    await using fifo = await open(step.wait_on, "r");
    await fifo.readFile();
  } else if ("hang" in step) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  } else if ("start_tool" in step) {
    const [program, ...args] = step.start_tool;
    spawn(program!, args, { detached: true, stdio: "inherit" });
  } else if ("take_mib" in step) {
    const taken = Buffer.alloc(step.take_mib * 2 ** 20, 1);
    // Long enough to be sampled.
    await new Promise((resolve) =>
      setTimeout(resolve, 1000 * ("seconds" in step ? step.seconds : 0.5)),
    );
    console.log(`took ${taken.length} bytes`);
  } else if ("print" in step) {
    console.log(step.print);
  } else if ("fail" in step) {
    throw failure(step.fail);
  } else {
    await new Promise((resolve) => {
      context.signal.addEventListener("abort", resolve, { once: true });
    });
    context.signal.throwIfAborted();
  }
}

function failure(what: "MalformedFile" | "SolutionTooNoisy" | "bug"): Error {
  if (what === "bug") return new TypeError("undefined is not an antenna");
  return new PipelineError(what, `probe fails as asked with ${what}`, { path: "probe" });
}
