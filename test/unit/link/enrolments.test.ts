import { describe, expect, it, vi } from 'vitest'
import { Enrolments, OPEN_CODES_MAX } from '../../../electron/link/enrolments'
import type { EnrolmentRow, JoinCodeRow } from '../../../electron/link/enrolment-rows'
import { wallMs } from '../../../shared/model/time'
import { systemRandom } from '../../../electron/platform/random'
import { collectingLogger } from '../../support/journal'

function desk() {
  const codes = new Map<string, JoinCodeRow>()
  const rows = new Map<string, EnrolmentRow>()
  const values = new Map<string, string>()
  let now = 1_000_000
  const store = {
    enrolment: (id: string) => rows.get(id) ?? null,
    enrolments: () => [...rows.values()],
    saveEnrolment: (row: EnrolmentRow) => void rows.set(row.edgeId, row),
    joinCode: (id: string) => codes.get(id) ?? null,
    joinCodes: vi.fn(() => [...codes.values()]),
    saveJoinCode: (code: JoinCodeRow) => void codes.set(code.tokenId, code),
  }
  const epochFloor = vi.fn(() => 1)
  const make = () =>
    new Enrolments({
      rows: store,
      secrets: {
        get: (name) => Promise.resolve(values.get(name) ?? null),
        set: (name, value) => Promise.resolve(void values.set(name, value)),
        delete: (name) => Promise.resolve(void values.delete(name)),
      },
      clock: { wall: () => wallMs(now) } as never,
      random: systemRandom(),
      logger: collectingLogger(),
      caSha256: '0'.repeat(64),
      masterUrls: () => ['wss://127.0.0.1:7421'],
      edge: () => ({
        name: 'Edge',
        get epochFloor() {
          return epochFloor()
        },
      }),
    })
  return { store, make, epochFloor, pass: (ms: number) => void (now += ms) }
}

describe('join codes', () => {
  it('are made and used without reading all that were ever made: thousands of edges join in a row', async () => {
    const { store, make } = desk()
    const enrolments = make()
    store.joinCodes.mockClear()
    for (let index = 0; index < 50; index++) {
      const { tokenId } = await enrolments.invite({ id: `edge-${index}` }, { actor: 'test' })
      await enrolments.join({ tokenId, instanceId: `machine-${index}` } as never, () => new Uint8Array(32))
    }
    expect(store.joinCodes).not.toHaveBeenCalled()
  })

  it('that are open are counted over a restart; used, revoked and expired ones make room', async () => {
    const { make, pass } = desk()
    const before = make()
    const made = []
    for (let index = 0; index < OPEN_CODES_MAX; index++)
      made.push(
        await before.invite({ id: `edge-${index}` }, { actor: 'test', validForMs: index === 0 ? 20_000 : 60_000 }),
      )
    const enrolments = make()
    const another = () => enrolments.invite({ id: 'late' }, { actor: 'test' })
    await expect(another()).rejects.toMatchObject({ code: 'busy' })
    await enrolments.join({ tokenId: made[1]!.tokenId, instanceId: 'machine' } as never, () => new Uint8Array(32))
    await another()
    await expect(another()).rejects.toMatchObject({ code: 'busy' })
    expect(enrolments.revokeInvite(made[2]!.tokenId)).toBe(true)
    await another()
    await expect(another()).rejects.toMatchObject({ code: 'busy' })
    pass(30_000)
    await another()
    await expect(another()).rejects.toMatchObject({ code: 'busy' })
  })
})

describe('whether an edge may still speak', () => {
  it('is told without its records, which lie on the disk: it is asked with each message of each link', async () => {
    const { make, epochFloor } = desk()
    const enrolments = make()
    const { tokenId } = await enrolments.invite({ id: 'edge-1' }, { actor: 'test' })
    await enrolments.join({ tokenId, instanceId: 'machine' } as never, () => new Uint8Array(32))
    expect(epochFloor).toHaveBeenCalled()
    epochFloor.mockClear()
    expect(enrolments.standing({ edgeId: 'edge-1' })).toBeNull()
    expect(epochFloor).not.toHaveBeenCalled()
  })
})
