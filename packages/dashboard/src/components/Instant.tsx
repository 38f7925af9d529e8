/** An instant, in the operator's time; its title has it in full, with UTC. */
import { formatAgo, formatInstant, formatShort } from "../format/instant.ts";
import { NONE } from "../format/quantity.ts";
import { useTimeStyle } from "../settings/settings.ts";
import { useNow } from "./now.ts";

interface InstantProps {
  readonly at: Date | string | null | undefined;
  /** "3 min ago" in place of the time. */
  readonly ago?: boolean;
  /** Date, time and scale. */
  readonly full?: boolean;
}

export function Instant({ at, ago = false, full = false }: InstantProps) {
  if (at === null || at === undefined) return <>{NONE}</>;
  const instant = typeof at === "string" ? new Date(at) : at;
  return ago ? <Ago instant={instant} /> : <Absolute instant={instant} full={full} />;
}

function Ago({ instant }: { instant: Date }) {
  const now = useNow();
  const style = useTimeStyle();
  return (
    <time dateTime={instant.toISOString()} title={titleOf(instant, style)}>
      {formatAgo(instant, now)}
    </time>
  );
}

function Absolute({ instant, full }: { instant: Date; full: boolean }) {
  const style = useTimeStyle();
  return (
    <time dateTime={instant.toISOString()} title={titleOf(instant, style)}>
      {full ? formatInstant(instant, style) : formatShort(instant, style, new Date())}
    </time>
  );
}

function titleOf(instant: Date, style: ReturnType<typeof useTimeStyle>): string {
  const utc = formatInstant(instant, { ...style, mode: "utc" });
  return style.mode === "utc" ? utc : `${formatInstant(instant, style)} (${utc})`;
}
