/** A new template, written as JSON. */
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type SyntheticEvent, useId, useState } from "react";

import { messageOf, useApi } from "../../api/api.tsx";
import { Page } from "../../components/Page.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { DefinitionEditor } from "./DefinitionEditor.tsx";
import { NEW_TEMPLATE, readDefinition } from "./templates.model.ts";
import "./templates.css";

export function NewTemplatePage() {
  const [name, setName] = useState("");
  const [text, setText] = useState(NEW_TEMPLATE);
  const [error, setError] = useState<unknown>();
  const { client } = useApi();
  const queries = useQueryClient();
  const notify = useNotify();
  const navigate = useNavigate();
  const id = useId();
  const { definition, faults = [] } = readDefinition(text);

  async function create(): Promise<void> {
    if (!definition) return;
    setError(undefined);
    try {
      const made = await client.call("createTemplate", {
        body: { ...definition, name: name.trim() },
      });
      await queries.invalidateQueries({ queryKey: ["templates"] });
      notify(`Template ${made.name} stored`);
      await navigate({ to: "/templates/$name", params: { name: made.name } });
    } catch (thrown) {
      setError(thrown);
    }
  }

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    void create();
  }

  return (
    <Page title="New template">
      <form className="stack" onSubmit={submit}>
        <div className="field">
          <label htmlFor={id}>Name</label>
          <input
            id={id}
            required
            autoComplete="off"
            maxLength={200}
            value={name}
            onChange={(event) => {
              setName(event.target.value);
            }}
          />
        </div>
        <DefinitionEditor text={text} faults={faults} onChange={setText} />
        {error !== undefined && (
          <p className="danger-text" role="alert">
            {messageOf(error)}
          </p>
        )}
        <div className="row">
          <button className="primary" disabled={!definition || name.trim() === ""}>
            Store template
          </button>
          <Link to="/templates" className="button">
            Back
          </Link>
        </div>
      </form>
    </Page>
  );
}
