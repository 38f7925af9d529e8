/** Round numbers for an axis: 1, 2 or 5 times a power of ten apart, about `wanted` of them. */
export function axisTicks(low: number, high: number, wanted: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough)!;
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const ticks: number[] = [];
  for (let at = Math.ceil(low / step); at * step <= high * (1 + 1e-9); at += 1)
    ticks.push(Number((at * step).toFixed(digits)));
  return ticks;
}
