import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AlertStore } from '../../../electron/alerts/alerts'
import { openAlerts } from '../../../electron/alerts/sqlite'
import { checkDocuments } from '../../../electron/core/documents/check'
import { feedRules } from '../../../electron/core/replication/feed'
import { NodeCredentials } from '../../../electron/fleet/credentials'
import { NodeMonitor } from '../../../electron/fleet/monitor'
import type { CheckedNode } from '../../../electron/fleet/node-check'
import { localNode, nodeOperations, type NodeHandlers } from '../../../electron/fleet/node-operations'
import type { NodeStore } from '../../../electron/fleet/nodes'
import { failed, skipped, succeeded } from '../../../electron/fleet/probes'
import { openNodes } from '../../../electron/fleet/sqlite'
import { watchedNodes } from '../../../electron/fleet/watched-nodes'
import type { Journal } from '../../../electron/journal/journal'
import { openJournal } from '../../../electron/journal/sqlite'
import { alertOperations } from '../../../electron/master/alert-operations'
import { Alerts, type WatchedMaster } from '../../../electron/master/alerts'
import { systemRandom } from '../../../electron/platform/random'
import { fileSecrets } from '../../../electron/platform/secrets'
import { alertOf, logOf, metricOf } from '../../../electron/telemetry/body'
import { openTelemetryStores } from '../../../electron/telemetry/sqlite'
import type { TelemetryStores } from '../../../electron/telemetry/telemetry'
import { operations } from '../../../shared/console/contract'
import { wallMs } from '../../../shared/model/time'
import { saidText } from '../../../shared/text/alert-said'
import { translate } from '../../../shared/text/translate'
import { manualClock, type ManualClock } from '../../support/console-clock'
import { documentContext } from '../../support/documents'
import { collectingLogger } from '../../support/journal'
import { temporaryFolder } from '../../support/outbox'

const NOON = Date.UTC(2026, 5, 15, 12)
const HOUR = 3_600_000
const EVERY = 60_000
const anna = { actor: 'cli:anna', role: 'admin' } as const
const pinned = { type: 'ssh-ed25519', fingerprint: `SHA256:${'a'.repeat(43)}` }
const other = { type: 'ssh-ed25519', fingerprint: `SHA256:${'b'.repeat(43)}` }
const master: WatchedMaster = { booted: true, onDecision: () => () => {}, linkOf: () => null }

let folder: ReturnType<typeof temporaryFolder>
let clock: ManualClock
let journal: Journal
let telemetry: TelemetryStores
let store: AlertStore
let nodes: NodeStore
let monitor: NodeMonitor
let api: NodeHandlers
let alerts: Alerts
let told: string[]
/** What the next looks find. */
let isUp: (name: string) => boolean
let shown: typeof pinned

const look = (name: string): CheckedNode => {
  if (isUp(name)) {
    const hostKey = shown === pinned && name !== 'local' ? pinned : null
    return {
      steps: {
        tcp: succeeded(1),
        ssh: { ...skipped(), hostKey },
        health: { ...succeeded(1), version: '1', role: 'edge' },
      },
      offered: name === 'local' ? undefined : hostKey === null ? shown : null,
    }
  }
  const health = { ...failed('refused', { key: 'refused', step: 'health', params: {} }, 1), version: null, role: null }
  const tcp = failed('refused', { key: 'refused', step: 'tcp', params: { port: 22 } }, 1)
  return { steps: { tcp, ssh: { ...skipped(), hostKey: null }, health }, offered: undefined }
}

/** A controller begins; `end` stops it, what it wrote stays. */
function begin(): void {
  nodes = openNodes(path.join(folder.path, 'fleet.db'))
  if (nodes.node('local') === null) nodes.add(localNode('local', clock.wall()))
  nodes.expire(wallMs(clock.wall()))
  store = openAlerts(path.join(folder.path, 'alerts.db'))
  monitor = new NodeMonitor({
    ...{ store: nodes, clock, logger: collectingLogger() },
    check: ({ name }) => Promise.resolve(look(name)),
  })
  const credentials = new NodeCredentials({
    secrets: fileSecrets(path.join(folder.path, 'secrets')),
    keyFolder: folder.path,
  })
  api = nodeOperations({ store: nodes, monitor, credentials, clock, random: systemRandom(), timeZone: 'UTC' })
  alerts = new Alerts({
    ...{ store, journal, clock, random: systemRandom(), logger: collectingLogger() },
    bodies: { metricOf, logOf, alertOf },
  })
  alerts.onChange(({ kind, alert }) => told.push(`${kind} ${alert.ruleId} ${alert.edgeName}`))
  alerts.start(master, watchedNodes(nodes, monitor, clock))
  monitor.start()
}
async function end(): Promise<void> {
  await monitor[Symbol.asyncDispose]()
  alerts.end()
  await store[Symbol.asyncDispose]()
  await nodes[Symbol.asyncDispose]()
}
const call = <N extends keyof NodeHandlers>(op: N, params: unknown): ReturnType<NodeHandlers[N]> =>
  (api[op] as (params: unknown, caller: unknown) => ReturnType<NodeHandlers[N]>)(
    operations[op].input.parse(params),
    anna,
  )
const pass = async (ms: number): Promise<void> => {
  for (let left = ms; left > 0; left -= 1_000) {
    clock.advance(Math.min(left, 1_000))
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve()
  }
}
const asked = () => alertOperations({ alerts, store, journal, telemetry, clock })

beforeEach(async () => {
  folder = temporaryFolder()
  clock = manualClock(NOON)
  journal = openJournal(path.join(folder.path, 'journal.db'), {
    ...{ clock, random: systemRandom(), logger: collectingLogger(), sourceId: 'm', feed: feedRules },
    check: (changes, current) => checkDocuments(changes, current, documentContext),
  })
  telemetry = openTelemetryStores(folder.path)
  told = []
  isUp = () => true
  shown = pinned
  begin()
  for (const name of ['web', 'till']) await call('nodes.addNode', { name, host: '10.0.0.7' })
  await pass(EVERY)
})
afterEach(async () => {
  await end()
  await telemetry[Symbol.asyncDispose]()
  await journal[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

describe('alerts of checked nodes', () => {
  test('one check that failed raises none; a node that is offline does, by its cause, and is over when it is back', async () => {
    let failures = 1
    isUp = (name) => name !== 'web' || failures-- <= 0
    await pass(10 * EVERY)
    expect(told).toEqual([])
    isUp = (name) => name !== 'web'
    await pass(EVERY)
    expect(told).toEqual([])
    await pass(EVERY)
    expect(told).toEqual(['fired node-offline web'])
    const [alert] = alerts.active()
    expect(alert).toMatchObject({
      severity: 'warning',
      edgeName: 'web',
      text: 'The node cannot be reached: TCP port 22: nobody listens there',
    })
    // Whoever reads it in another language gets all of it in that one.
    const inGerman = saidText((key, params) => translate('de', key, params), 'de', alert!)
    expect(inGerman).toBe('Der Knoten ist nicht erreichbar: TCP-Port 22: dort nimmt niemand Verbindungen an')
    expect(await asked()['alerts.list']({ limit: 10, edge: 'web' }, anna)).toMatchObject({ total: 1 })
    isUp = () => true
    await pass(4 * EVERY)
    expect(told).toEqual(['fired node-offline web', 'resolved node-offline web'])
  })

  test('several that are lost together are one group, which can be silenced at once', async () => {
    isUp = (name) => name === 'local'
    await pass(4 * EVERY)
    const { groups } = await asked()['alerts.list']({ limit: 10, grouped: true }, anna)
    expect(groups).toMatchObject([{ ruleId: 'node-offline', count: 2, edges: 2 }])
    const silence = { group: groups![0]!.id, forMs: HOUR, reason: 'the switch is replaced' }
    expect(await asked()['alerts.silence'](silence, anna)).toMatchObject({ matcher: { edges: 2 } })
    expect(alerts.active().map(({ silenced }) => silenced?.reason)).toEqual([silence.reason, silence.reason])
    const one = await asked()['alerts.silence']({ edge: 'web', forMs: HOUR, reason: 'moved' }, anna)
    expect(one.matcher).toMatchObject({ edgeName: 'web' })
  })

  test('a rule for a tag is about the nodes that have it, from the moment somebody says so and after a restart', async () => {
    await call('nodes.updateNode', { nodeId: 'web', tags: ['shop', 'prod'] })
    const asking = { rule: 'node-offline', create: false, dryRun: false }
    await asked()['alerts.setRule']({ ...asking, values: { nodeTags: ['prod'] } }, anna)
    isUp = (name) => name === 'local'
    await pass(4 * EVERY)
    expect(told).toEqual(['fired node-offline web'])
    await end()
    begin()
    await pass(EVERY)
    expect(alerts.active()).toMatchObject([{ edgeName: 'web' }])
    await call('nodes.updateNode', { nodeId: 'till', tags: ['prod'] })
    await call('nodes.updateNode', { nodeId: 'web', tags: [] })
    await pass(EVERY)
    expect(alerts.active()).toMatchObject([{ edgeName: 'till' }])
    await asked()['alerts.setRule']({ ...asking, values: { nodeTags: null } }, anna)
    expect(
      alerts
        .active()
        .map(({ edgeName }) => edgeName)
        .toSorted(),
    ).toEqual(['till', 'web'])
  })

  test('a changed host key is told at once, and is over when somebody accepts it', async () => {
    shown = other
    await pass(EVERY)
    expect(told.toSorted()).toEqual(['fired host-key-changed till', 'fired host-key-changed web'])
    expect(alerts.active()[0]).toMatchObject({ severity: 'critical', text: expect.stringContaining(other.fingerprint) })
    await call('nodes.updateNode', { nodeId: 'web', acceptFingerprint: other.fingerprint })
    expect(told.at(-1)).toBe('resolved host-key-changed web')
  })

  test('a node that is paused is over at once, tells nothing meanwhile, and is judged anew afterwards', async () => {
    isUp = (name) => name !== 'web'
    await pass(4 * EVERY)
    await call('nodes.updateNode', { nodeId: 'web', pause: 'a new disk' })
    await pass(10 * EVERY)
    expect(told).toEqual(['fired node-offline web', 'resolved node-offline web'])
    const { alerts: over } = await asked()['alerts.list']({ limit: 1, states: ['resolved'] }, anna)
    expect(over).toMatchObject([{ resolvedBecause: 'paused' }])
    await call('nodes.updateNode', { nodeId: 'web', pause: null })
    await pass(4 * EVERY)
    expect(told.at(-1)).toBe('fired node-offline web')
    await call('nodes.removeNode', { nodeId: 'web' })
    expect(alerts.active()).toEqual([])
  })

  test('an observer that was away for hours takes no node for lost by its first check, and none for back', async () => {
    isUp = (name) => name !== 'till'
    await pass(4 * EVERY)
    expect(told).toEqual(['fired node-offline till'])
    await end()
    clock.advance(9 * HOUR)
    // While nobody looked one went away, and the check of the other fails by chance.
    let chance = 1
    isUp = (name) => name === 'local' || (name === 'web' && chance-- <= 0)
    begin()
    const stateOf = (name: string) => alerts.active().find(({ edgeName }) => edgeName === name)?.state
    expect([stateOf('till'), stateOf('web')]).toEqual(['unknown', undefined])
    await pass(EVERY / 2)
    expect([stateOf('till'), stateOf('web')]).toEqual(['firing', undefined])
    await pass(5 * EVERY)
    expect(told).toEqual(['fired node-offline till', 'unknown node-offline till', 'known node-offline till'])
  })

  test('while this machine sleeps nothing is said of any node', async () => {
    isUp = () => false
    await pass(4 * EVERY)
    const before = [...told]
    monitor.timeGap()
    clock.advance(0)
    alerts.timeGap()
    expect(told).toEqual(before)
  })
})
