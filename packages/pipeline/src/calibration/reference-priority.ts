/**
 * Which antennas to prefer as the phase reference: outriggers, whose long baselines see no diffuse
 * emission, in the order the telescope's operators use.
 */
const PREFERRED_STATIONS = [
  104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 103, 117,
];

/** Indices into `names`, best first. Names are station numbers, as "104" or "DSA-104". */
export function preferredReferences(telescopeName: string, names: readonly string[]): number[] {
  if (telescopeName !== "OVRO_MMA" && telescopeName !== "DSA_110") return [];
  const stations = names.map((name) => Number(/(\d+)$/.exec(name)?.[1] ?? Number.NaN));
  return PREFERRED_STATIONS.map((station) => stations.indexOf(station)).filter(
    (antenna) => antenna !== -1,
  );
}
