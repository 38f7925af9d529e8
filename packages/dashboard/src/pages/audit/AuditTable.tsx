/** The entries of the audit log, latest first. */
import type { AuditEntry } from "@contimg/contract";
import { Link } from "@tanstack/react-router";

import { type Column, DataTable } from "../../components/DataTable.tsx";
import { Instant } from "../../components/Instant.tsx";
import { Badge } from "../../components/StatusBadge.tsx";
import { formatCountOf } from "../../format/quantity.ts";
import { actionWords, targetLink, targetText } from "./audit.model.ts";

interface AuditTableProps {
  readonly entries: readonly AuditEntry[];
  readonly hasMore: boolean;
  readonly onEndReached: () => void;
  readonly onOpen: (id: string) => void;
}

const keyOf = (entry: AuditEntry) => entry.audit_id;

export function AuditTable({ entries, hasMore, onEndReached, onOpen }: AuditTableProps) {
  return (
    <DataTable
      name="audit"
      label="Audit log"
      isMain
      columns={COLUMNS}
      rows={entries}
      keyOf={keyOf}
      onOpen={(entry) => {
        onOpen(entry.audit_id);
      }}
      onEndReached={onEndReached}
      foot={hasMore ? "More is being read…" : `${formatCountOf(entries.length, "action")}, all`}
    />
  );
}

/** What came of it: a write that was refused stands here, too. */
export function Outcome({ status }: { status: number }) {
  return status < 400 ? (
    <Badge tone="completed">done</Badge>
  ) : (
    <Badge tone={status < 500 ? "cancelled" : "failed"}>
      {status < 500 ? "refused" : "failed"} {status}
    </Badge>
  );
}

export function Target({ entry }: { entry: AuditEntry }) {
  const link = targetLink(entry);
  const text = targetText(entry);
  if (text === "") return <span className="muted">–</span>;
  return link ? (
    <Link {...link} title={text}>
      {text}
    </Link>
  ) : (
    <span title={text}>{text}</span>
  );
}

const COLUMNS: readonly Column<AuditEntry>[] = [
  { id: "at", header: "When", width: 132, cell: (entry) => <Instant at={entry.at} /> },
  { id: "actor", header: "Who", width: 120, cell: (entry) => entry.actor },
  {
    id: "action",
    header: "Action",
    width: 170,
    isEssential: true,
    cell: (entry) => (
      <Link
        from="/audit"
        to="/audit"
        search={(search) => ({ ...search, entry: entry.audit_id })}
        title={entry.action}
      >
        {actionWords(entry.action)}
      </Link>
    ),
  },
  {
    id: "target",
    header: "To what",
    width: 180,
    grows: true,
    isEssential: true,
    cell: (entry) => <Target entry={entry} />,
  },
  {
    id: "reason",
    header: "Why",
    width: 180,
    grows: true,
    cell: (entry) => <span title={entry.reason ?? ""}>{entry.reason}</span>,
  },
  {
    id: "status",
    header: "Outcome",
    width: 124,
    cell: (entry) => <Outcome status={entry.status} />,
  },
  { id: "role", header: "Role", width: 90, isExtra: true, cell: (entry) => entry.role },
  {
    id: "request",
    header: "Request",
    width: 160,
    isExtra: true,
    cell: (entry) => <code>{entry.request_id}</code>,
  },
];
