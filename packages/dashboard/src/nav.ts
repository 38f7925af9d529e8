/** The pages of the navigation, in their order. `key` goes there after g: "g t". */

export const NAV = [
  {
    title: "Work",
    pages: [
      { to: "/", label: "Overview", key: "o" },
      { to: "/tasks", label: "Tasks", key: "t" },
      { to: "/failures", label: "Failures", key: "f" },
      { to: "/dead-letters", label: "Dead letters", key: "d" },
      { to: "/workflows", label: "Workflows", key: "w" },
      { to: "/bulk-actions", label: "Bulk actions", key: "b" },
    ],
  },
  {
    title: "Machinery",
    pages: [
      { to: "/queues", label: "Queues", key: "q" },
      { to: "/workers", label: "Workers", key: "k" },
      { to: "/schedules", label: "Schedules", key: "s" },
      { to: "/templates", label: "Templates", key: "m" },
      { to: "/limits", label: "Limits", key: "l" },
    ],
  },
  {
    title: "Records",
    pages: [
      { to: "/audit", label: "Audit", key: "a" },
      { to: "/settings", label: "Settings", key: "e" },
    ],
  },
] as const;

export type NavPage = (typeof NAV)[number]["pages"][number];

export const NAV_PAGES: readonly NavPage[] = NAV.flatMap((group) => [...group.pages]);
