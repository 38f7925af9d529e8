/** Names that a person may have meant. Pure. */

/** Up to three names within a third of the word's length in edits, best first. */
export function nearNames(word: string, names: readonly string[]): string[] {
  const distanceMax = Math.max(2, Math.floor(word.length / 3));
  return names
    .map((name) => ({ name, distance: editDistance(word, name) }))
    .filter((each) => each.distance <= distanceMax)
    .sort((a, b) => a.distance - b.distance || a.name.localeCompare(b.name))
    .slice(0, 3)
    .map((each) => each.name);
}

/** Insertions, deletions and substitutions (Levenshtein 1966), one row of the table at a time. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
