/** Whether the page is as narrow as a phone. The same number stands in the CSS files. */
import { useSyncExternalStore } from "react";

const NARROW = "(max-width: 720px)";

export function useIsNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => matchMedia(NARROW).matches);
}

function subscribe(listener: () => void): () => void {
  const query = matchMedia(NARROW);
  query.addEventListener("change", listener);
  return () => {
    query.removeEventListener("change", listener);
  };
}
