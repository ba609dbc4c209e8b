import { describe, expect, it } from 'vitest'
import type { Dispatch } from '../../../electron/console/operations'
import { serveConsole, type ConsoleLine } from '../../../electron/console/peer'
import { systemClock } from '../../../electron/platform/clock'
import type { Logger } from '../../../electron/platform/ports'
import { encode } from '../../../shared/console/protocol'

const MIB = 1024 * 1024

/** A console that takes nothing in. */
function unread() {
  const sent: string[] = []
  let waiting = 0
  let isOver = false
  const line: ConsoleLine = {
    send(text) {
      sent.push(text)
      waiting += text.length
    },
    unsentBytes: () => waiting,
    close: () => (isOver = true),
    terminate: () => (isOver = true),
  }
  return { line, sent, lies: (bytes: number) => (waiting = bytes), isOver: () => isOver }
}

describe('a console that does not read', () => {
  const status = { at: 1, edges: [{ id: 'a', text: 'x'.repeat(40 * MIB) }] }
  const dispatch = {
    call: async () => ({ ok: true, value: 'x'.repeat(MIB) }),
    subscribe(_topic: string, _params: unknown, _caller: unknown, listener: (body: unknown) => void) {
      listener(status)
      return { ok: true, value: () => {} }
    },
  } as unknown as Dispatch
  const log: Logger = { log: () => {}, child: () => log }
  const start = () => {
    const far = unread()
    const peer = serveConsole({
      ...{ line: far.line, dispatch, clock: systemClock(), log, version: '0.1.0' },
      caller: { actor: 'browser:kim', role: 'viewer' } as never,
    })
    peer.receive(encode({ type: 'subscribe', id: 1, topic: 'status', params: {} }))
    return { far, peer, call: () => peer.receive(encode({ type: 'call', id: 2, op: 'health', params: {} })) }
  }

  it('is given the whole status of a large fleet, and what comes while that is under way', async () => {
    const { far, peer, call } = start()
    expect(far.sent.at(-1)?.length).toBeGreaterThan(40 * MIB)
    call()
    await new Promise(setImmediate)
    expect(far.sent.at(-1)).toContain('result')
    expect(far.isOver()).toBe(false)
    peer.ended()
  })

  it('is cut off when more than that lies there', async () => {
    const { far, peer, call } = start()
    far.lies(71 * MIB)
    call()
    await new Promise(setImmediate)
    expect(far.isOver()).toBe(false)
    far.lies(73 * MIB)
    call()
    await new Promise(setImmediate)
    expect(far.isOver()).toBe(true)
    peer.ended()
  })
})
