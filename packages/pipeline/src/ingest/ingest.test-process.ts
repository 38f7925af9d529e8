/** A process that ingests stand-ins and can be killed. Argument: JSON. */
import pg from "pg";

import { always } from "./chain-of.ts";
import { Ingester } from "./ingester.ts";
import { ingestPolicySchema } from "./policy.ts";
import { clientOf, probeStandIn, QUEUE } from "./testing/stand-ins.ts";
import { watchFolder } from "./watch-folder.ts";

const { folder, connectionString } = JSON.parse(process.argv[2]!) as Record<string, string>;
const pool = new pg.Pool({ connectionString: connectionString!, max: 2 });
const client = clientOf(pool);
const stop = new AbortController();
process.on("SIGTERM", () => {
  stop.abort();
});
const policy = ingestPolicySchema.parse({ pause_free_bytes: 0, pause_tasks: 1e6 });
await watchFolder({
  ingester: new Ingester({
    ...{ pool, client, folder: folder!, dataRoot: folder!, queue: QUEUE, policy },
    chainOf: always("target"),
    probe: probeStandIn,
  }),
  ...{ folder: folder!, pollSeconds: 0.5, settleSeconds: 0.1, signal: stop.signal },
});
await client.close();
await pool.end();
process.disconnect();
