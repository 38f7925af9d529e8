/** A new version of a template: the one that is shown, edited as JSON. */
import { useQueryClient } from "@tanstack/react-query";
import type { Template } from "@contimg/contract";
import { useMemo, useState } from "react";

import { messageOf, useApi } from "../../api/api.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { DefinitionEditor } from "./DefinitionEditor.tsx";
import { templateRoute } from "./route.ts";
import { editableOf, readDefinition } from "./templates.model.ts";

export function EditTab({ template }: { template: Template }) {
  const begin = useMemo(() => editableOf(template), [template]);
  const [text, setText] = useState(begin.text);
  const [error, setError] = useState<unknown>();
  const { client } = useApi();
  const queries = useQueryClient();
  const notify = useNotify();
  const navigate = templateRoute.useNavigate();
  const { definition, faults = [] } = readDefinition(text);

  async function save(): Promise<void> {
    if (!definition) return;
    setError(undefined);
    try {
      const stored = await client.call("updateTemplate", {
        params: { template_name: template.name },
        body: definition,
      });
      await queries.invalidateQueries({ queryKey: ["templates"] });
      notify(`Version ${stored.version} of ${stored.name} is the newest`);
      await navigate({ search: {} });
    } catch (thrown) {
      setError(thrown);
    }
  }

  return (
    <div className="stack template-scroll">
      {begin.lost.length > 0 && (
        <p className="notice is-warning">
          The API cannot write all of this template; saving would lose {begin.lost.join(", ")}.
          Change it with the client or SQL.
        </p>
      )}
      <DefinitionEditor text={text} faults={faults} onChange={setText} />
      {error !== undefined && (
        <p className="danger-text" role="alert">
          {messageOf(error)}
        </p>
      )}
      <div className="row">
        <button
          className="primary"
          disabled={!definition || text === begin.text || begin.lost.length > 0}
          onClick={() => void save()}
        >
          Store as a new version
        </button>
        {text === begin.text && <span className="muted">Nothing is changed yet.</span>}
      </div>
    </div>
  );
}
