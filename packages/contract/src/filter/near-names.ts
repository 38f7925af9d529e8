/** The name that a person may have meant. */

/** The nearest within a third of the word's length in edits, or one that the word begins. */
export function nearName(word: string, names: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const distanceMax = Math.max(2, Math.floor(lower.length / 3));
  const ranked = names
    .map((name) => ({ name, distance: editDistance(lower, name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= distanceMax && distance < name.length)
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.name ?? names.find((name) => lower !== "" && name.startsWith(lower));
}

/** Insertions, deletions and substitutions (Levenshtein 1966), one row of the table at a time. */
function editDistance(a: string, b: string): number {
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
