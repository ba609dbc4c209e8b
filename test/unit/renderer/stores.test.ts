import { flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { createApp, shallowRef } from 'vue'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { bridgeKey, type Bridge, type BridgeState } from '../../../renderer/bridge'
import { useController } from '../../../renderer/stores/controller'
import { merged, useDecisions } from '../../../renderer/stores/decisions'
import type { Failure } from '../../../shared/model/failures'
import { AT, decisionSample, statusSample } from '../../support/console-samples'

const hello = { type: 'hello', protocol: 1, version: '0.1.0', role: 'operator', actor: 'browser:x', at: AT } as const

/** Our own port, driven by the test. */
function bridgeDouble() {
  const state = shallowRef<BridgeState>({ name: 'connecting', since: 0 })
  const listeners = new Map<string, { body(body: unknown, missed: number): void; ended(failure: Failure): void }>()
  const calls: { op: string; params: unknown }[] = []
  let answer: unknown = { ok: true, value: [] }
  const bridge = {
    state,
    retry() {},
    close() {},
    signIn: async () => {},
    signOut: async () => {},
    takeInvite: () => null,
    call: async (op: string, params: unknown) => {
      calls.push({ op, params })
      return answer
    },
    subscribe(topic: string, _params: unknown, handlers: never) {
      listeners.set(topic, handlers)
      return () => listeners.delete(topic)
    },
  } as unknown as Bridge
  return { bridge, state, listeners, calls, answerWith: (value: unknown) => (answer = value) }
}

let double: ReturnType<typeof bridgeDouble>
beforeEach(() => {
  double = bridgeDouble()
  const app = createApp({})
  const pinia = createPinia()
  app.provide(bridgeKey, double.bridge)
  app.use(pinia)
  setActivePinia(pinia)
})

describe('the mirror of the controller', () => {
  it('has nothing before the first snapshot and each body after it', () => {
    const controller = useController()
    expect(controller.status).toBeNull()
    double.listeners.get('status')!.body(statusSample(), 0)
    double.listeners.get('status')!.body({ ...statusSample(), name: 'New name', at: AT + 1 }, 0)
    expect(controller.status?.name).toBe('New name')
  })

  it('knows how far the viewer’s clock is ahead, from the instant the status was made', () => {
    const controller = useController()
    double.listeners.get('status')!.body({ ...statusSample(), at: Date.now() - 90_000 }, 0)
    expect(controller.clockAheadMs).toBeGreaterThanOrEqual(90_000)
    expect(controller.clockAheadMs).toBeLessThan(95_000)
  })

  it('follows slowly while nobody sees the page, and is up to date as soon as somebody does', () => {
    const see = (state: string) => {
      Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    }
    vi.useFakeTimers()
    try {
      const controller = useController()
      const tell = (name: string) => double.listeners.get('status')!.body({ ...statusSample(), name }, 0)
      tell('One')
      see('hidden')
      tell('Two')
      tell('Three')
      expect(controller.status?.name).toBe('One')
      vi.advanceTimersByTime(5_000)
      expect(controller.status?.name).toBe('Three')
      tell('Four')
      see('visible')
      expect(controller.status?.name).toBe('Four')
      tell('Five')
      expect(controller.status?.name).toBe('Five')
      expect(vi.getTimerCount()).toBe(0)
      controller.stop()
    } finally {
      vi.useRealTimers()
      Reflect.deleteProperty(document, 'visibilityState')
    }
  })

  it('keeps what was known when the controller is lost, and says since when', () => {
    const controller = useController()
    double.state.value = { name: 'open', since: 1, hello }
    double.listeners.get('status')!.body(statusSample(), 0)
    expect([controller.isLive, controller.mayOperate, controller.mayAdminister, controller.staleSince]).toEqual([
      true,
      true,
      false,
      null,
    ])
    double.state.value = { name: 'lost', since: 77, retryAt: 99 }
    expect([controller.isLive, controller.mayOperate, controller.staleSince]).toEqual([false, false, 77])
    expect(controller.status?.name).toBe('Head office')
  })

  it('shows why it was refused', () => {
    const controller = useController()
    double.listeners.get('status')!.ended({ code: 'forbidden', message: 'No.' })
    expect(controller.failure?.code).toBe('forbidden')
  })
})

describe('the decision log', () => {
  const entry = (id: string, startedAt: number) => ({ ...decisionSample(), id, startedAt })

  it('keeps one line per decision, the newest first, and the later news about it', () => {
    const log = merged([entry('a', 1), { ...entry('b', 2), outcome: 'open' }], [entry('c', 3), entry('b', 2)])
    expect(log.map(({ id, outcome }) => [id, outcome])).toEqual([
      ['c', 'done'],
      ['b', 'done'],
      ['a', 'done'],
    ])
  })

  it('loads when the controller is there, adds what happens, and asks again after a gap or a reconnect', async () => {
    const log = useDecisions().follow('berlin')
    expect(double.calls).toEqual([])
    double.answerWith({ ok: true, value: [entry('a', 1)] })
    double.state.value = { name: 'open', since: 1, hello }
    await flushPromises()
    expect(log.entries.map(({ id }) => id)).toEqual(['a'])
    expect(log.complete).toBe(true)
    double.listeners.get('decisions')!.body(entry('b', 2), 0)
    expect(log.entries.map(({ id }) => id)).toEqual(['b', 'a'])
    expect(double.calls).toHaveLength(1)
    double.listeners.get('decisions')!.body(entry('d', 4), 1)
    expect(double.calls).toHaveLength(2)
    double.state.value = { name: 'lost', since: 1, retryAt: 2 }
    await flushPromises()
    double.state.value = { name: 'open', since: 3, hello }
    await flushPromises()
    expect(double.calls).toHaveLength(3)
    log.stop()
    expect(double.listeners.has('decisions')).toBe(false)
  })

  it('shows a refusal and keeps what it had', async () => {
    const log = useDecisions().follow(undefined)
    double.answerWith({ ok: false, code: 'internal', message: 'broken' })
    double.state.value = { name: 'open', since: 1, hello }
    await flushPromises()
    expect(log.failure).toMatchObject({ code: 'internal' })
    expect(log.loading).toBe(false)
  })
})
