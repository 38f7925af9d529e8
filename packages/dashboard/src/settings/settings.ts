/** What an operator set for this browser: kept in its storage, shared by its tabs. */
import { useSyncExternalStore } from "react";
import { z } from "zod";

import { TIME_MODES, type TimeStyle } from "../format/instant.ts";

/** Rows close together, or at ease. */
export const DENSITIES = ["comfortable", "compact"] as const;
export type Density = (typeof DENSITIES)[number];

export const THEMES = ["auto", "light", "dark"] as const;

const settings = z.object({
  theme: z.enum(THEMES).catch("auto"),
  timeMode: z.enum(TIME_MODES).catch("utc"),
  /** Of the telescope, east positive, for LST. Default: the Owens Valley. */
  longitudeDeg: z.number().min(-180).max(180).catch(-118.283),
  density: z.enum(DENSITIES).catch("comfortable"),
  /** Whether the desktop says what newly needs a person while the page is out of sight. */
  notifies: z.boolean().catch(false),
  navCollapsed: z.boolean().catch(false),
  /** Columns that are shown, by table. */
  columns: z.record(z.string(), z.array(z.string())).catch({}),
});
export type Settings = z.output<typeof settings>;

const KEY = "absurd.settings";
const listeners = new Set<() => void>();
let current: Settings | undefined;

export function getSettings(): Settings {
  current ??= settings.parse(stored());
  return current;
}

export function changeSettings(change: Partial<Settings>): void {
  current = { ...getSettings(), ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
  } catch {
    // Storage is full or forbidden: the choice holds until the page is left.
  }
  tell();
}

export function useSettings(): Settings {
  return useSyncExternalStore(subscribe, getSettings);
}

/** The part that instants are written by. */
export function useTimeStyle(): TimeStyle {
  const { timeMode, longitudeDeg } = useSettings();
  return { mode: timeMode, longitudeDeg };
}

/** Keeps <html data-theme data-density> as they are set. */
export function followTheme(): void {
  const apply = () => {
    const { theme, density } = getSettings();
    document.documentElement.dataset["density"] = density;
    if (theme === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
  };
  apply();
  subscribe(apply);
}

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) addEventListener("storage", changedElsewhere);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) removeEventListener("storage", changedElsewhere);
  };
}

function changedElsewhere(event: StorageEvent): void {
  if (event.key !== KEY) return;
  current = undefined;
  tell();
}

function tell(): void {
  for (const listener of listeners) listener();
}

function stored(): unknown {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as unknown;
  } catch {
    return {};
  }
}
