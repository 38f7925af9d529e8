/** How far a workflow is: parts in their hues, and the same in words. */
import type { WorkflowSummary } from "@contimg/contract";

import { formatCount } from "../../format/quantity.ts";
import { progressOf, progressText } from "./workflows.model.ts";

export function ProgressBar({ workflow }: { workflow: WorkflowSummary }) {
  const ended = workflow.total_tasks - workflow.open_tasks;
  const text = progressText(workflow);
  return (
    <span className="progress" title={text}>
      <span className="progress-track" role="img" aria-label={text}>
        {progressOf(workflow).map((part) => (
          <span
            key={part.word}
            className={`progress-part is-${part.tone}`}
            style={{ flexGrow: part.share }}
          />
        ))}
      </span>
      <span className="progress-text number">
        {formatCount(ended)}/{formatCount(workflow.total_tasks)}
      </span>
    </span>
  );
}
