/** Panels of which one is seen; which one is the page's own state, best kept in its address. */
import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";

import "./Tabs.css";

export interface Tab<Id extends string> {
  readonly id: Id;
  readonly label: ReactNode;
  /** Rendered while it is the chosen one, only. */
  readonly render: () => ReactNode;
}

interface TabsProps<Id extends string> {
  readonly label: string;
  readonly tabs: readonly Tab<Id>[];
  readonly value: Id;
  readonly onChange: (id: Id) => void;
}

export function Tabs<Id extends string>({ label, tabs, value, onChange }: TabsProps<Id>) {
  return (
    <Radix.Root
      className="tabs"
      value={value}
      onValueChange={(chosen) => {
        const tab = tabs.find((each) => each.id === chosen);
        if (tab) onChange(tab.id);
      }}
    >
      <Radix.List className="tab-list" aria-label={label}>
        {tabs.map((tab) => (
          <Radix.Trigger key={tab.id} value={tab.id} className="tab">
            {tab.label}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {tabs.map((tab) => (
        <Radix.Content key={tab.id} value={tab.id} className="tab-panel">
          {tab.id === value && tab.render()}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}
