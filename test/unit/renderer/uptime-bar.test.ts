import { mount } from '@vue/test-utils'
import { TooltipProvider } from 'reka-ui'
import { h, nextTick } from 'vue'
import { describe, expect, it } from 'vitest'
import { barOf } from '../../../electron/core/uptime/bar'
import { bucketEdges } from '../../../electron/core/uptime/grid'
import { i18n } from '../../../renderer/i18n'
import {
  oddHours,
  partsOf,
  percentOf,
  spanText,
  startText,
  summaryOf,
  type UptimeBucket,
} from '../../../renderer/ui/uptime-bar'
import UptimeBar from '../../../renderer/ui/uptime-bar.vue'
import UptimeStrip from '../../../renderer/ui/uptime-strip.vue'
import { wallMs } from '../../../shared/model/time'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const FROM = Date.UTC(2025, 5, 2)
const bucket = (ms: Partial<UptimeBucket['ms']>, change: Partial<UptimeBucket> = {}): UptimeBucket => ({
  ...{ from: FROM, to: FROM + DAY, state: 'healthy', checks: 24, downMs: ms.offline ?? 0, incidents: 0, cause: null },
  ms: { healthy: 0, degraded: 0, offline: 0, paused: 0, ...ms },
  ...change,
})
const shares = (one: UptimeBucket, now = FROM + 2 * DAY) =>
  Object.fromEntries(partsOf(one, now).map(({ state, share }) => [state, Math.round(share * 100)]))

describe('the parts of a bucket', () => {
  it('have the height of their share, and what nobody observed is unknown', () => {
    expect(shares(bucket({ healthy: 12 * HOUR, offline: 6 * HOUR }))).toEqual({ healthy: 50, offline: 25, unknown: 25 })
    expect(shares(bucket({}))).toEqual({ unknown: 100 })
  })
  it('show an outage of a minute, at the cost of what is largest', () => {
    expect(shares(bucket({ healthy: DAY - 60_000, offline: 60_000 }))).toEqual({ healthy: 86, offline: 14 })
  })
  it('leave what lies ahead empty, neither healthy nor unknown', () => {
    expect(shares(bucket({ healthy: 6 * HOUR }), FROM + 6 * HOUR)).toEqual({ healthy: 25, ahead: 75 })
    expect(shares(bucket({ healthy: 3 * HOUR }), FROM + 6 * HOUR)).toEqual({ healthy: 13, unknown: 13, ahead: 75 })
  })
  it('always fill the bucket, from the bottom up', () => {
    const parts = partsOf(bucket({ healthy: DAY - 90_000, degraded: 60_000, offline: 30_000 }), FROM + DAY)
    expect(parts.map(({ state }) => state)).toEqual(['healthy', 'degraded', 'offline'])
    expect(parts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
  })
})

describe('what a bar says in words', () => {
  it('counts as unknown the past that nobody observed, and not the future', () => {
    const buckets = [
      bucket({ healthy: 20 * HOUR }),
      bucket({ healthy: HOUR }, { from: FROM + DAY, to: FROM + 2 * DAY }),
    ]
    expect(summaryOf(buckets, 1, FROM + DAY + 2 * HOUR)).toMatchObject({ unknownMs: 5 * HOUR, downMs: 0 })
  })
  it('never rounds an outage away', () => {
    expect([percentOf(1, 'en'), percentOf(0.999999, 'en'), percentOf(0.9950001, 'en'), percentOf(0, 'en')]).toEqual([
      '100%',
      '99.99%',
      '99.5%',
      '0%',
    ])
  })
  it('names days and hours on the calendar of the observer, and a day that has not 24 hours', () => {
    const zone = 'Europe/Berlin'
    // The clocks went forward on 30 March 2025.
    const edges = bucketEdges(zone, wallMs(Date.UTC(2025, 2, 30, 12)), 2, DAY)
    const { buckets } = barOf([], edges)
    expect(buckets.map((one) => [spanText(one, zone, 'en-GB'), oddHours(one)])).toEqual([
      ['Sat 29 Mar', null],
      ['Sun 30 Mar', 23],
    ])
    const hour = { from: Date.UTC(2025, 2, 30, 4), to: Date.UTC(2025, 2, 30, 5) }
    expect(spanText(hour, zone, 'en-GB')).toBe('Sun 30 Mar, 06:00–07:00')
    expect([startText(buckets[0]!, zone, 'en-GB'), startText(hour, zone, 'en-GB')]).toEqual(['29 Mar', 'Sun 06:00'])
  })
})

const buckets = [
  bucket({ healthy: DAY }),
  bucket({ healthy: 20 * HOUR, offline: 4 * HOUR }, { state: 'degraded', incidents: 2, cause: 'TCP port 22: refused' }),
  bucket({}, { state: 'unknown', checks: 0 }),
].map((one, day) => ({ ...one, from: FROM + day * DAY, to: FROM + (day + 1) * DAY }))
const props = { label: 'Uptime of web-1, 3 days', buckets, uptime: 44 / 48, timeZone: 'UTC' }
const show = (component: object, more: object = {}) =>
  mount(() => h(TooltipProvider, () => h(component, { ...props, ...more })), {
    global: { plugins: [i18n] },
    attachTo: document.body,
  })

describe('the uptime bar', () => {
  it('is one stop of the Tab key, and arrows tell bucket by bucket', async () => {
    const wrapper = show(UptimeBar)
    const all = () => wrapper.findAll<HTMLButtonElement>('[data-bucket]')
    expect(all().map((one) => one.attributes('tabindex'))).toEqual(['-1', '-1', '0'])
    all()[2]!.element.focus()
    await all()[2]!.trigger('keydown', { key: 'ArrowLeft' })
    await nextTick()
    expect(document.activeElement).toBe(all()[1]!.element)
    const tip = wrapper.get('[role=tooltip]').text()
    for (const words of ['4 hr down', '2 incidents', 'TCP port 22: refused']) expect(tip).toContain(words)
    expect(all()[1]!.attributes('aria-label')).toContain('degraded')
    await all()[1]!.trigger('keydown', { key: 'Escape' })
    expect(wrapper.find('[role=tooltip]').exists()).toBe(false)
    await all()[1]!.trigger('keydown', { key: 'Home' })
    await nextTick()
    expect(document.activeElement).toBe(all()[0]!.element)
    wrapper.unmount()
  })
  it('says the whole in words, and every bucket in a table', async () => {
    const wrapper = show(UptimeBar)
    const summary = wrapper.get('figcaption').text()
    for (const words of ['91.66% up', '2 incidents, 4 hr down', '1 day without data']) expect(summary).toContain(words)
    await wrapper.get('[aria-label="Show as table"]').trigger('click')
    expect(wrapper.findAll('tbody tr').map((row) => row.findAll('td')[0]!.text())).toEqual([
      'no data',
      'degraded',
      'healthy',
    ])
    wrapper.unmount()
  })
  it('tells states apart by marks as well as by colour', () => {
    const wrapper = show(UptimeBar)
    const marks = wrapper.findAll('[data-bucket]').map((one) => one.find('svg').exists())
    expect(marks).toEqual([false, true, false])
    expect(wrapper.findAll('[data-bucket]')[2]!.html()).toContain('hatched')
    wrapper.unmount()
  })
  it('is told in a sentence in the row of a table', () => {
    const wrapper = show(UptimeStrip, { label: 'Last 3 days' })
    expect(wrapper.get('[role=img]').attributes('aria-label')).toBe(
      'Last 3 days: 91.66% up, 2 incidents, partly without data',
    )
    wrapper.unmount()
  })
})
