/** Audit: every action, who did it to what, and why; what is shown can be taken along. */
import { useInfiniteQuery } from "@tanstack/react-query";
import type { AuditEntry } from "@contimg/contract";
import { useCallback, useMemo } from "react";

import { useApi } from "../../api/api.tsx";
import { auditPagesQuery } from "../../api/audit.ts";
import { Menu } from "../../components/Menu.tsx";
import { Page } from "../../components/Page.tsx";
import { WithSidePanel } from "../../components/SidePanel.tsx";
import { EmptyState, ErrorState, Skeleton, StaleNotice } from "../../components/states.tsx";
import { auditFilterOf, toCsv, toJsonLines } from "./audit.model.ts";
import { AuditFilterForm } from "./AuditFilterForm.tsx";
import { AuditPanel } from "./AuditPanel.tsx";
import { AuditTable } from "./AuditTable.tsx";
import { auditRoute } from "./route.ts";
import "./audit.css";

export function AuditPage() {
  const { actor, action, target, from, to, entry } = auditRoute.useSearch();
  const navigate = auditRoute.useNavigate();
  const filter = useMemo(
    () => auditFilterOf({ actor, action, target, from, to }, new Date()),
    [actor, action, target, from, to],
  );
  const pages = useInfiniteQuery(auditPagesQuery(useApi(), filter));
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages;
  const entries = useMemo(
    () => pages.data?.pages.flatMap((page) => page.entries) ?? [],
    [pages.data],
  );
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const open = useCallback(
    (id: string) => void navigate({ search: (search) => ({ ...search, entry: id }) }),
    [navigate],
  );
  const chosen = entries.find((each) => each.audit_id === entry);
  return (
    <Page title="Audit" isFull actions={entries.length > 0 && <Export entries={entries} />}>
      <AuditFilterForm />
      {pages.error && pages.data && (
        <StaleNotice since={new Date(pages.dataUpdatedAt)} error={pages.error} />
      )}
      {pages.data ? (
        <WithSidePanel
          panel={
            chosen && (
              <AuditPanel
                entry={chosen}
                onClose={() => {
                  open("");
                }}
              />
            )
          }
        >
          {entries.length === 0 ? (
            <EmptyState title="No action fits">
              Whatever is done with the API, here or by programs, is written down.
            </EmptyState>
          ) : (
            <AuditTable
              entries={entries}
              hasMore={hasNextPage}
              onEndReached={loadMore}
              onOpen={open}
            />
          )}
        </WithSidePanel>
      ) : pages.error ? (
        <ErrorState error={pages.error} onRetry={() => void pages.refetch()} />
      ) : (
        <Skeleton lines={10} />
      )}
    </Page>
  );
}

/** Of the entries that are loaded: what is seen is what is taken along. */
function Export({ entries }: { entries: readonly AuditEntry[] }) {
  return (
    <Menu
      label="Export ▾"
      items={[
        {
          label: "As JSON lines",
          run: () => {
            download("audit.jsonl", "application/x-ndjson", toJsonLines(entries));
          },
        },
        {
          label: "As CSV",
          run: () => {
            download("audit.csv", "text/csv", toCsv(entries));
          },
        },
      ]}
    />
  );
}

function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
