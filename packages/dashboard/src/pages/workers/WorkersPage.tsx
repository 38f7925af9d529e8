/** Workers: who is there and what each runs; one in trouble comes first and says why. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { WORKER_STATES } from "@contimg/contract";

import { useApi } from "../../api/api.tsx";
import { workersQuery } from "../../api/names.ts";
import { overviewQuery } from "../../api/workers.ts";
import { FilterBar } from "../../components/FilterBar.tsx";
import { useNow } from "../../components/now.ts";
import { Page } from "../../components/Page.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { formatCount } from "../../format/quantity.ts";
import { workersRoute } from "./route.ts";
import { useWorkerActions } from "./worker-actions.tsx";
import { WorkerView } from "./WorkerView.tsx";
import { cardsOf, filterCards, WORKER_LOOK, type WorkerCard } from "./workers.model.ts";
import "./workers.css";

export function WorkersPage() {
  const api = useApi();
  const query = useQuery(workersQuery(api));
  const { data: overview } = useQuery(overviewQuery(api));
  const now = useNow();
  return (
    <Page title="Workers">
      <Filters />
      <QueryRegion
        query={query}
        lines={8}
        isEmpty={(page) => page.workers.length === 0}
        empty={
          <EmptyState title="No worker is registered">
            Tasks wait until one starts: run <code>absurd serve</code> beside a program that calls
            startWorker.
          </EmptyState>
        }
      >
        {(page) => (
          <>
            <p className="worker-sums muted">
              {formatCount(page.total)} in all: {formatCount(page.active)} active,{" "}
              {formatCount(page.idle)} idle, {formatCount(page.stale)} late,{" "}
              {formatCount(page.crashed)} crashed
            </p>
            <Cards cards={cardsOf(page.workers, overview?.stuck ?? [], now)} />
          </>
        )}
      </QueryRegion>
    </Page>
  );
}

function Filters() {
  const search = workersRoute.useSearch();
  const navigate = workersRoute.useNavigate();
  return (
    <div className="row wrap">
      <div className="grow">
        <FilterBar
          label="Filter workers"
          placeholder="part of a name, host, queue or task name"
          value={search.find}
          onApply={(find) => void navigate({ search: { ...search, find } })}
        />
      </div>
      <label className="row">
        <span className="muted">State</span>
        <select
          value={search.state}
          onChange={(event) => void navigate({ search: { ...search, state: event.target.value } })}
        >
          <option value="">any</option>
          <option value="trouble">in trouble</option>
          {WORKER_STATES.map((state) => (
            <option key={state} value={state}>
              {WORKER_LOOK[state].word}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function Cards({ cards }: { cards: readonly WorkerCard[] }) {
  const search = workersRoute.useSearch();
  const actions = useWorkerActions();
  const shown = filterCards(cards, search);
  if (shown.length === 0) {
    return (
      <EmptyState title="No worker fits">
        <Link to="/workers">Show all</Link>
      </EmptyState>
    );
  }
  return (
    <>
      <ul className="worker-cards">
        {shown.map((card) => (
          <WorkerView key={card.worker.number} card={card} actions={actions.itemsOf(card.worker)} />
        ))}
      </ul>
      {actions.dialog}
    </>
  );
}
