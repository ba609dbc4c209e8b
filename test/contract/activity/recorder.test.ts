import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Audited } from '../../../electron/activity/entries'
import { ActivityRecorder, REFUSALS_OF_ACTOR_MAX } from '../../../electron/activity/recorder'
import { openActivity } from '../../../electron/activity/sqlite'
import type { ActivityStore } from '../../../electron/activity/activity'
import { namesOf } from '../../../electron/compose/activity'
import type { ActivityItem } from '../../../shared/console/activity-operations'
import type { Journal } from '../../../electron/journal/journal'
import type { DocumentChange } from '../../../shared/model/documents'
import { wallMs } from '../../../shared/model/time'
import { collectingLogger, journalIn } from '../../support/journal'
import { SettlingClock } from '../../support/settling-clock'

const AT = 1_800_000_000_000
let folder: string
let clock: SettlingClock
let store: ActivityStore
let recorder: ActivityRecorder
let lines: string[]

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'recorder-'))
  clock = new SettlingClock(wallMs(AT))
  lines = []
  store = openActivity(path.join(folder, 'activity.db'), { clock })
  recorder = new ActivityRecorder({ store, clock, log: collectingLogger(lines) })
})
afterEach(async () => {
  await recorder[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const audited = (more: Partial<Audited> = {}): Audited => ({
  ...{ at: AT, actor: 'browser:12ab', role: 'operator', op: 'edges.restore', params: {}, outcome: 'done' },
  ...{ failure: null, durationMs: 12 },
  ...more,
})
const refused = (more: Partial<Audited> = {}): Audited =>
  audited({ outcome: 'refused', failure: { code: 'forbidden', message: 'No.' }, ...more })
const items = (): readonly ActivityItem[] => recorder.page({ limit: 500 }).items
/** The audit has everything that the journal has. */
const caughtUp = async ({ feedId, head }: Journal): Promise<void> => {
  while (store.mark(`journal ${feedId}`) !== String(head)) await new Promise((resolve) => setImmediate(resolve))
}
const edge = (id: string, name: string): DocumentChange => ({ op: 'put', kind: 'edge', body: { id, name } })

describe('the audit of operations', () => {
  test('writes no more than so many refusals of one person in a minute one by one, whatever is asked for', () => {
    for (let n = 0; n < 5_000; n++) recorder.audited(refused({ op: `no.op${n}` }))
    recorder.audited(refused({ actor: 'cli:kim' }))
    const told = items()
    expect(told).toHaveLength(REFUSALS_OF_ACTOR_MAX + 2)
    const more = told.find(({ text }) => text.startsWith('More refusals'))
    expect(more).toMatchObject({ kind: 'refusal', outcome: 'refused', times: 5_000 - REFUSALS_OF_ACTOR_MAX, op: null })
    recorder.audited(refused({ at: AT + 60_000 }))
    expect(items()[0]).toMatchObject({ op: 'edges.restore', times: 1 })
  })

  test('calls whoever has an account by the name that it had then, and finds it by that', () => {
    let name = 'Kim Quarz'
    recorder.names = { edge: () => null, edgeOf: () => null, user: (id) => (id === 'u7' ? name : null) }
    recorder.audited(audited({ actor: 'user:u7' }))
    name = 'Kim Öztürk'
    recorder.audited(audited({ actor: 'edge:berlin/user:u7', via: 'link' }))
    recorder.audited(audited({ actor: 'user:gone' }))
    recorder.audited(audited({ actor: 'cli:u7' }))
    expect(items().map(({ actor, actorName }) => [actor, actorName])).toEqual([
      ['cli:u7', undefined],
      ['user:gone', undefined],
      ['edge:berlin/user:u7', 'Kim Öztürk'],
      ['user:u7', 'Kim Quarz'],
    ])
    const found = (query: { actor?: string; text?: string }) => recorder.page({ ...query, limit: 10 }).items.length
    expect([found({ actor: 'QUARZ' }), found({ actor: 'ÖZ' }), found({ actor: 'u7' })]).toEqual([1, 1, 3])
    expect([found({ text: 'quarz' }), found({ text: 'kim' })]).toEqual([1, 2])
  })

  test('tells where a refusal came from, whatever the parameters of the operation are called', () => {
    recorder.audited(refused({ from: '192.0.2.7', op: 'activity.list', params: { from: 5 } }))
    expect(items()[0]?.details).toEqual({ from: 5, calledFrom: '192.0.2.7' })
  })

  test('tells who did what to which thing, through which door, and how it came out', () => {
    recorder.names = {
      edge: () => ({ id: 'berlin', name: 'Berlin' }),
      edgeOf: () => null,
      user: () => null,
    }
    recorder.audited(audited({ params: { edge: 'Berlin', expectedEpoch: 3 } }))
    expect(items()[0]).toMatchObject({
      ...{ kind: 'change', actor: 'browser:12ab', role: 'operator', via: 'browser', op: 'edges.restore', code: null },
      ...{
        edgeId: 'berlin',
        edgeName: 'Berlin',
        object: { kind: 'edge', id: 'Berlin' },
        details: { expectedEpoch: 3 },
      },
      durationMs: 12,
    })
  })

  test('names the edge of the node of the fleet that somebody changed', () => {
    recorder.names = {
      edge: () => null,
      edgeOf: (kind, reference) => (kind === 'node' && reference === 'n1' ? { id: 'berlin', name: 'Berlin' } : null),
      user: () => null,
    }
    recorder.audited(audited({ op: 'fleet.drainNode', params: { nodeId: 'n1', draining: true } }))
    expect(items()[0]).toMatchObject({ edgeId: 'berlin', edgeName: 'Berlin', object: { kind: 'node', id: 'n1' } })
    recorder.audited(audited({ op: 'fleet.drainNode', params: { nodeId: 'n2', draining: true } }))
    expect(items()[0]).toMatchObject({ edgeId: null, object: { id: 'n2' } })
  })

  test('the same refusal of the same person counts up in one entry instead of filling the audit', async () => {
    for (let n = 0; n < 500; n++) recorder.audited(refused())
    recorder.audited(refused({ actor: 'cli:kim' }))
    await clock.pass(2_000)
    expect(items().map(({ actor, times, code }) => [actor, times, code])).toEqual([
      ['cli:kim', 1, 'forbidden'],
      ['browser:12ab', 500, 'forbidden'],
    ])
    expect(clock.timers).toBe(0)
  })

  test('tells from where somebody tried to come in', () => {
    recorder.audited(
      refused({ op: 'session.begin', params: { how: 'password', user: 'kim', from: '192.0.2.7', key: 'k' } }),
    )
    expect(items()[0]).toMatchObject({ details: { how: 'password', from: '192.0.2.7' } })
    expect(JSON.stringify(items())).not.toContain('"key"')
  })

  test('keeps no password, no value of a secret and no bulk', () => {
    const params = { name: 'plc', secretValue: 'hunter2-very-secret', values: { password: 'swordfish-9' } }
    recorder.audited(audited({ op: 'secrets.set', params }))
    recorder.audited(
      audited({ op: 'modules.execute', params: { module: 'm', args: { apiKey: 'abcdef-key', level: 3 } } }),
    )
    recorder.audited(audited({ op: 'edges.pause', params: { reason: 'see http://kim:openup@10.0.0.5/' } }))
    const text = JSON.stringify(items())
    for (const secret of ['hunter2', 'swordfish', 'abcdef', 'openup']) expect(text).not.toContain(secret)
    expect(text).toContain('"level":3')
  })

  test('a dry run is no change', () => {
    recorder.audited(audited({ op: 'edges.set', params: { edge: 'x', dryRun: true } }))
    expect(items()).toEqual([])
  })

  test('tells listeners what fits their filter, and goes on when one of them throws', () => {
    const heard: string[] = []
    recorder.subscribe({}, () => {
      throw new Error('a broken listener')
    })
    const forget = recorder.subscribe({ kind: ['refusal'] }, ({ op }) => heard.push(op ?? ''))
    recorder.audited(audited())
    recorder.audited(refused({ op: 'edges.force' }))
    forget()
    recorder.audited(refused({ op: 'edges.revoke' }))
    expect(heard).toEqual(['edges.force'])
  })

  test('a store that cannot write is told in the log and stops nobody', async () => {
    await store[Symbol.asyncDispose]()
    recorder.audited(audited())
    expect(lines.some((line) => line.includes('The audit could not be written'))).toBe(true)
    store = openActivity(path.join(folder, 'activity.db'), { clock })
  })
})

describe('the audit as a view of the journal', () => {
  test('has every change of a document, once, also those of before and those of while it was not running', async () => {
    await using journal = journalIn(folder)
    recorder.names = namesOf(journal)
    journal.change([edge('berlin', 'Berlin')], { actor: 'cli:kim' })
    let stop = recorder.follow(journal)
    await caughtUp(journal)
    await stop()
    journal.change([edge('berlin', 'Berlin Mitte'), edge('rome', 'Rome')], { actor: 'browser:1' })
    stop = recorder.follow(journal)
    journal.change([{ op: 'delete', kind: 'edge', id: 'rome' }], { actor: 'window:lee' })
    await caughtUp(journal)
    await stop()
    stop = recorder.follow(journal)
    await stop()
    expect(
      items().map(({ kind, actor, via, op, object }) => [kind, actor, via, op, object?.name ?? object?.id]),
    ).toEqual([
      ['document', 'window:lee', 'window', 'documents.delete', 'rome'],
      ['document', 'browser:1', 'browser', 'documents.put', 'Rome'],
      ['document', 'browser:1', 'browser', 'documents.put', 'Berlin Mitte'],
      ['document', 'cli:kim', 'cli', 'documents.put', 'Berlin'],
    ])
  })

  test('takes over thousands of entries in pieces, in their order', async () => {
    await using journal = journalIn(folder)
    const changes = Array.from({ length: 1_700 }, (_, n) => edge(`e${n}`, `Edge ${n}`))
    journal.change(changes, { actor: 'cli:kim' })
    const stop = recorder.follow(journal)
    await caughtUp(journal)
    await stop()
    const newest = recorder.page({ limit: 2 }).items
    expect(newest.map(({ details }) => details)).toEqual([{ seq: journal.head }, { seq: journal.head - 1 }])
  })
})
