/** An app over a real database, as tests call it. */
import { freshDatabase } from "@contimg/testkit";
import pg from "pg";
import { afterEach } from "vitest";

import { type App, type AppOptions, createApp } from "../app.ts";
import type { Handlers } from "../handler.ts";
import { accessHandlers } from "../handlers/access.ts";
import { migrateApi } from "../migrate.ts";

/** For the top of a test file. */
export function testApps(): {
  readonly database: ReturnType<typeof freshDatabase>;
  pool(): pg.Pool;
  /** Closed after the test. */
  app(options?: Partial<AppOptions>, handlers?: Partial<Handlers>): App;
} {
  const database = freshDatabase(async (url) => {
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    await migrateApi(pool);
    await pool.end();
  });
  let pool: pg.Pool | undefined;
  const open: App[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map(({ fastify }) => fastify.close()));
  });
  const shared = (): pg.Pool => (pool ??= database.pool());
  return {
    database,
    pool: shared,
    app(options = {}, handlers = {}) {
      const ours = accessHandlers(shared(), (tokenId) => {
        app.access.forgetToken(tokenId);
      });
      const app: App = createApp(
        { pool: shared(), checkAnswers: true, ...options },
        { ...ours, ...handlers },
      );
      open.push(app);
      return app;
    },
  };
}
