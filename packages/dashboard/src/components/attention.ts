/**
 * What a person sees without looking at the page: its title, its icon, and, when it is wanted, a
 * note on the desktop say how much needs somebody now.
 */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { useApi, useConnection } from "../api/api.tsx";
import { overviewQuery } from "../api/overview.ts";
import { useSettings } from "../settings/settings.ts";
import { iconOf, titleOf } from "./attention.model.ts";
import { type Need, needsOf } from "./needs.model.ts";

/** While nobody looks, too: that is when the title and the icon are for. */
const PACE_MS = 15_000;

let page = "Absurd";
let mark = "";

/** @param title of the page that is open; the count stands before it */
export function setPageTitle(title: string): void {
  page = title;
  document.title = titleOf(page, mark);
}

/** Undefined: not known yet. */
export function useNeeds(): readonly Need[] | undefined {
  const api = useApi();
  const { data } = useQuery({
    ...overviewQuery(api),
    refetchInterval: PACE_MS,
    refetchIntervalInBackground: true,
    select: needsOf,
  });
  return data;
}

/** Keeps title, icon and desktop as `needs` says; for the frame, once. */
export function useAttention(needs: readonly Need[] | undefined): void {
  const isAway = useConnection().kind === "away";
  const count = needs?.length ?? 0;
  const isCritical = isAway || (needs?.some((need) => need.level === "critical") ?? false);
  useEffect(() => {
    mark = isAway ? "!" : count > 0 ? String(count) : "";
    document.title = titleOf(page, mark);
    const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
    if (link) link.href = `data:image/svg+xml,${encodeURIComponent(iconOf(mark, isCritical))}`;
  }, [isAway, count, isCritical]);
  useDesktopNotes(needs);
}

function useDesktopNotes(needs: readonly Need[] | undefined): void {
  const { notifies } = useSettings();
  const known = useRef<ReadonlySet<string>>(undefined);
  useEffect(() => {
    if (!needs) return;
    const before = known.current;
    known.current = new Set(needs.map((need) => need.key));
    // What was there when the page was opened was seen.
    if (!before || !notifies || !document.hidden) return;
    for (const need of needs.filter(({ key }) => !before.has(key))) tellDesktop(need);
  }, [needs, notifies]);
}

function tellDesktop(need: Need): void {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const note = new Notification(need.title, { body: need.remedy, tag: need.key });
  note.onclick = () => {
    window.focus();
    note.close();
  };
}
