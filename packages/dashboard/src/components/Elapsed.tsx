/** How long something has gone on: it ticks. */
import { formatDuration } from "../format/quantity.ts";
import { useNow } from "./now.ts";

export function Elapsed({ since }: { since: string }) {
  const seconds = (useNow().getTime() - Date.parse(since)) / 1000;
  return <>{formatDuration(Math.max(0, Math.floor(seconds)))}</>;
}
