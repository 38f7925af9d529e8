/** The HTTP API of Absurd. */
export { type AppOptions, createApp } from "./app.ts";
export type { Handlers } from "./handler.ts";
