/** The frame of a page: its title, what can be done on it, its content. */
import { type ReactNode, useEffect } from "react";

import { setPageTitle } from "./attention.ts";

interface PageProps {
  readonly title: string;
  /** In place of the title's text: with a badge, an id. */
  readonly heading?: ReactNode;
  readonly actions?: ReactNode;
  /** The content fills the window and scrolls by itself: of one large table or graph. */
  readonly isFull?: boolean;
  readonly children: ReactNode;
}

export function Page({ title, heading, actions, isFull = false, children }: PageProps) {
  useEffect(() => {
    setPageTitle(title);
  }, [title]);
  return (
    <main id="main" tabIndex={-1} className={isFull ? "page is-full" : "page"}>
      <header className="page-head">
        <h1 className="grow">{heading ?? title}</h1>
        {actions && <div className="row wrap">{actions}</div>}
      </header>
      {children}
    </main>
  );
}
