/** What the command palette offers for a text: pages, things, actions; best first. Pure. */

export interface Command {
  readonly id: string;
  readonly label: string;
  /** Page, Queue, Worker, Task, Action. */
  readonly kind: string;
  readonly run: () => void;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const SHOWN_MAX = 30;

export function isTaskId(text: string): boolean {
  return UUID.test(text.trim());
}

/** Those that have every word of the text; those that begin with it come first. */
export function matching(commands: readonly Command[], text: string): readonly Command[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return commands
    .map((command) => ({ command, place: placeOf(command, words) }))
    .filter(({ place }) => place >= 0)
    .sort((a, b) => a.place - b.place)
    .slice(0, SHOWN_MAX)
    .map(({ command }) => command);
}

/** 0: begins with it; 1: a word of it does; 2: within; −1: not at all. */
function placeOf({ label, kind }: Command, words: readonly string[]): number {
  const name = label.toLowerCase();
  const all = `${kind.toLowerCase()} ${name}`;
  if (!words.every((word) => all.includes(word))) return -1;
  const [word] = words;
  if (word === undefined || name.startsWith(word)) return 0;
  return all.split(/\W+/).some((part) => part.startsWith(word)) ? 1 : 2;
}
