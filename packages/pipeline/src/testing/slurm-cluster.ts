/**
 * A Slurm cluster of one node, for tests: Debian's slurmctld and slurmd on the loopback address,
 * with everything they write in a folder of its own. Needs root, as slurmd does, and no munge.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

import { until } from "@contimg/testkit";

const PROGRAMS = ["/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/bin/sbatch", "/usr/bin/squeue"];

/** What is missing here, as a skipped test says it; "" when a cluster can be started. */
export function whyNoSlurm(): string {
  if (process.getuid?.() !== 0) return "root";
  return PROGRAMS.every((path) => existsSync(path)) ? "" : "slurmctld, slurmd and slurm-client";
}

export interface SlurmCluster {
  /** The variable that leads Slurm's commands here. */
  readonly environment: { readonly SLURM_CONF: string };
  /** The words of a command. */
  run(program: string, ...words: string[]): string;
  stop(): Promise<void>;
}

export async function startSlurm(): Promise<SlurmCluster> {
  const folder = mkdtempSync(join(tmpdir(), "contimg-slurm-"));
  for (const name of ["state", "spool"]) mkdirSync(join(folder, name));
  const [controllerPort, nodePort] = [await freePort(), await freePort()];
  const path = join(folder, "slurm.conf");
  writeFileSync(path, configuration(folder, controllerPort, nodePort));
  const environment = { SLURM_CONF: path };
  const daemons = [start("slurmctld", environment), start("slurmd", environment)];
  const run = (program: string, ...words: string[]): string =>
    execFileSync(program, words, {
      encoding: "utf8",
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  await until(() => isIdle(run), { what: "the node is idle" });
  return {
    environment,
    run,
    async stop() {
      run("scancel", "--user=root");
      await until(() => run("squeue", "--noheader") === "", { what: "jobs have ended" });
      for (const daemon of daemons.toReversed()) await end(daemon);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isIdle(run: SlurmCluster["run"]): boolean {
  try {
    return run("sinfo", "--noheader", "--format=%T") === "idle";
  } catch {
    return false; // The controller does not answer yet.
  }
}

/** In the foreground, so that its process is ours to end. */
function start(program: string, environment: Record<string, string>): ChildProcess {
  return spawn(`/usr/sbin/${program}`, ["-D"], {
    env: { ...process.env, ...environment },
    stdio: "ignore",
  });
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const gone = new Promise((resolve) => daemon.once("exit", resolve));
  daemon.kill("SIGKILL");
  await gone;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => {
        resolve(port);
      });
    });
  });
}

function configuration(folder: string, controllerPort: number, nodePort: number): string {
  const name = hostname();
  return `
ClusterName=contimg
SlurmctldHost=${name}(127.0.0.1)
SlurmctldPort=${controllerPort}
SlurmdPort=${nodePort}
AuthType=auth/none
CredType=cred/none
SlurmUser=root
SlurmdUser=root
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
SlurmctldLogFile=${folder}/slurmctld.log
SlurmdLogFile=${folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
SchedulerType=sched/builtin
PriorityType=priority/basic
KillWait=2
NodeName=${name} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=night Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`;
}
