/** The overview: what needs me now, then how it goes. */
import { useQuery } from "@tanstack/react-query";
import type { Overview } from "@contimg/contract";
import { Link, useRouter } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { useApi } from "../../api/api.tsx";
import { metricsHistoryQuery, overviewQuery } from "../../api/overview.ts";
import { Page } from "../../components/Page.tsx";
import { Sparkline } from "../../components/Sparkline.tsx";
import { QueryRegion } from "../../components/states.tsx";
import { Badge } from "../../components/StatusBadge.tsx";
import {
  formatCompact,
  formatCount,
  formatCountOf,
  formatDuration,
  formatRate,
  formatShare,
  NONE,
} from "../../format/quantity.ts";
import { type Need, needsOf } from "../../components/needs.model.ts";
import { Charts } from "./Charts.tsx";
import { FirstSteps } from "./FirstSteps.tsx";
import { backlogText, isFresh, machineryText, workersText } from "./overview.model.ts";
import "./overview.css";

const HEALTH_TONE = {
  healthy: "completed",
  degraded: "retrying",
  critical: "failed",
  disabled: "cancelled",
} as const;

export function OverviewPage() {
  const query = useQuery(overviewQuery(useApi()));
  const health = query.data?.health;
  return (
    <Page
      title="Overview"
      actions={
        health && (
          <span className="row">
            <span>Machinery</span>
            <Badge tone={HEALTH_TONE[health.status]}>{health.status}</Badge>
            <span className="muted">{machineryText(health)}</span>
          </span>
        )
      }
    >
      <QueryRegion query={query} lines={8}>
        {(overview) => (
          <div className="stack">
            {isFresh(overview) && <FirstSteps />}
            <Needs needs={needsOf(overview)} />
            <Figures overview={overview} />
            <Charts />
          </div>
        )}
      </QueryRegion>
    </Page>
  );
}

function Needs({ needs }: { needs: readonly Need[] }) {
  return (
    <section className="panel" aria-label="What needs you now">
      <header>
        <h2 className="grow">What needs you now</h2>
        <span className="muted">{formatCount(needs.length)}</span>
      </header>
      {needs.length === 0 ? (
        <p className="body">Nothing. Everything that failed was looked at, and nothing is stuck.</p>
      ) : (
        <ul>
          {needs.map((need) => (
            <li key={need.key} className="need">
              <Badge tone={need.level === "critical" ? "failed" : "retrying"}>{need.level}</Badge>
              <div className="grow">
                <p className="need-title">{need.title}</p>
                <p className="muted">{need.remedy}</p>
              </div>
              <PathLink path={need.page}>{need.link}</PathLink>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** A link to an address that came as text, such as that of an alert. */
function PathLink({ path, children }: { path: string; children: ReactNode }) {
  const router = useRouter();
  const href = router.history.createHref(`${router.basepath.replace(/\/$/, "")}${path}`);
  return (
    <a
      className="button"
      href={href}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        router.history.push(href);
      }}
    >
      {children}
    </a>
  );
}

function Figures({ overview }: { overview: Overview }) {
  const api = useApi();
  const { data: steps = [] } = useQuery(metricsHistoryQuery(api, { hours: 1, resolution: "1m" }));
  const { metrics, workers } = overview;
  const ends = steps.map((step) => step.completed + step.failed + step.cancelled);
  return (
    <section className="figures" aria-label="How it goes">
      <Figure
        name="Backlog"
        value={formatCompact(overview.backlog)}
        note={backlogText(overview)}
        link={
          <Link to="/tasks" search={{ q: "status:pending,retrying" }}>
            Tasks
          </Link>
        }
      />
      <Figure
        name="Running"
        value={formatCompact(metrics.current_claimed)}
        note={workersText(workers)}
        link={<Link to="/workers">Workers</Link>}
      />
      <Figure
        name="Throughput"
        value={formatRate(metrics.throughput_5min / 60)}
        note={`${formatCountOf(metrics.total_completed, "task")} completed in all`}
        chart={<Sparkline values={ends} label="Ends a minute, the last hour" />}
      />
      <Figure
        name="Succeeded, 15 min"
        value={formatShare(metrics.success_rate_15min)}
        note={`${formatCountOf(metrics.total_failed, "task")} failed in all`}
        chart={
          <Sparkline
            values={steps.map((step) => step.failed)}
            label="Failures a minute, the last hour"
            token="--failed"
          />
        }
      />
      <Figure
        name="Wait, median"
        {...spreadFigure(metrics.p50_wait_time_sec, metrics.p95_wait_time_sec)}
        chart={
          <Sparkline
            values={steps.map((step) => step.wait_time_sec?.p95 ?? null)}
            label="Wait, 95th percentile, the last hour"
            token="--retrying"
          />
        }
      />
      <Figure
        name="Run, median"
        {...spreadFigure(metrics.p50_execution_time_sec, metrics.p95_execution_time_sec)}
        chart={
          <Sparkline
            values={steps.map((step) => step.execution_time_sec?.p95 ?? null)}
            label="Run, 95th percentile, the last hour"
            token="--completed"
          />
        }
      />
    </section>
  );
}

/** Zeros: nothing ended in the last day, or its sums are not made yet. */
function spreadFigure(p50: number, p95: number): { value: string; note: string } {
  if (p95 <= 0) return { value: NONE, note: "Not known yet" };
  return { value: formatDuration(p50), note: `one in twenty longer than ${formatDuration(p95)}` };
}

function Figure(props: {
  name: string;
  value: string;
  note: string;
  chart?: ReactNode;
  link?: ReactNode;
}) {
  return (
    <article className="panel figure">
      <h2>
        {props.name}
        <span className="figure-link">{props.link}</span>
      </h2>
      <p className="figure-value">{props.value}</p>
      {props.chart}
      <p className="muted small">{props.note}</p>
    </article>
  );
}
