/** Throughput, waits and run times of a queue over time; range and step stand in the address. */
import { useQuery } from "@tanstack/react-query";

import { useApi } from "../../api/api.tsx";
import { historyQuery } from "../../api/queues.ts";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { type Series, TimeSeries } from "../../components/TimeSeries.tsx";
import { formatDuration, formatRate } from "../../format/quantity.ts";
import { chooseRange, type History, historyOf, type Percentiles, RANGES } from "./queues.model.ts";
import { queueRoute } from "./route.ts";

export function QueueHistory({ name }: { name: string }) {
  const search = queueRoute.useSearch();
  const { range, resolution } = chooseRange(search.range, search.step);
  const query = useQuery(
    historyQuery(useApi(), { queueName: name, hours: range.hours, resolution }),
  );
  return (
    <section className="stack" aria-labelledby="history-title">
      <div className="row wrap">
        <h2 id="history-title" className="grow">
          Over time
        </h2>
        <RangeChoice />
      </div>
      <QueryRegion
        query={query}
        lines={6}
        isEmpty={(steps) => steps.length === 0}
        empty={<EmptyState title={`Nothing ended in the last ${range.label}`} />}
      >
        {(steps) => (
          <Charts history={historyOf(steps, resolution, new Date(query.dataUpdatedAt))} />
        )}
      </QueryRegion>
    </section>
  );
}

function RangeChoice() {
  const search = queueRoute.useSearch();
  const navigate = queueRoute.useNavigate();
  const { range, resolution, resolutions } = chooseRange(search.range, search.step);
  return (
    <>
      <div className="row segments" role="group" aria-label="Range">
        {RANGES.map((each) => (
          <button
            key={each.id}
            aria-pressed={each === range}
            onClick={() => void navigate({ search: { range: each.id } })}
          >
            {each.label}
          </button>
        ))}
      </div>
      <label className="row">
        <span className="muted">Step</span>
        <select
          value={resolution}
          onChange={(event) =>
            void navigate({ search: { range: range.id, step: event.target.value } })
          }
        >
          {resolutions.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
    </>
  );
}

function Charts({ history }: { history: History }) {
  const ends: Series[] = [
    { label: "Completed", token: "--completed", values: history.completed },
    { label: "Failed", token: "--failed", values: history.failed, dash: [6, 3] },
    { label: "Cancelled", token: "--cancelled", values: history.cancelled, dash: [2, 3] },
  ];
  return (
    <div className="charts">
      <Chart title="Throughput" times={history.times} series={ends} format={formatRate} />
      <Chart
        title="Wait until claimed"
        times={history.times}
        series={spreadOf(history.wait)}
        format={formatDuration}
      />
      <Chart
        title="Run time"
        times={history.times}
        series={spreadOf(history.run)}
        format={formatDuration}
      />
    </div>
  );
}

function Chart(props: {
  title: string;
  times: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
}) {
  return (
    <figure className="panel">
      <header>
        <figcaption>
          <h3>{props.title}</h3>
        </figcaption>
      </header>
      <div className="body">
        <TimeSeries
          label={`${props.title} over time`}
          times={props.times}
          series={props.series}
          format={props.format}
        />
      </div>
    </figure>
  );
}

function spreadOf({ p50, p95, p99 }: Percentiles): Series[] {
  return [
    { label: "p50", token: "--accent", values: p50 },
    { label: "p95", token: "--warn", values: p95, dash: [6, 3] },
    { label: "p99", token: "--danger", values: p99, dash: [2, 3] },
  ];
}
