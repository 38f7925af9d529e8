/** Says that the API, or what is behind it, is away: since when, and when it is tried again. */
import { useApi, useConnection } from "../api/api.tsx";
import type { Away } from "../api/connection.ts";
import { formatSeconds } from "../format/quantity.ts";
import { Instant } from "./Instant.tsx";
import { useNow } from "./now.ts";

const SENTENCE: Readonly<Record<Away, string>> = {
  api: "The API does not answer.",
  database: "The API answers, but its database is away.",
  disabled: "Absurd is switched off here (ABSURD_ENABLED=false).",
};

export function ConnectionBanner() {
  const state = useConnection();
  const { connection } = useApi();
  if (state.kind === "online") return null;
  return (
    <div className="connection-banner" role="alert">
      <strong>{SENTENCE[state.what]}</strong>
      <span>
        You see what was last read. Away since <Instant at={state.since} />;{" "}
        <NextTry at={state.nextTryAt} />
      </span>
      <button onClick={connection.tryNow} disabled={state.nextTryAt === null}>
        Try now
      </button>
    </div>
  );
}

function NextTry({ at }: { at: Date | null }) {
  const now = useNow();
  if (!at) return <>trying now.</>;
  const seconds = Math.max(1, Math.round((at.getTime() - now.getTime()) / 1000));
  // Not said aloud: it changes every second.
  return <span aria-hidden="true">next try in {formatSeconds(seconds)}.</span>;
}
