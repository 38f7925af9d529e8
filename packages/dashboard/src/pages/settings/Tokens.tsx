/** Tokens: making one, whose secret is shown once, and revoking. */
import { useQuery } from "@tanstack/react-query";
import { ROLES } from "@contimg/contract";
import { useId, useState } from "react";

import { messageOf, useApi } from "../../api/api.tsx";
import { tokensQuery, useTokenActions } from "../../api/tokens.ts";
import { CopyButton } from "../../components/CopyButton.tsx";
import { ConfirmDialog } from "../../components/Dialog.tsx";
import { Instant } from "../../components/Instant.tsx";
import { QueryRegion } from "../../components/states.tsx";

export function Tokens() {
  const query = useQuery(tokensQuery(useApi()));
  const { remove } = useTokenActions();
  const [revoked, setRevoked] = useState<{ id: string; name: string }>();
  return (
    <section className="panel">
      <header>
        <h2>Tokens</h2>
      </header>
      <div className="body stack">
        <QueryRegion
          query={query}
          isEmpty={(tokens) => tokens.length === 0}
          empty={<p className="muted">There are none.</p>}
        >
          {(tokens) => (
            <ul className="stack">
              {tokens.map((token) => (
                <li key={token.token_id} className="row wrap">
                  <strong>{token.name}</strong> <span>{token.role}</span>
                  <span className="muted small grow">
                    made <Instant at={token.created_at} ago /> by {token.created_by}, used{" "}
                    <Instant at={token.last_used_at} ago />
                  </span>
                  <button
                    onClick={() => {
                      setRevoked({ id: token.token_id, name: token.name });
                    }}
                  >
                    Revoke
                  </button>
                </li>
              ))}
            </ul>
          )}
        </QueryRegion>
        <NewToken />
      </div>
      {revoked && (
        <ConfirmDialog
          title={`Revoke ${revoked.name}`}
          action="Revoke"
          isDangerous
          reason="none"
          onConfirm={() => remove.mutateAsync(revoked.id)}
          onClose={() => {
            setRevoked(undefined);
          }}
        >
          <p>Who signed in with it is signed out at once.</p>
        </ConfirmDialog>
      )}
    </section>
  );
}

function NewToken() {
  const { create } = useTokenActions();
  const [name, setName] = useState("");
  const [role, setRole] = useState<(typeof ROLES)[number]>("viewer");
  const id = useId();
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate({ name: name.trim(), role });
      }}
    >
      <div className="row wrap">
        <div className="field">
          <label htmlFor={`${id}-name`}>Whose, or for what</label>
          <input
            id={`${id}-name`}
            required
            maxLength={200}
            value={name}
            onChange={(event) => {
              setName(event.target.value);
            }}
          />
        </div>
        <div className="field">
          <label htmlFor={`${id}-role`}>Role</label>
          <select
            id={`${id}-role`}
            value={role}
            onChange={(event) => {
              setRole(ROLES.find((each) => each === event.target.value) ?? "viewer");
            }}
          >
            {ROLES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </div>
        <button className="token-make" disabled={create.isPending}>
          Make a token
        </button>
      </div>
      {create.error && (
        <p className="danger-text" role="alert">
          {messageOf(create.error)}
        </p>
      )}
      {create.data && (
        <p className="notice" role="status">
          <span>
            Shown once: <code>{create.data.secret}</code>
          </span>
          <CopyButton text={create.data.secret} />
        </p>
      )}
    </form>
  );
}
