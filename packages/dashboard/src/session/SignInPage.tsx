/** Signing in with a token. The address stays, so that a sent link leads on afterwards. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type SyntheticEvent, useState } from "react";

import { messageOf, useApi } from "../api/api.tsx";
import { beginSession } from "./begin-session.ts";

export function SignInPage() {
  const api = useApi();
  const queries = useQueryClient();
  const [token, setToken] = useState("");
  const signIn = useMutation({
    mutationFn: () => api.client.call("signIn", { body: { token: token.trim() } }),
    onSuccess: (session) => {
      api.setCsrfToken(session.csrf_token);
      beginSession(queries, session);
    },
  });

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    signIn.mutate();
  }

  return (
    <main className="sign-in">
      <form className="panel body stack" onSubmit={submit}>
        <h1>Absurd</h1>
        <p className="muted">
          Sign in with a token. An admin makes one in Settings, or with{" "}
          <code>absurd token create</code>.
        </p>
        <div className="field">
          <label htmlFor="token">Token</label>
          <input
            id="token"
            type="password"
            autoComplete="current-password"
            autoFocus
            required
            value={token}
            onChange={(event) => {
              setToken(event.target.value);
            }}
          />
          {signIn.error && (
            <p className="fault" role="alert">
              {messageOf(signIn.error)}
            </p>
          )}
        </div>
        <button className="primary" disabled={signIn.isPending || token.trim() === ""}>
          {signIn.isPending ? "Signing in…" : "Sign in"}
        </button>
      </form>
    </main>
  );
}
