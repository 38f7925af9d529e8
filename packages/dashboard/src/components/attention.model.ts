/** The page's title and icon with the number of what needs a person. Pure. */

/** "(3) Tasks · Absurd" */
export function titleOf(page: string, mark: string): string {
  const title = page === "Absurd" ? page : `${page} · Absurd`;
  return mark === "" ? title : `(${mark}) ${title}`;
}

const SIGN =
  '<rect width="32" height="32" rx="7" fill="#0b5cad"/>' +
  '<path d="M7 22 16 8l9 14M11 17h10" fill="none" stroke="#fff" stroke-width="3" ' +
  'stroke-linecap="round" stroke-linejoin="round"/>';

/** The sign of icon.svg, with the number in its corner: red when something is critical. */
export function iconOf(mark: string, isCritical: boolean): string {
  const number = Number(mark) > 9 ? "9+" : mark;
  const color = isCritical ? "#c0271d" : "#f1b55e";
  const ink = isCritical ? "#fff" : "#17202b";
  const badge =
    mark === ""
      ? ""
      : `<circle cx="21" cy="21" r="11" fill="${color}"/>` +
        `<text x="21" y="26.5" text-anchor="middle" font-family="sans-serif" font-weight="700" ` +
        `font-size="${number.length > 1 ? 13 : 16}" fill="${ink}">${number}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${SIGN}${badge}</svg>`;
}
