import { mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { TooltipProvider } from 'reka-ui'
import { defineComponent, h, nextTick, shallowRef, type VNode } from 'vue'
import { describe, expect, it } from 'vitest'
import type { SubscriptionHandlers } from '../../../shared/console/connection'
import type { Result } from '../../../shared/console/result'
import { useAsked, useStream, useTopic, type Asked, type Asking } from '../../../renderer/ask'
import AskedFrame from '../../../renderer/asked-frame.vue'
import { bridgeKey, type Bridge, type BridgeState } from '../../../renderer/bridge'
import { useDrains } from '../../../renderer/features/data/drains'
import { i18n } from '../../../renderer/i18n'
import { usePaged, type Paged } from '../../../renderer/paging'
import { clockKey } from '../../../renderer/ui/clock'
import { makeTasks } from '../../../renderer/ui/tasks'
import { AT, syncSample } from '../../support/console-samples'

const hello = { type: 'hello', protocol: 1, version: '0.1.0', role: 'admin', actor: 'browser:x', at: AT } as const
const open: BridgeState = { name: 'open', since: AT, hello }
type Heard = Pick<SubscriptionHandlers<'sync'>, 'body' | 'ended'>

/** What a component has that uses it, and the bridge behind. `draw`: what it shows of it. */
function using<T>(
  setup: () => T,
  call: Bridge['call'] = (async () => ({ ok: true, value: {} })) as never,
  draw: (used: T) => VNode = () => h('div'),
) {
  const state = shallowRef<BridgeState>(open)
  const subscribed: { topic: string; params: unknown; handlers: Heard; isStopped: boolean }[] = []
  const bridge = {
    state,
    call,
    subscribe(topic: string, params: unknown, handlers: Heard) {
      const one = { topic, params, handlers, isStopped: false }
      subscribed.push(one)
      return () => (one.isStopped = true)
    },
  } as unknown as Bridge
  let used!: T
  const wrapper = mount(
    defineComponent({
      setup() {
        used = setup()
        return () => draw(used)
      },
    }),
    { global: { plugins: [i18n, createPinia()], provide: { [bridgeKey]: bridge, [clockKey]: shallowRef(AT) } } },
  )
  return { used, state, subscribed, wrapper }
}
const settled = async () => {
  for (let n = 0; n < 10; n += 1) await nextTick()
}

describe('a question', () => {
  it('drops an answer that another question has overtaken, and keeps the last one when asking fails', async () => {
    const about = shallowRef('a')
    const answers = new Map<string, (result: Result<string>) => void>()
    const { used } = using((): Asked<string> =>
      useAsked(
        () => about.value,
        () => new Promise((resolve) => answers.set(about.value, resolve)),
      ),
    )
    about.value = 'b'
    await settled()
    answers.get('b')!({ ok: true, value: 'of b' })
    answers.get('a')!({ ok: true, value: 'of a' })
    await settled()
    expect(used.value.value).toBe('of b')
    expect(used.asOf.value).toBe(AT)
    void used.again()
    answers.get('b')!({ ok: false, code: 'timeout', message: 'no' })
    await settled()
    expect(used.value.value).toBe('of b')
    expect(used.failure.value?.code).toBe('timeout')
  })

  it('is asked again when the controller is back', async () => {
    let asked = 0
    const { state } = using(() =>
      useAsked(
        () => null,
        async () => ({ ok: true, value: (asked += 1) }),
      ),
    )
    await settled()
    state.value = { name: 'lost', since: AT, retryAt: AT }
    await settled()
    state.value = open
    await settled()
    expect(asked).toBe(2)
  })
})

describe('the frame of what was asked for', () => {
  const framed = (asked: Asking, text: () => string | null) =>
    h(TooltipProvider, () => h(AskedFrame, { asked }, { default: text }))

  it('shows the value with its age when a later answer failed, and asks again when told to', async () => {
    const answers: Result<string>[] = [
      { ok: true, value: 'first' },
      { ok: false, code: 'timeout', message: 'no' },
      { ok: true, value: 'third' },
    ]
    const { used, wrapper } = using(
      () =>
        useAsked(
          () => null,
          async () => answers.shift()!,
        ),
      undefined,
      (asked) => framed(asked, () => asked.value.value),
    )
    await settled()
    expect(wrapper.text()).toBe('first')
    await used.again()
    await settled()
    expect(wrapper.text()).toMatch(/no.*as of \d+:\d+.*first/s)
    await wrapper.get('button').trigger('click')
    await settled()
    expect(wrapper.text()).toBe('third')
  })

  it('shows the age of rows whose refresh failed', async () => {
    const answers: Result<{ rows: string[]; next: null }>[] = [
      { ok: true, value: { rows: ['a row'], next: null } },
      { ok: false, code: 'timeout', message: 'no' },
    ]
    const { used, wrapper } = using(
      () =>
        usePaged<string, never>({
          question: () => null,
          fetch: async () => answers.shift()!,
          key: (row) => row,
          cursorOf: () => null as never,
          order: () => 0,
        }),
      undefined,
      (list) => framed(list, () => list.rows.value?.join() ?? null),
    )
    await settled()
    expect(wrapper.text()).toBe('a row')
    await used.again()
    await settled()
    expect(wrapper.text()).toMatch(/no.*as of \d+:\d+.*a row/s)
  })

  it('keeps what a topic told before it was ended, with its age, and subscribes once more when told to', async () => {
    const { subscribed, wrapper } = using(
      () => useTopic('sync', () => ({})),
      undefined,
      (told) => framed(told, () => told.value.value?.status?.state ?? null),
    )
    expect(wrapper.get('[aria-busy]').text()).toContain('Loading')
    subscribed[0]!.handlers.body(syncSample({ state: 'paused' }), 0)
    await settled()
    expect(wrapper.text()).toBe('paused')
    subscribed[0]!.handlers.ended({ code: 'revoked', message: 'no more' })
    await settled()
    expect(wrapper.text()).toMatch(/no more.*as of \d+:\d+.*paused/s)
    await wrapper.get('button').trigger('click')
    expect(subscribed.map(({ isStopped }) => isStopped)).toEqual([true, false])
    subscribed[1]!.handlers.body(syncSample({ state: 'up to date' }), 0)
    await settled()
    expect(wrapper.text()).toBe('up to date')
  })
})

describe('a list that comes in pages', () => {
  interface Row {
    readonly id: number
  }
  const paged = (
    pages: Record<string, { rows: Row[]; next: number | null }>,
    asked: (number | null)[] = [],
  ): Paged<Row> =>
    usePaged<Row, number>({
      question: () => null,
      fetch: async (after) => {
        asked.push(after)
        return { ok: true, value: pages[String(after)]! }
      },
      key: ({ id }) => String(id),
      cursorOf: ({ id }) => id,
      order: (a, b) => b.id - a.id,
    })

  it('asks on where the last page ended, and stops at the end', async () => {
    const asked: (number | null)[] = []
    const { used } = using(() =>
      paged({ null: { rows: [{ id: 9 }, { id: 8 }], next: 8 }, 8: { rows: [{ id: 7 }], next: null } }, asked),
    )
    await settled()
    expect([used.rows.value?.length, used.total.value]).toEqual([2, 3])
    await used.more()
    await used.more()
    expect(used.rows.value?.map(({ id }) => id)).toEqual([9, 8, 7])
    expect([used.total.value, asked]).toEqual([3, [null, 8]])
  })

  it('goes on by itself over pages without a row', async () => {
    const { used } = using(() =>
      paged({ null: { rows: [], next: 5 }, 5: { rows: [], next: 3 }, 3: { rows: [{ id: 2 }], next: null } }),
    )
    await settled()
    expect(used.rows.value).toEqual([{ id: 2 }])
  })

  it('puts what comes by itself in its place, and once', async () => {
    const { used } = using(() => paged({ null: { rows: [{ id: 9 }, { id: 7 }], next: null } }))
    await settled()
    used.put([{ id: 8 }, { id: 9 }, { id: 10 }])
    expect(used.rows.value?.map(({ id }) => id)).toEqual([10, 9, 8, 7])
  })
})

describe('a topic', () => {
  it('is subscribed anew for other parameters, not at all for none, and left with the page', async () => {
    const site = shallowRef<string | null>('a')
    const { subscribed, wrapper } = using(() =>
      useStream('sync', () => (site.value === null ? null : { edge: site.value }), { body: () => {} }),
    )
    site.value = 'b'
    await settled()
    site.value = null
    await settled()
    expect(subscribed.map(({ params, isStopped }) => [params, isStopped])).toEqual([
      [{ edge: 'a' }, true],
      [{ edge: 'b' }, true],
    ])
    site.value = 'c'
    await settled()
    wrapper.unmount()
    expect(subscribed.at(-1)?.isStopped).toBe(true)
  })
})

describe('a push that somebody asked for', () => {
  const site = { id: 'berlin', ref: 'berlin', name: 'Berlin' }
  const begin = async () => {
    const call = (async () => ({ ok: true, value: { pendingEntries: 1_000 } })) as never
    const { used, subscribed, wrapper } = using(() => {
      setActivePinia(createPinia())
      return useDrains()
    }, call)
    const tasks = makeTasks()
    expect(await used.begin(site, tasks)).toBeNull()
    return { task: tasks.all[0]!, told: subscribed[0]!, wrapper }
  }

  it('shows amount, rate and time left, and ends when nothing waits, also when its page is gone', async () => {
    const { task, told, wrapper } = await begin()
    wrapper.unmount()
    told.handlers.body(syncSample({ state: 'catching up', pendingEntries: 400, ratePerS: 200, etaS: 2 }), 0)
    expect(task.progress).toEqual({ done: 600, total: 1_000, rate: 200, leftMs: 2_000 })
    expect(task.outcome).toBeNull()
    told.handlers.body(syncSample({ pendingEntries: 0 }), 0)
    expect([task.outcome, told.isStopped]).toEqual(['done', true])
  })

  it('is only no longer watched when it is called off', async () => {
    const { task, told } = await begin()
    task.cancel?.()
    expect([task.outcome, told.isStopped]).toEqual(['cancelled', true])
    expect(task.detail).toBe('it goes on at the edge')
  })

  it('does not take what was so before it began for its end', async () => {
    const { task, told } = await begin()
    told.handlers.body(syncSample({ state: 'up to date', pendingEntries: 12 }), 0)
    expect(task.outcome).toBeNull()
    told.handlers.body(syncSample({ state: 'up to date', pendingEntries: 2 }), 0)
    expect(task.outcome).toBe('done')
  })
})
