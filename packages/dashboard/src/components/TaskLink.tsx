/**
 * A link to a task's page, for tables: the router's own follows the address of every link, which
 * costs more than all else of a row that comes into sight.
 */
import { useRouter } from "@tanstack/react-router";
import type { ReactNode } from "react";

interface TaskLinkProps {
  readonly taskId: string;
  readonly title?: string;
  readonly children: ReactNode;
}

export function TaskLink({ taskId, title, children }: TaskLinkProps) {
  const router = useRouter();
  const target = { to: "/tasks/$taskId", params: { taskId } } as const;
  const href = router.history.createHref(
    `${router.basepath.replace(/\/$/, "")}/tasks/${encodeURIComponent(taskId)}`,
  );
  return (
    <a
      href={href}
      title={title}
      onMouseEnter={() => void router.preloadRoute(target)}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        void router.navigate(target);
      }}
    >
      {children}
    </a>
  );
}
