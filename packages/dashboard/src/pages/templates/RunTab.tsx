/** Runs a template: a form of its params by their types, then the plan, then the workflow. */
import { useNavigate } from "@tanstack/react-router";
import type { RouteAnswer, ROUTES, Template } from "@contimg/contract";
import { type SyntheticEvent, useId, useMemo, useState } from "react";

import { messageOf, useApi } from "../../api/api.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { formatCountOf } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";
import { GraphView } from "../workflows/graph/GraphView.tsx";
import { paramTextsOf, type ParamTexts, readParams, templateGraph } from "./templates.model.ts";

type Plan = RouteAnswer<(typeof ROUTES)["planTemplate"]>;

export function RunTab({ template }: { template: Template }) {
  const [texts, setTexts] = useState(() => paramTextsOf(template));
  const [plan, setPlan] = useState<Plan>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const steps = useSteps(template);
  const mayOperate = useMay("operator");
  const { params, faults } = readParams(template, texts);
  const isReady = Object.keys(faults).length === 0;

  async function submit(event: SyntheticEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      if (plan) await steps.run(params);
      else setPlan(await steps.plan(params));
    } catch (thrown) {
      setError(thrown);
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className="template-run">
      <form className="stack" onSubmit={(event) => void submit(event)}>
        {template.params.length === 0 && <p className="muted">It takes no params.</p>}
        <ParamFields
          template={template}
          texts={texts}
          faults={faults}
          onChange={(name, text) => {
            setTexts((old) => ({ ...old, [name]: text }));
            setPlan(undefined);
          }}
        />
        {error !== undefined && (
          <p className="danger-text" role="alert">
            {messageOf(error)}
          </p>
        )}
        <div className="row">
          <button className="primary" disabled={!isReady || isBusy || (plan && !mayOperate)}>
            {plan ? `Spawn ${formatCountOf(plan.nodes.length, "task")}` : "Show the plan"}
          </button>
        </div>
      </form>
      {plan && <PlanView plan={plan} />}
    </div>
  );
}

function useSteps(template: Template) {
  const { client } = useApi();
  const notify = useNotify();
  const navigate = useNavigate();
  const where = {
    params: { template_name: template.name },
    query: { version: template.version },
  };
  type Params = ReturnType<typeof readParams>["params"];
  return {
    plan: (params: Params) => client.call("planTemplate", { ...where, body: { params } }),
    run: async (params: Params): Promise<void> => {
      const answer = await client.call("runTemplate", { ...where, body: { params } });
      notify(`A workflow of ${template.name} is spawned`);
      await navigate({
        to: "/workflows/$workflowId",
        params: { workflowId: answer.workflow_id },
        search: { follow: "on" },
      });
    },
  };
}

function PlanView({ plan }: { plan: Plan }) {
  const [selected, setSelected] = useState<string>();
  const graph = useMemo(() => templateGraph(plan.nodes), [plan]);
  return (
    <section className="stack plan" aria-label="Plan">
      <h2>Plan: {formatCountOf(plan.nodes.length, "task")}, nothing is spawned yet</h2>
      <GraphView
        graph={graph}
        label="Graph of the plan"
        selected={selected}
        onSelect={setSelected}
      />
    </section>
  );
}

function ParamFields(props: {
  template: Template;
  texts: ParamTexts;
  faults: ParamTexts;
  onChange: (name: string, text: string) => void;
}) {
  const { template, texts, faults, onChange } = props;
  const id = useId();
  return template.params.map((param) => {
    const text = texts[param.name] ?? "";
    const common = {
      id: `${id}-${param.name}`,
      value: text,
      "aria-describedby": `${id}-${param.name}-hint`,
      onChange: (event: { target: { value: string } }) => {
        onChange(param.name, event.target.value);
      },
    };
    const isRequired = param.required !== false && param.default === undefined;
    // A field that nobody touched yet is not wrong, it is empty: the button waits for it.
    const fault = text === "" ? undefined : faults[param.name];
    return (
      <div key={param.name} className="field">
        <label htmlFor={common.id}>
          {param.name} <span className="muted small">{param.type}</span>
        </label>
        {param.type === "boolean" ? (
          <select {...common}>
            <option value="">{isRequired ? "choose" : "default"}</option>
            <option>true</option>
            <option>false</option>
          </select>
        ) : ["array", "object", "any"].includes(param.type) ? (
          <textarea className="mono" rows={3} spellCheck={false} {...common} />
        ) : (
          <input
            autoComplete="off"
            inputMode={param.type === "string" ? "text" : "decimal"}
            {...common}
          />
        )}
        <span id={`${common.id}-hint`} className={fault === undefined ? "muted small" : "fault"}>
          {fault ?? (isRequired ? "required" : "empty: its default")}
        </span>
      </div>
    );
  });
}
