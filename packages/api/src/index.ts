/** The HTTP API of Absurd. */
export { AccessStore, type NewToken, type TokenView } from "./access/access-store.ts";
export { isBuilt } from "./dashboard-files.ts";
export { drainsInSeconds } from "./handlers/queues.ts";
export { type App, type AppOptions, createApp } from "./app.ts";
export type { DatabaseState, HandlerDeps, Handlers } from "./handler.ts";
export { ensureApi, migrateApi } from "./migrate.ts";
export { type BulkOutcome, type Deed, MayNotAct, Operator } from "./operator.ts";
export { InvalidServerSetting, type Server, type ServerOptions, startServer } from "./server.ts";
