/** What is chosen in a list, beside it; on a phone over it. Escape closes it. */
import type { ReactNode } from "react";

import { useKeys } from "./keys.ts";
import "./SidePanel.css";

interface SidePanelProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function SidePanel({ title, onClose, children }: SidePanelProps) {
  useKeys("Panel", [{ keys: "Escape", label: "Close the panel", run: onClose }]);
  return (
    <aside className="side-panel panel" aria-label={title}>
      <header>
        <h2 className="grow clip" title={title}>
          {title}
        </h2>
        <button className="plain icon" aria-label="Close" onClick={onClose}>
          ✕
        </button>
      </header>
      <div className="side-panel-body stack" tabIndex={0} role="group" aria-label={title}>
        {children}
      </div>
    </aside>
  );
}

/** The list and, once something is chosen, its panel. */
export function WithSidePanel({ children, panel }: { children: ReactNode; panel: ReactNode }) {
  return (
    <div className="with-side-panel">
      <div className="side-panel-list">{children}</div>
      {panel}
    </div>
  );
}
