import { mount, type VueWrapper } from '@vue/test-utils'
import { createPinia } from 'pinia'
import { defineComponent, h, nextTick, shallowRef } from 'vue'
import { afterEach, describe, expect, it } from 'vitest'
import type { StatusView } from '../../../shared/console/views'
import { bridgeKey, type Bridge } from '../../../renderer/bridge'
import ControlAnnouncer from '../../../renderer/features/layout/control-announcer.vue'
import { i18n } from '../../../renderer/i18n'
import ActionMenu from '../../../renderer/ui/action-menu.vue'
import { startClock } from '../../../renderer/ui/clock'
import DataTable from '../../../renderer/ui/data-table.vue'
import { makeSeats } from '../../../renderer/ui/row-window'
import { AT, edgeSample, statusSample } from '../../support/console-samples'

const shown: VueWrapper[] = []
afterEach(() => {
  for (const wrapper of shown.splice(0)) wrapper.unmount()
})
const keep = <W extends VueWrapper>(wrapper: W): W => {
  shown.push(wrapper)
  return wrapper
}

describe('the elements of rows', () => {
  it('stay with their rows while these are in sight, and are lent to those that come', () => {
    const seatsOf = makeSeats()
    expect(seatsOf(['a', 'b', 'c'], null)).toEqual([1, 2, 3])
    expect(seatsOf(['c', 'b', 'd'], null)).toEqual([3, 2, 1])
    expect(seatsOf(['x', 'y', 'z'], null)).toEqual([3, 2, 1])
  })
  it('are not lent while they have the focus', () => {
    const seatsOf = makeSeats()
    seatsOf(['a', 'b'], null)
    expect(seatsOf(['c', 'd'], 2)).toEqual([1, 3])
  })
  it('are no more than rows were ever in sight at once', () => {
    const seatsOf = makeSeats()
    const seen = new Set<number>()
    for (let first = 0; first < 1_000; first += 7)
      for (const seat of seatsOf(
        Array.from({ length: 20 }, (_, at) => String(first + at)),
        null,
      ))
        seen.add(seat)
    expect(seen.size).toBe(20)
  })
})

describe('a table of ten thousand rows', () => {
  const rows = Array.from({ length: 10_000 }, (_, at) => ({ id: `r${at}`, name: `Row ${at}` }))
  function table() {
    const wrapper = keep(
      mount(DataTable<(typeof rows)[number]>, {
        props: {
          ...{ label: 'Rows', rows, rowKey: (row: { id: string }) => row.id, rowHeight: 50, rowTestid: 'row' },
          columns: [{ key: 'name', title: 'Name', width: '1fr', text: (row: { name: string }) => row.name }],
        },
        slots: { 'cell-name': ({ row }: { row: { name: string } }) => h('button', row.name) },
        global: { plugins: [i18n] },
        attachTo: document.body,
      }),
    )
    const grid = wrapper.get('[data-testid=data-table]')
    return {
      wrapper,
      grid,
      texts: () => wrapper.findAll('[data-testid=row]').map((row) => row.text()),
      async scrollTo(top: number) {
        grid.element.scrollTop = top
        await grid.trigger('scroll')
      },
    }
  }
  it('has elements for those in sight alone, and shows others in the same ones after scrolling', async () => {
    const { wrapper, texts, scrollTo } = table()
    expect(texts()[0]).toBe('Row 0')
    expect(texts().length).toBeLessThan(30)
    const before = new Set(wrapper.findAll('[data-testid=row]').map(({ element }) => element))
    await scrollTo(50 * 5_000)
    expect(texts()).toContain('Row 5000')
    expect(texts()).not.toContain('Row 0')
    const kept = wrapper.findAll('[data-testid=row]').filter(({ element }) => before.has(element))
    expect(kept.length).toBe(before.size)
  })
  it('never puts another row under the focus', async () => {
    const { wrapper, scrollTo } = table()
    const button = wrapper.findAll('[data-testid=row] button')[2]?.element as HTMLElement
    button.focus()
    expect(document.activeElement?.textContent).toBe('Row 2')
    await scrollTo(50 * 5_000)
    expect(document.activeElement).toBe(document.body)
  })
  it('is passed with the Tab key by one row alone, the one that one stands on', async () => {
    const { wrapper, grid } = table()
    const stops = () =>
      wrapper
        .findAll('[data-testid=row] button')
        .filter((button) => button.attributes('tabindex') === undefined)
        .map((button) => button.text())
    expect(stops()).toEqual(['Row 0'])
    for (let press = 0; press < 3; press += 1) await grid.trigger('keydown', { key: 'ArrowDown' })
    expect(stops()).toEqual(['Row 2'])
    await grid.trigger('keydown', { key: 'End' })
    expect(stops()).toEqual(['Row 9999'])
  })
  it('stands on the same row when others come before it', async () => {
    const { wrapper, grid } = table()
    for (let press = 0; press < 3; press += 1) await grid.trigger('keydown', { key: 'ArrowDown' })
    const active = () => wrapper.get(`[id="${grid.attributes('aria-activedescendant')}"]`).text()
    expect(active()).toBe('Row 2')
    await wrapper.setProps({ rows: [...rows].reverse().slice(-5) })
    expect(active()).toBe('Row 2')
    await wrapper.setProps({ rows: rows.slice(0, 1) })
    expect(active()).toBe('Row 0')
  })
  it('goes to its end and back with the keyboard, naming the row it stands on', async () => {
    const { wrapper, grid, texts } = table()
    await grid.trigger('keydown', { key: 'End' })
    expect(texts()).toContain('Row 9999')
    const active = () => wrapper.get(`[id="${grid.attributes('aria-activedescendant')}"]`)
    expect(active().text()).toBe('Row 9999')
    expect(active().attributes('aria-rowindex')).toBe('10001')
    await grid.trigger('keydown', { key: 'Home' })
    expect(active().text()).toBe('Row 0')
  })
})

describe('a button with a list of actions', () => {
  it('is nothing but a button until it is pressed, and opens with what there is to do', async () => {
    const wrapper = keep(
      mount(ActionMenu, {
        props: { label: 'Actions', actions: [{ key: 'a', text: 'Do it' }] },
        attachTo: document.body,
      }),
    )
    expect(wrapper.element.outerHTML).toMatch(/^<button/)
    expect(wrapper.get('button').attributes('aria-haspopup')).toBe('menu')
    await wrapper.get('button').trigger('click')
    await nextTick()
    expect(document.querySelector('[role=menu]')?.textContent).toContain('Do it')
    expect(document.querySelector('button[aria-label=Actions]')?.getAttribute('aria-expanded')).toBe('true')
  })
})

describe('a page that nobody looks at', () => {
  it('does not tick', () => {
    const visibility = (state: string) => {
      Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    }
    const timers: unknown[] = []
    const real = globalThis.setTimeout
    let read = 0
    globalThis.setTimeout = ((call: () => void) => timers.push(call)) as never
    try {
      const clock = startClock(() => (read += 1))
      expect(timers).toHaveLength(1)
      visibility('hidden')
      expect(timers).toHaveLength(1)
      visibility('visible')
      expect(timers).toHaveLength(2)
      clock.stop()
    } finally {
      globalThis.setTimeout = real
      Reflect.deleteProperty(document, 'visibilityState')
    }
  })
})

describe('the announcer of control', () => {
  it('says what changed, of the sites where it changed', async () => {
    let tell = (_: StatusView) => {}
    const bridge = {
      state: shallowRef({ name: 'connecting', since: AT }),
      subscribe(topic: string, _: unknown, handlers: { body(body: StatusView): void }) {
        if (topic === 'status') tell = (body) => handlers.body(body)
        return () => {}
      },
    } as unknown as Bridge
    const wrapper = keep(
      mount(defineComponent({ render: () => h(ControlAnnouncer) }), {
        global: { plugins: [i18n, createPinia()], provide: { [bridgeKey]: bridge } },
      }),
    )
    const [berlin, lyon] = [edgeSample(), { ...edgeSample(), id: 'lyon', name: 'Lyon' }]
    tell({ ...statusSample(), edges: [berlin, lyon] })
    await nextTick()
    expect(wrapper.text()).toBe('')
    tell({ ...statusSample(), edges: [{ ...berlin, documentsSeq: 8 }, lyon] })
    await nextTick()
    expect(wrapper.text()).toBe('')
    tell({ ...statusSample(), edges: [berlin, { ...lyon, control: { ...lyon.control, holder: 'master' } }] })
    await nextTick()
    expect(wrapper.text()).toContain('Lyon')
    expect(wrapper.text()).not.toContain('Berlin')
  })
})
