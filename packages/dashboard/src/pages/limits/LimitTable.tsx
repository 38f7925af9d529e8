/** The table of limits, with a bar for how full each is. */
import type { Limit } from "@contimg/contract";
import { Link } from "@tanstack/react-router";
import { useCallback } from "react";

import { type Column, DataTable } from "../../components/DataTable.tsx";
import { Instant } from "../../components/Instant.tsx";
import { formatCount, formatCountOf } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";
import type { AskLimit } from "./limit-dialogs.tsx";
import { addressOf, fullnessOf, KIND_WORD, numberText } from "./limits.model.ts";
import { limitsRoute } from "./route.ts";

export function LimitTable({ limits, ask }: { limits: readonly Limit[]; ask: AskLimit }) {
  const search = limitsRoute.useSearch();
  const navigate = limitsRoute.useNavigate();
  const canAct = useMay("operator");
  const open = useCallback(
    (limit: Limit) => void navigate({ search: { ...search, limit: addressOf(limit) } }),
    [navigate, search],
  );
  return (
    <DataTable
      name="limits"
      label="Limits"
      isMain
      columns={COLUMNS}
      rows={limits}
      keyOf={addressOf}
      onOpen={open}
      actionsOf={(limit) =>
        canAct
          ? [
              ...(limit.kind === "lock"
                ? []
                : [
                    {
                      label: "Set…",
                      run: () => {
                        ask({ action: "set", limit });
                      },
                    },
                  ]),
              {
                label: "Remove…",
                isDangerous: true,
                run: () => {
                  ask({ action: "remove", limit });
                },
              },
            ]
          : []
      }
      head={<span className="muted">{formatCountOf(limits.length, "limit")}</span>}
    />
  );
}

export function LimitBar({ limit }: { limit: Limit }) {
  const { share, isFull, text } = fullnessOf(limit);
  return (
    <span className={isFull ? "limit-bar is-full" : "limit-bar"}>
      <span className="limit-bar-track" aria-hidden="true">
        <span
          className="limit-bar-fill"
          style={{ width: `${Math.min(1, share ?? Number(isFull)) * 100}%` }}
        />
      </span>
      <span className="clip">{text}</span>
    </span>
  );
}

const COLUMNS: readonly Column<Limit>[] = [
  {
    id: "name",
    header: "Limit",
    width: 124,
    grows: true,
    isEssential: true,
    sortValue: (limit) => limit.name,
    cell: (limit) => (
      <Link
        from="/limits"
        to="/limits"
        search={(search) => ({ ...search, limit: addressOf(limit) })}
      >
        {limit.name}
      </Link>
    ),
  },
  {
    id: "kind",
    header: "Kind",
    width: 64,
    sortValue: (limit) => limit.kind,
    cell: (limit) => KIND_WORD[limit.kind],
  },
  {
    id: "use",
    header: "In use",
    width: 180,
    grows: true,
    isEssential: true,
    sortValue: (limit) => fullnessOf(limit).share,
    cell: (limit) => <LimitBar limit={limit} />,
  },
  {
    id: "waiting",
    header: "Waiting",
    width: 84,
    align: "right",
    sortValue: (limit) => limit.waiting,
    cell: (limit) =>
      limit.waiting > 0 ? (
        <strong className="warn-text">{formatCount(limit.waiting)}</strong>
      ) : (
        formatCount(limit.waiting)
      ),
  },
  {
    id: "set",
    header: "Set to",
    width: 98,
    sortValue: (limit) => limit.limit,
    cell: (limit) => numberText(limit),
  },
  {
    id: "by",
    header: "By",
    width: 80,
    sortValue: (limit) => (limit.is_pinned ? "a person" : "spawns"),
    cell: (limit) => (limit.is_pinned ? "a person" : "spawns"),
  },
  {
    id: "when",
    header: "When",
    width: 104,
    isExtra: true,
    sortValue: (limit) => Date.parse(limit.set_at),
    cell: (limit) => <Instant at={limit.set_at} ago />,
  },
];
