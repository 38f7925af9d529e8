/** What to do on a system that has done nothing yet: commands to copy. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { CopyButton } from "../../components/CopyButton.tsx";
import { useMay } from "../../session/session.tsx";

const START_A_WORKER = "absurd worker --exec greet=/usr/bin/true";
const SPAWN_A_TASK = `absurd spawn greet --params '{"name": "world"}'`;

export function FirstSteps() {
  const canSpawn = useMay("operator");
  return (
    <section className="panel" aria-label="First steps">
      <header>
        <h2>First steps</h2>
      </header>
      <ol className="body first-steps">
        <Step title="Start a worker" command={START_A_WORKER}>
          It runs a program as the task <code>greet</code>; with <code>--tasks ./tasks.ts</code> it
          runs those that a module defines.
        </Step>
        <Step title="Spawn a task" command={SPAWN_A_TASK}>
          {canSpawn ? (
            <>
              Or <Link to="/spawn">with a form</Link>: it appears here at once.
            </>
          ) : (
            "It appears here at once."
          )}
        </Step>
      </ol>
    </section>
  );
}

function Step(props: { title: string; command: string; children: ReactNode }) {
  return (
    <li>
      <h3>{props.title}</h3>
      <p className="row wrap">
        <code className="first-steps-command">{props.command}</code>
        <CopyButton text={props.command} label={`Copy: ${props.title.toLowerCase()}`} />
      </p>
      <p className="muted">{props.children}</p>
    </li>
  );
}
