/** What a colour means here. `edge` and `master`: who drives. */
export type Tone = 'edge' | 'master' | 'working' | 'critical' | 'quiet'

/** Whole class names: the style builder finds them by reading. */
export const toneText: Readonly<Record<Tone, string>> = {
  edge: 'text-edge',
  master: 'text-master',
  working: 'text-working',
  critical: 'text-critical',
  quiet: 'text-ink-soft',
}
export const toneWash: Readonly<Record<Tone, string>> = {
  edge: 'bg-edge-wash',
  master: 'bg-master-wash',
  working: 'bg-working-wash',
  critical: 'bg-critical-wash',
  quiet: 'bg-sunken',
}
export const toneDot: Readonly<Record<Tone, string>> = {
  edge: 'bg-edge',
  master: 'bg-master',
  working: 'bg-working',
  critical: 'bg-critical',
  quiet: 'bg-line-strong',
}
