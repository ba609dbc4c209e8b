/**
 * The two kinds of time, never mixed. `MonoMs` is for waits, leases and permits: milliseconds of a clock that only goes forward and says nothing
 * about the calendar. `WallMs` is for schedules and records: milliseconds since 1970-01-01T00:00:00Z, may jump in both directions.
 */
export type MonoMs = number & { readonly kind: 'mono' }
export type WallMs = number & { readonly kind: 'wall' }

export const monoMs = (value: number): MonoMs => value as MonoMs
export const wallMs = (value: number): WallMs => value as WallMs

/** The instant `deltaMs` after `at`, on the same clock. */
export function after<T extends MonoMs | WallMs>(at: T, deltaMs: number): T {
  return (at + deltaMs) as T
}

/** The one that comes first; null: never. */
export function sooner(one: MonoMs | null, other: MonoMs | null): MonoMs | null {
  return one === null || (other !== null && other < one) ? other : one
}
