/**
 * A saved view is kept as a filter of tasks. Of a page that has no such filter it is a text in
 * quotes, which is one, too: what the page's address says, "state=open&find=no+space". Pure.
 */

type Terms = Readonly<Record<string, string>>;

/** Empty members are left out: a page's address means its default by them. */
export function viewTextOf(terms: Terms): string {
  const said = Object.entries(terms).filter(([, value]) => value !== "");
  return said.length === 0 ? "" : `"${String(new URLSearchParams(said))}"`;
}

/** Undefined: it is a filter of tasks. */
export function termsOfView(text: string): Terms | undefined {
  if (!/^"\w+=[^"]*"$/.test(text)) return undefined;
  return Object.fromEntries(new URLSearchParams(text.slice(1, -1)));
}
