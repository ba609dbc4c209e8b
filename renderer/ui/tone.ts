/** What a colour means here. `edge` and `master`: who drives. `working`: it moves by itself. `degraded`: not as it ought to be. `critical`: a person is needed. */
export type Tone = 'edge' | 'master' | 'working' | 'degraded' | 'critical' | 'quiet'

/** Whole class names: the style builder finds them by reading. */
export const toneText: Readonly<Record<Tone, string>> = {
  edge: 'text-edge',
  master: 'text-master',
  working: 'text-working',
  degraded: 'text-degraded',
  critical: 'text-critical',
  quiet: 'text-ink-soft',
}
export const toneWash: Readonly<Record<Tone, string>> = {
  edge: 'bg-edge-wash',
  master: 'bg-master-wash',
  working: 'bg-working-wash',
  degraded: 'bg-degraded-wash',
  critical: 'bg-critical-wash',
  quiet: 'bg-sunken',
}
export const toneBorder: Readonly<Record<Tone, string>> = {
  edge: 'border-edge/35',
  master: 'border-master/35',
  working: 'border-working/35',
  degraded: 'border-degraded/40',
  critical: 'border-critical/40',
  quiet: 'border-line',
}
export const toneDot: Readonly<Record<Tone, string>> = {
  edge: 'bg-edge',
  master: 'bg-master',
  working: 'bg-working',
  degraded: 'bg-degraded',
  critical: 'bg-critical',
  quiet: 'bg-line-strong',
}
