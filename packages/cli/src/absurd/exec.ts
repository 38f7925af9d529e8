/** `absurd worker --exec`: executables as tasks, without a module. */
import { type AnyTask, executable, type ProcessLimits } from "@contimg/absurd";
import { InvalidArgumentError } from "commander";
import { z } from "zod";

interface NamedExecutable {
  readonly name: string;
  readonly command: string;
}

const LIMITS = {
  cpu: "cpuSeconds",
  memory: "memoryBytes",
  data: "dataBytes",
  file: "fileBytes",
  "open-files": "openFiles",
  processes: "processes",
} as const satisfies Readonly<Record<string, keyof ProcessLimits>>;

const FACTORS: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** Commander's parser of a repeated --exec NAME=PATH. */
export function parseExec(
  text: string,
  previous: readonly NamedExecutable[] = [],
): readonly NamedExecutable[] {
  const [, name, command] = /^([^=\s]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || command === undefined) {
    throw new InvalidArgumentError("Expected TASK-NAME=PATH, such as reduce=./reduce.sh.");
  }
  if (previous.some((each) => each.name === name)) {
    throw new InvalidArgumentError(`The task name ${name} is given twice.`);
  }
  return [...previous, { name, command }];
}

/** Commander's parser of a repeated --exec-limit WHAT=VALUE. */
export function parseExecLimit(text: string, previous: ProcessLimits = {}): ProcessLimits {
  const [, what = "", digits, unit = ""] = /^([a-z-]+)=(\d+)([KMG]?)$/.exec(text) ?? [];
  const limit = Object.entries(LIMITS).find(([name]) => name === what)?.[1];
  const value = Number(digits) * (FACTORS[unit] ?? NaN);
  if (limit === undefined || !(value > 0)) {
    const names = Object.keys(LIMITS).join(", ");
    throw new InvalidArgumentError(
      `Expected WHAT=VALUE, such as memory=512M; WHAT is one of ${names}, VALUE a whole number.`,
    );
  }
  return { ...previous, [limit]: value };
}

/** Task definitions that run the executables. */
export function executableTasks(
  executables: readonly NamedExecutable[],
  limits: ProcessLimits,
): AnyTask[] {
  return executables.map(({ name, command }) => ({
    name,
    params: z.json(),
    handler: executable({ command, limits }),
  }));
}
