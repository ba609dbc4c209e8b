/** Entries in one transaction, and in one batch. */
export const BATCH = 1_000
/** Of each. */
export const BYTES = 300

/** JSON of exactly 300 bytes each, all different, about a fifth of it random hex: gzip gets neither a gift nor an impossible task. */
export function records(count: number): string[] {
  let state = 0x9e3779b9
  const random = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0).toString(16).padStart(8, '0')
  }
  return Array.from({ length: count }, (_, seq) => {
    const noise = Array.from({ length: 8 }, random).join('')
    const head = `{"seq":${seq},"site":"plant-${seq % 20}","line":"L${seq % 7}","tag":"motor.${seq % 50}.temperature","value":${
      ((seq * 37) % 10_000) / 100
    },"quality":"good","unit":"C","trace":"${noise}","note":"`
    // One flat string: the joins are not to be paid for by whoever reads it first.
    return Buffer.from(`${head}${'steady run '.repeat(30).slice(0, BYTES - head.length - 2)}"}`).toString('latin1')
  })
}
