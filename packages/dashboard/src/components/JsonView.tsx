/** JSON to look at: members fold, long texts and lists are cut until asked for; it copies whole. */
import { type ReactNode, useState } from "react";

import { formatCountOf } from "../format/quantity.ts";
import { CopyButton } from "./CopyButton.tsx";
import "./JsonView.css";

const OPEN_DEPTH = 2;
const SHOWN_MAX = 100;
const TEXT_MAX = 400;

export function JsonView({ value, label }: { value: unknown; label: string }) {
  return (
    <div className="json" role="group" aria-label={label}>
      <div className="json-copy">
        <CopyButton text={() => JSON.stringify(value, null, 2)} label="Copy JSON" />
      </div>
      <Value value={value} depth={0} />
    </div>
  );
}

function Value({ value, depth }: { value: unknown; depth: number }): ReactNode {
  if (Array.isArray(value)) {
    const members = value.map((each, index) => [String(index), each] as const);
    return <Branch members={members} brackets="[]" noun="element" depth={depth} />;
  }
  if (typeof value === "object" && value !== null) {
    return <Branch members={Object.entries(value)} brackets="{}" noun="member" depth={depth} />;
  }
  if (typeof value === "string") return <Text text={value} />;
  return <span className={value === null ? "json-null" : "json-number"}>{String(value)}</span>;
}

function Text({ text }: { text: string }) {
  const [isWhole, setWhole] = useState(false);
  if (text.length <= TEXT_MAX || isWhole) {
    return <span className="json-text">{JSON.stringify(text)}</span>;
  }
  return (
    <>
      <span className="json-text">{JSON.stringify(text.slice(0, TEXT_MAX))}</span>
      <More
        label={`… ${formatCountOf(text.length, "character")}`}
        onClick={() => {
          setWhole(true);
        }}
      />
    </>
  );
}

function Branch(props: {
  members: readonly (readonly [string, unknown])[];
  brackets: "[]" | "{}";
  noun: string;
  depth: number;
}) {
  const { members, brackets, noun, depth } = props;
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH && members.length <= SHOWN_MAX);
  const [shown, setShown] = useState(SHOWN_MAX);
  if (members.length === 0) return <span className="json-null">{brackets}</span>;
  return (
    <>
      <button
        type="button"
        className="json-fold"
        aria-expanded={isOpen}
        onClick={() => {
          setOpen(!isOpen);
        }}
      >
        {brackets[0]}
        {!isOpen && ` ${formatCountOf(members.length, noun)} ${brackets[1]!}`}
      </button>
      {isOpen && (
        <>
          <ul className="json-members">
            {members.slice(0, shown).map(([key, member]) => (
              <li key={key}>
                <span className="json-key">{brackets === "{}" ? `${key}: ` : ""}</span>
                <Value value={member} depth={depth + 1} />
              </li>
            ))}
            {members.length > shown && (
              <li>
                <More
                  label={formatCountOf(members.length - shown, "more", "more")}
                  onClick={() => {
                    setShown(shown * 10);
                  }}
                />
              </li>
            )}
          </ul>
          {brackets[1]}
        </>
      )}
    </>
  );
}

function More({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <button type="button" className="json-fold" onClick={onClick}>
      {label}
    </button>
  );
}
