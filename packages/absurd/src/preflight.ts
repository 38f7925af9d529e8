/** What a check before a night reads of the server: facts only, judged elsewhere. */
import pg from "pg";

import { type Db, run } from "./db.ts";
import { CHANNEL } from "./notifier.ts";

const SETTINGS = [
  "autovacuum",
  "fsync",
  "full_page_writes",
  "max_connections",
  "synchronous_commit",
  "wal_compression",
] as const;
export type ServerSetting = (typeof SETTINGS)[number];

export interface ServerFacts {
  /** Such as 180004. */
  readonly versionNumber: number;
  readonly version: string;
  /** How far the server's clock is before this machine's; as exact as the round trip is short. */
  readonly clockSkewSeconds: number;
  readonly roundTripSeconds: number;
  readonly connectionCount: number;
  readonly settings: Readonly<Record<ServerSetting, string>>;
}

export async function readServer(db: Db): Promise<ServerFacts> {
  const sentMs = Date.now();
  const [row] = await run<{ at: Date; number: number; version: string; connections: number }>(
    db,
    `select clock_timestamp() as at, current_setting('server_version_num')::integer as number,
            current_setting('server_version') as version,
            (select count(*)::integer from pg_stat_activity
              where backend_type = 'client backend') as connections`,
  );
  const gotMs = Date.now();
  const settings = await run<{ name: ServerSetting; setting: string }>(
    db,
    "select name, setting from pg_settings where name = any($1)",
    [SETTINGS],
  );
  return {
    versionNumber: row!.number,
    version: row!.version,
    clockSkewSeconds: (row!.at.getTime() - (sentMs + gotMs) / 2) / 1000,
    roundTripSeconds: (gotMs - sentMs) / 1000,
    connectionCount: row!.connections,
    settings: Object.fromEntries(settings.map((each) => [each.name, each.setting])) as Record<
      ServerSetting,
      string
    >,
  };
}

/** What keeps vacuum from removing dead rows. */
export interface HorizonHolder {
  readonly kind: "transaction" | "prepared transaction" | "replication slot";
  /** The process id, the name of the prepared transaction or of the slot. */
  readonly name: string;
  readonly application: string;
  readonly state: string;
  /** Null: of a slot, whose age is in transactions. */
  readonly seconds: number | null;
}

/** Those older than so many seconds, oldest first; and slots, whatever their age. */
export async function readHorizonHolders(db: Db, seconds: number): Promise<HorizonHolder[]> {
  return run<HorizonHolder>(
    db,
    `select 'transaction' as kind, pid::text as name, coalesce(application_name, '') as application,
            coalesce(state, '') as state,
            extract(epoch from clock_timestamp() - xact_start)::double precision as seconds
       from pg_stat_activity
      where backend_type = 'client backend'
        and (backend_xmin is not null or backend_xid is not null)
        and xact_start < clock_timestamp() - make_interval(secs => $1)
     union all
     select 'prepared transaction', gid, owner::text, 'prepared',
            extract(epoch from clock_timestamp() - prepared)::double precision
       from pg_prepared_xacts
      where prepared < clock_timestamp() - make_interval(secs => $1)
     union all
     select 'replication slot', slot_name::text, coalesce(plugin::text, ''),
            case when active then 'active' else 'inactive' end, null
       from pg_replication_slots
      where xmin is not null or catalog_xmin is not null
     order by seconds desc nulls last`,
    [seconds],
  );
}

/** The kinds of ready tasks, such as imaging or imaging@2, by queue. */
export async function readReadyKinds(
  db: Db,
): Promise<readonly { readonly queue: string; readonly kind: string }[]> {
  return run<{ queue: string; kind: string }>(
    db,
    `select distinct l.queue, absurd.kind_text(k.name, k.version) as kind
       from absurd.lane l join absurd.kind k on k.kind_id = l.kind_id
      where exists (select from absurd.ready r where r.lane_id = l.lane_id)
      order by 1, 2`,
  );
}

/**
 * Whether a notification that the pool sends reaches a connection that listens: not through a
 * pooler in transaction mode.
 * @throws what the connection says when it cannot be made
 */
export async function hearsNotifications(
  db: Db,
  connectionString: string,
  waitMs = 2_000,
): Promise<boolean> {
  const client = new pg.Client({ connectionString, application_name: "absurd doctor" });
  // What breaks it later is no news: nothing was heard.
  client.on("error", () => undefined);
  await client.connect();
  try {
    const mark = `doctor ${crypto.randomUUID()}`;
    const { promise: heard, resolve } = Promise.withResolvers<boolean>();
    client.on("notification", ({ payload }) => {
      if (payload === mark) resolve(true);
    });
    await client.query(`listen ${CHANNEL}`);
    await run(db, "select pg_notify($1, $2)", [CHANNEL, mark]);
    const timer = setTimeout(resolve, waitMs, false);
    const isHeard = await heard;
    clearTimeout(timer);
    return isHeard;
  } finally {
    await client.end();
  }
}
