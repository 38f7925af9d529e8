/** The commands of `absurd`, in the order that help shows. */
import { cancelCommand, retryCommand } from "./cancel.ts";
import { completionCommand } from "./completion.ts";
import { doctorCommand } from "./doctor.ts";
import { dlqCommand } from "./dlq.ts";
import { explainCommand, moveCommand } from "./explain.ts";
import { historyCommand } from "./history.ts";
import { limitsCommand } from "./limits.ts";
import { migrateCommand } from "./migrate.ts";
import { queuesCommand } from "./queues.ts";
import { schedulesCommand } from "./schedules.ts";
import { serveCommand } from "./serve.ts";
import { spawnCommand } from "./spawn.ts";
import { spoolCommand } from "./spool.ts";
import { statsCommand } from "./stats.ts";
import { emitCommand, stepsCommand } from "./steps.ts";
import { tailCommand } from "./tail.ts";
import { taskCommand, tasksCommand } from "./tasks.ts";
import { templatesCommand } from "./templates.ts";
import { topCommand } from "./top.ts";
import { tokenCommand } from "./token.ts";
import { undoCommand } from "./undo.ts";
import { workerCommand } from "./worker.ts";
import { workersCommand } from "./workers.ts";
import { workflowsCommand } from "./workflows.ts";

export const COMMANDS = [
  tasksCommand,
  taskCommand,
  spawnCommand,
  retryCommand,
  cancelCommand,
  undoCommand,
  moveCommand,
  explainCommand,
  tailCommand,
  stepsCommand,
  emitCommand,
  dlqCommand,
  topCommand,
  statsCommand,
  queuesCommand,
  workersCommand,
  schedulesCommand,
  workflowsCommand,
  templatesCommand,
  limitsCommand,
  historyCommand,
  workerCommand,
  spoolCommand,
  serveCommand,
  tokenCommand,
  migrateCommand,
  doctorCommand,
  completionCommand,
];
