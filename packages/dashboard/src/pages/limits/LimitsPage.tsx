/** Limits that tasks share: how full, who is in, who waits; and events that tasks wait for. */
import { useQuery } from "@tanstack/react-query";
import type { Limit } from "@contimg/contract";

import { useApi } from "../../api/api.tsx";
import { limitsQuery } from "../../api/limits.ts";
import { FilterBar } from "../../components/FilterBar.tsx";
import { Page } from "../../components/Page.tsx";
import { WithSidePanel } from "../../components/SidePanel.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { Tabs } from "../../components/Tabs.tsx";
import { formatCount } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";
import { EventTab } from "./EventTab.tsx";
import { useLimitDialogs } from "./limit-dialogs.tsx";
import { LimitPanel } from "./LimitPanel.tsx";
import { LimitTable } from "./LimitTable.tsx";
import {
  addressOf,
  countKinds,
  LIMIT_TAB_LABEL,
  LIMIT_TABS,
  limitAt,
  shownLimits,
} from "./limits.model.ts";
import { limitsRoute } from "./route.ts";
import "./limits.css";

export function LimitsPage() {
  const query = useQuery(limitsQuery(useApi()));
  const canAct = useMay("operator");
  const dialogs = useLimitDialogs();
  return (
    <Page
      title="Limits"
      isFull
      actions={
        canAct && (
          <button
            className="primary"
            onClick={() => {
              dialogs.ask({ action: "new" });
            }}
          >
            New limit
          </button>
        )
      }
    >
      <QueryRegion query={query} lines={8}>
        {(limits) => <Limits limits={limits} dialogs={dialogs} />}
      </QueryRegion>
      {dialogs.dialog}
    </Page>
  );
}

interface LimitsProps {
  readonly limits: readonly Limit[];
  readonly dialogs: ReturnType<typeof useLimitDialogs>;
}

function Limits({ limits, dialogs }: LimitsProps) {
  const search = limitsRoute.useSearch();
  const navigate = limitsRoute.useNavigate();
  const counts = countKinds(limits);
  return (
    <div className="limits-page with-side-panel">
      <Tabs
        label="Kinds of limits"
        value={search.tab}
        onChange={(tab) => void navigate({ search: { ...search, tab } })}
        tabs={LIMIT_TABS.map((id) => ({
          id,
          label:
            counts[id] === null
              ? LIMIT_TAB_LABEL[id]
              : `${LIMIT_TAB_LABEL[id]} ${formatCount(counts[id])}`,
          render: () =>
            id === "events" ? (
              <EventTab />
            ) : (
              <LimitList
                limits={shownLimits(limits, id, search.find)}
                all={limits}
                dialogs={dialogs}
              />
            ),
        }))}
      />
    </div>
  );
}

function LimitList({ limits, all, dialogs }: LimitsProps & { all: readonly Limit[] }) {
  const search = limitsRoute.useSearch();
  const navigate = limitsRoute.useNavigate();
  const chosen = all.find((limit) => addressOf(limit) === search.limit);
  const missing = chosen ? undefined : limitAt(search.limit);
  return (
    <>
      <div className="limits-filter">
        <FilterBar
          label="Filter limits"
          placeholder="part of a name"
          value={search.find}
          onApply={(find) => void navigate({ search: { ...search, find } })}
        />
      </div>
      {missing && (
        <p className="notice" role="status">
          There is no {missing.kind} {missing.name} any more.
        </p>
      )}
      <WithSidePanel
        panel={
          chosen && (
            <LimitPanel
              limit={chosen}
              ask={dialogs.ask}
              onClose={() => void navigate({ search: { ...search, limit: "" } })}
            />
          )
        }
      >
        {limits.length === 0 ? (
          <EmptyState title={search.find === "" ? "No limits here" : "No limit fits"}>
            Tasks name keys, locks and rates when they are spawned; you can set one before.
          </EmptyState>
        ) : (
          <LimitTable limits={limits} ask={dialogs.ask} />
        )}
      </WithSidePanel>
    </>
  );
}
