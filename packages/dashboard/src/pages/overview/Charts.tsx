/** The last day: how many tasks ended, how long they waited and ran. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { useApi } from "../../api/api.tsx";
import { metricsHistoryQuery } from "../../api/overview.ts";
import { QueryRegion } from "../../components/states.tsx";
import { TimeSeries } from "../../components/TimeSeries.tsx";
import { formatCompact, formatDuration } from "../../format/quantity.ts";
import { chartsOf } from "./charts.model.ts";

export function Charts() {
  const query = useQuery(metricsHistoryQuery(useApi(), { hours: 24, resolution: "5m" }));
  return (
    <QueryRegion
      query={query}
      isEmpty={(steps) => steps.length < 2}
      empty={<p className="muted">Charts of the last day begin with the second five minutes.</p>}
    >
      {(steps) => <Drawn steps={steps} />}
    </QueryRegion>
  );
}

function Drawn({ steps }: { steps: Parameters<typeof chartsOf>[0] }) {
  const { times, ends, spans } = useMemo(() => chartsOf(steps), [steps]);
  return (
    <div className="overview-charts">
      <section className="panel">
        <header>
          <h2>Tasks that ended, five minutes each</h2>
        </header>
        <div className="body">
          <TimeSeries
            label="Tasks that ended over the last day"
            times={times}
            series={ends}
            format={formatCompact}
            isWhole
          />
        </div>
      </section>
      <section className="panel">
        <header>
          <h2>Wait and run, 95th percentile</h2>
        </header>
        <div className="body">
          <TimeSeries
            label="Wait and run over the last day"
            times={times}
            series={spans}
            format={formatDuration}
          />
        </div>
      </section>
    </div>
  );
}
