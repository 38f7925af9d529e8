/** Colors for canvases: tokens of theme.css as the page resolves them now. */

/** rgb(…) of a token such as "--accent", in the scheme of the element. */
export function colorOf(element: HTMLElement, token: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${token})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Calls back when the scheme changes: by the operator, or by the machine. */
export function onSchemeChange(run: () => void): () => void {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const observer = new MutationObserver(run);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  query.addEventListener("change", run);
  return () => {
    observer.disconnect();
    query.removeEventListener("change", run);
  };
}
