/**
 * The two faces of a task's identity: the number the database works with and the UUID people see.
 * The same bijection as absurd.task_uuid and absurd.task_number; a test holds them equal.
 */
import { TaskNotFound } from "./errors.ts";

const SEQUENCE_BITS = 20n;
const TASK_UUID = /^([0-9a-f]{8})-([0-9a-f]{4})-7([0-9a-f]{3})-([89ab][0-9a-f])([048c])0-0{12}$/;

export function taskUuid(taskNumber: string | bigint): string {
  const number = BigInt(taskNumber);
  const time = (number >> SEQUENCE_BITS).toString(16).padStart(12, "0");
  const sequence = Number(number & 0xfffffn);
  const high = (sequence >> 8).toString(16).padStart(3, "0");
  const low = (0x8000 | ((sequence & 0xff) << 6)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${low}-000000000000`;
}

/** Undefined for text that is no task's UUID. */
export function taskNumber(uuid: string): bigint | undefined {
  const match = TASK_UUID.exec(uuid.toLowerCase());
  if (!match) return undefined;
  const [, timeHigh, timeLow, high, low, last] = match;
  const time = BigInt(`0x${timeHigh}${timeLow}`);
  const lowBits = (Number.parseInt(`${low}${last}0`, 16) >> 6) & 0xff;
  return (time << SEQUENCE_BITS) | (BigInt(`0x${high}`) << 8n) | BigInt(lowBits);
}

/** The text form of a fence; absurd.hold_fence reads it. */
export function fenceText(fence: {
  taskNumber: string;
  claimNo: number;
  workerId: number;
  epoch: bigint;
}): string {
  const task = BigInt(fence.taskNumber).toString(16);
  return `${task}-${fence.claimNo}-${fence.workerId}-${fence.epoch.toString(16)}`;
}

/** The text itself. @throws {TaskNotFound} when it is no UUID, which PostgreSQL would refuse */
export function uuidOrNotFound(taskId: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(taskId)) return taskId;
  throw new TaskNotFound(`no task ${taskId}: a task id is a UUID`);
}
