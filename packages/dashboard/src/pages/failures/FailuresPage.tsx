/** Failures as an inbox: one line a cause, what it means and what to do beside it. */
import { useQuery } from "@tanstack/react-query";
import { FAILURE_TABS, type FailureGroup } from "@contimg/contract";
import { Link } from "@tanstack/react-router";

import { useApi } from "../../api/api.tsx";
import { failureGroupsQuery } from "../../api/failure-groups.ts";
import { FilterBar } from "../../components/FilterBar.tsx";
import { Page } from "../../components/Page.tsx";
import { SavedViews } from "../../components/SavedViews.tsx";
import { WithSidePanel } from "../../components/SidePanel.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { Tabs } from "../../components/Tabs.tsx";
import { formatCount } from "../../format/quantity.ts";
import { useSession } from "../../session/session.tsx";
import { useFailureActions } from "./failure-actions.tsx";
import { countTabs, fitting, onTab, TAB_LABEL } from "./failures.model.ts";
import { FailureList } from "./FailureList.tsx";
import { FailurePanel } from "./FailurePanel.tsx";
import { failuresRoute, searchOf, termsOf } from "./route.ts";
import "./failures.css";

export function FailuresPage() {
  const search = failuresRoute.useSearch();
  const navigate = failuresRoute.useNavigate();
  const query = useQuery(failureGroupsQuery(useApi()));
  return (
    <Page
      title="Failures"
      isFull
      actions={
        <SavedViews
          view={{ page: "failures", terms: termsOf(search) }}
          onOpen={(view) => void navigate({ search: searchOf(view.terms) })}
        />
      }
    >
      <div className="row wrap failures-filter">
        <div className="grow">
          <FilterBar
            label="Filter failures"
            placeholder="part of a task name, error, message or note"
            value={search.find}
            onApply={(find) => void navigate({ search: { ...search, find } })}
          />
        </div>
        <label className="row">
          <input
            type="checkbox"
            checked={search.mine !== ""}
            onChange={(event) =>
              void navigate({ search: { ...search, mine: event.target.checked ? "yes" : "" } })
            }
          />
          Mine only
        </label>
      </div>
      <QueryRegion query={query} lines={8}>
        {(groups) => <Inbox groups={groups} />}
      </QueryRegion>
    </Page>
  );
}

function Inbox({ groups }: { groups: readonly FailureGroup[] }) {
  const search = failuresRoute.useSearch();
  const navigate = failuresRoute.useNavigate();
  const { actor } = useSession();
  const isMine = search.mine !== "";
  const fit = fitting(groups, {
    find: search.find,
    assignee: isMine ? (actor ?? "") : undefined,
  });
  const counts = countTabs(fit);
  const shown = onTab(fit, search.state);
  const chosen = groups.find((group) => group.fingerprint === search.group);
  const actions = useFailureActions(chosen);
  const close = () => void navigate({ search: { ...search, group: "" } });
  return (
    <div className="failures-page with-side-panel">
      <Tabs
        label="State of the failures"
        value={search.state}
        onChange={(state) => void navigate({ search: { ...search, state } })}
        tabs={FAILURE_TABS.map((id) => ({
          id,
          label: (
            <>
              {TAB_LABEL[id]} <span className="tab-count">{formatCount(counts[id])}</span>
            </>
          ),
          render: () => (
            <WithSidePanel
              panel={chosen && <FailurePanel group={chosen} actions={actions} onClose={close} />}
            >
              {shown.length === 0 ? (
                <Nothing hasAny={groups.length > 0} isFiltered={search.find !== "" || isMine} />
              ) : (
                <FailureList groups={shown} actions={actions} />
              )}
            </WithSidePanel>
          ),
        }))}
      />
      {actions.dialog}
    </div>
  );
}

function Nothing({ hasAny, isFiltered }: { hasAny: boolean; isFiltered: boolean }) {
  if (isFiltered) {
    return <EmptyState title="No failure fits here">Clear the filter, or look at All.</EmptyState>;
  }
  return hasAny ? (
    <EmptyState title="Nothing on this tab">
      <Link to="/failures" search={{ state: "all" }}>
        See all groups
      </Link>
    </EmptyState>
  ) : (
    <EmptyState title="No task has failed for good">
      What fails after all its attempts comes here, grouped by its cause.
    </EmptyState>
  );
}
