import { describe, expect, it } from 'vitest'
import { formatAge, formatDuration, formatLength, formatTaken } from '../../../renderer/ui/duration'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

describe('lengths of time', () => {
  it('shows the two largest units and rounds seconds up, so that a countdown ends at its end', () => {
    expect(formatDuration(200_000, 'en')).toBe('3 min 20 sec')
    expect(formatDuration(200, 'en')).toBe('1 sec')
    expect(formatDuration(0, 'en')).toBe('0 sec')
    expect(formatDuration(-5_000, 'en')).toBe('0 sec')
    expect(formatDuration(59_001, 'en')).toBe('1 min')
    expect(formatDuration(5 * HOUR + 31 * MINUTE, 'en')).toBe('5 hr 31 min')
    expect(formatDuration(49 * HOUR + 59 * MINUTE, 'en')).toBe('2 days 1 hr')
  })

  it('speaks the language of the page', () => {
    expect(formatDuration(200_000, 'de')).toBe('3 Min. 20 Sek.')
    expect(formatDuration(200_000, 'zh')).toMatch(/3\s?分钟 20\s?秒/)
    expect(formatAge(240_000, 'de')).toBe('vor 4 Minuten')
  })

  it('tells how long ago in one unit, and leaves the first seconds to the word for now', () => {
    expect(formatAge(4_999, 'en')).toBe('')
    expect(formatAge(5_000, 'en')).toBe('5 seconds ago')
    expect(formatAge(119_000, 'en')).toBe('1 minute ago')
    expect(formatAge(3 * HOUR + 59 * MINUTE, 'en')).toBe('3 hours ago')
  })

  it('tells how long something is so, never zero', () => {
    expect(formatLength(20, 'en')).toBe('1 sec')
    expect(formatLength(3 * HOUR, 'en')).toBe('3 hr')
  })

  it('keeps milliseconds below a second and tenths below ten', () => {
    expect(formatTaken(140, 'en')).toBe('140 ms')
    expect(formatTaken(4_020, 'en')).toBe('4.0 sec')
    expect(formatTaken(12_000, 'en')).toBe('12 sec')
  })
})
