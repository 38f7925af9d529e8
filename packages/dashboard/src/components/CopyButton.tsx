/** Puts a text on the clipboard and says so. */
import { useState } from "react";

interface CopyButtonProps {
  readonly text: string | (() => string);
  readonly label?: string;
}

const SAID_MS = 1_500;

export function CopyButton({ text, label = "Copy" }: CopyButtonProps) {
  const [said, setSaid] = useState<string>();
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(typeof text === "string" ? text : text());
      setSaid("Copied");
    } catch {
      setSaid("Not allowed");
    }
    setTimeout(() => {
      setSaid(undefined);
    }, SAID_MS);
  }
  return (
    <button type="button" className="plain small" onClick={() => void copy()}>
      {said ?? label}
    </button>
  );
}
