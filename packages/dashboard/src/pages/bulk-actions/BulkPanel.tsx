/** One action on many tasks: all that is known of it, and where to look on. */
import type { BulkAction } from "@contimg/contract";
import { Link } from "@tanstack/react-router";

import { BULK_LABEL, BULK_MEANING } from "../../components/bulk.model.ts";
import { Instant } from "../../components/Instant.tsx";
import { SidePanel } from "../../components/SidePanel.tsx";
import { Badge } from "../../components/StatusBadge.tsx";
import { formatCount } from "../../format/quantity.ts";
import { BULK_TONE } from "./bulk-actions.model.ts";

export function BulkPanel({ bulk, onClose }: { bulk: BulkAction; onClose: () => void }) {
  return (
    <SidePanel title={`${BULK_LABEL[bulk.action]} many tasks`} onClose={onClose}>
      <p className="muted">{BULK_MEANING[bulk.action]}</p>
      <dl className="facts">
        <dt>State</dt>
        <dd>
          <Badge tone={BULK_TONE[bulk.state]}>{bulk.state}</Badge>
        </dd>
        <dt>Who</dt>
        <dd>{bulk.actor}</dd>
        <dt>Why</dt>
        <dd>{bulk.reason}</dd>
        <dt>Which tasks</dt>
        <dd>{bulk.q === null ? "chosen ones" : <code>{bulk.q}</code>}</dd>
        <dt>Tasks</dt>
        <dd>{formatCount(bulk.total)}</dd>
        <dt>Changed</dt>
        <dd>{formatCount(bulk.done)}</dd>
        <dt>Skipped</dt>
        <dd>
          {formatCount(bulk.skipped)}
          {bulk.skipped > 0 && (
            <span className="muted">: their state did not allow it any more</span>
          )}
        </dd>
        <dt>Taken back</dt>
        <dd>{formatCount(bulk.undone)}</dd>
        <dt>Began</dt>
        <dd>
          <Instant at={bulk.created_at} full />
        </dd>
        <dt>Ended</dt>
        <dd>
          <Instant at={bulk.ended_at} full />
        </dd>
        <dt>Id</dt>
        <dd>
          <code>{bulk.bulk_id}</code>
        </dd>
      </dl>
      <p className="row wrap">
        {bulk.q !== null && (
          <Link to="/tasks" search={{ q: bulk.q }} className="button">
            Tasks that fit it now
          </Link>
        )}
        <Link to="/audit" search={{ target: bulk.bulk_id }} className="button">
          In the audit log
        </Link>
      </p>
    </SidePanel>
  );
}
