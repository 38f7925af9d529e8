/** The last firings of a schedule as a strip of shapes, the latest at the right. */
import { useQuery } from "@tanstack/react-query";
import type { Firing } from "@contimg/contract";

import { useApi } from "../../api/api.tsx";
import { firingsQuery } from "../../api/schedules.ts";
import { StatusIcon } from "../../components/StatusBadge.tsx";
import { formatInstant } from "../../format/instant.ts";
import { NONE } from "../../format/quantity.ts";
import { useTimeStyle } from "../../settings/settings.ts";
import { FIRING_LOOK } from "./schedules.model.ts";

const SHOWN = 14;

export function FiringStrip({ name }: { name: string }) {
  const { data } = useQuery(firingsQuery(useApi(), name, SHOWN));
  if (!data) return <span className="muted">…</span>;
  if (data.length === 0) return <span className="muted">{NONE}</span>;
  return (
    <span className="firing-strip">
      {data.toReversed().map((firing) => (
        <FiringMark key={`${firing.fire_at}${firing.origin}`} firing={firing} />
      ))}
    </span>
  );
}

function FiringMark({ firing }: { firing: Firing }) {
  const style = useTimeStyle();
  const { word, tone } = FIRING_LOOK[firing.state];
  const text = `${formatInstant(new Date(firing.fire_at), style)}: ${word}`;
  return (
    <span title={text}>
      <StatusIcon tone={tone} />
      <span className="hidden-text">{text}</span>
    </span>
  );
}
