/**
 * Keys of the page: one listener, and the list that `?` shows. A binding is a key as
 * KeyboardEvent.key names it ("j", "Enter", "?"), or two one after the other ("g t").
 */
import { useEffect, useRef, useSyncExternalStore } from "react";

export interface KeyBinding {
  readonly keys: string;
  readonly label: string;
  readonly run: (event: KeyboardEvent) => void;
}

export interface KeyGroup {
  readonly title: string;
  readonly bindings: readonly KeyBinding[];
}

const SEQUENCE_MS = 1_200;

const listeners = new Set<() => void>();
let groups: readonly KeyGroup[] = [];
let first: { readonly key: string; readonly at: number } | undefined;

/** Binds keys while the component is there. They are quiet while somebody types or in a dialog. */
export function useKeys(title: string, bindings: readonly KeyBinding[]): void {
  const latest = useRef(bindings);
  useEffect(() => {
    latest.current = bindings;
  });
  const shape = bindings.map((each) => `${each.keys}\n${each.label}`).join("\n");
  useEffect(() => {
    const group: KeyGroup = {
      title,
      bindings: latest.current.map((each, index) => ({
        ...each,
        run: (event) => latest.current[index]?.run(event),
      })),
    };
    if (groups.length === 0) document.addEventListener("keydown", onKeyDown);
    groups = [...groups, group];
    tell();
    return () => {
      groups = groups.filter((each) => each !== group);
      if (groups.length === 0) document.removeEventListener("keydown", onKeyDown);
      tell();
    };
  }, [title, shape]);
}

/** What is bound now, for the help. */
export function useKeyGroups(): readonly KeyGroup[] {
  return useSyncExternalStore(subscribe, () => groups);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  for (const listener of listeners) listener();
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || isBusy(event)) return;
  const binding = findBinding(event);
  if (!binding) return;
  event.preventDefault();
  binding.run(event);
}

function findBinding(event: KeyboardEvent): KeyBinding | undefined {
  // The latest mounted come first: what is on top of the page.
  const bindings = groups.toReversed().flatMap((group) => group.bindings);
  const name = nameOf(event);
  const isSecond = first !== undefined && event.timeStamp - first.at < SEQUENCE_MS;
  const sequence = isSecond && first ? `${first.key} ${name}` : undefined;
  first = undefined;
  const found =
    bindings.find((each) => each.keys === sequence) ?? bindings.find((each) => each.keys === name);
  if (found) return found;
  if (bindings.some((each) => each.keys.startsWith(`${name} `))) {
    first = { key: name, at: event.timeStamp };
  }
  return undefined;
}

/** ctrl+k for Control and for Command; shift only where the key does not tell it. */
function nameOf(event: KeyboardEvent): string {
  const command = event.ctrlKey || event.metaKey ? "ctrl+" : "";
  const shift = event.shiftKey && event.key.length > 1 ? "shift+" : "";
  const key = event.key === " " ? "Space" : event.key;
  return `${command}${shift}${command ? key.toLowerCase() : key}`;
}

function isBusy(event: KeyboardEvent): boolean {
  if (event.altKey) return true;
  const isCommand = event.ctrlKey || event.metaKey;
  if (document.querySelector("[role=dialog]")) return true;
  if (isCommand) return false;
  const target = event.target instanceof HTMLElement ? event.target : undefined;
  if (!target) return false;
  if (target.isContentEditable || target.closest("[role=menu]")) return true;
  if (target.matches("textarea, select, input:not([type=checkbox], [type=radio])")) return true;
  // A focused button or link keeps the keys that press it.
  return ["Enter", " "].includes(event.key) && target.closest("a, button, summary") !== null;
}
