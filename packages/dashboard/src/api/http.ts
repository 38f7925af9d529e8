/** The one way from the pages to the API: the contract's client, watched for outages. */
import { Client, problem } from "@contimg/contract";

import { Connection, type Finding } from "./connection.ts";

export interface Http {
  readonly client: Client;
  readonly connection: Connection;
  /** The path that the API's own paths are below: "" or "/telescope". */
  readonly basePath: string;
  /** Sent with every write from now on. */
  setCsrfToken: (token: string | null) => void;
}

/** A request that has no answer by then has none. The server's own timeouts are shorter. */
const TIMEOUT_MS = 30_000;

export interface HttpOptions {
  readonly basePath: string;
  readonly fetch?: typeof fetch;
}

export function createHttp({ basePath, fetch: send = fetch }: HttpOptions): Http {
  let csrfToken: string | null = null;
  const connection = new Connection({ probe });
  const client = new Client({
    baseUrl: basePath,
    headers: () => (csrfToken === null ? {} : { "x-csrf-token": csrfToken }),
    fetch: watched,
  });

  async function watched(...[input, init = {}]: Parameters<typeof fetch>): Promise<Response> {
    const signal = withTimeout(init.signal);
    try {
      const response = await send(input, { ...init, signal });
      connection.report(await findingOf(response));
      return response;
    } catch (error) {
      if (!init.signal?.aborted) connection.report("api");
      throw error;
    }
  }

  async function probe(): Promise<Finding> {
    try {
      const response = await send(`${basePath}/absurd/health/ready`, {
        headers: { accept: "application/json" },
        signal: withTimeout(undefined),
      });
      return response.ok ? "fine" : await findingOf(response);
    } catch {
      return "api";
    }
  }

  return {
    client,
    connection,
    basePath,
    setCsrfToken: (token) => {
      csrfToken = token;
    },
  };
}

function withTimeout(signal: AbortSignal | null | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}

/** A refusal is an answer, too; a proxy's error page is none. */
async function findingOf(response: Response): Promise<Finding> {
  if (response.ok) return "fine";
  const type = response.headers.get("content-type") ?? "";
  if (!type.startsWith("application/problem+json")) return "api";
  const parsed = problem.safeParse(
    await response
      .clone()
      .json()
      .catch(() => undefined),
  );
  if (!parsed.success) return "api";
  if (parsed.data.code === "DATABASE_UNAVAILABLE") return "database";
  return parsed.data.code === "ABSURD_DISABLED" ? "disabled" : "fine";
}

/** Where the pages begin, by the page's <base>: "" at the root of a host. */
export function basePathOf(baseUri: string): string {
  return new URL(baseUri).pathname.replace(/[^/]*$/, "").replace(/\/$/, "");
}
