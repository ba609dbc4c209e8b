import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { openConsole } from '../../electron/console/client'
import { systemClock } from '../../electron/platform/clock'
import { openTelemetryStores } from '../../electron/telemetry/sqlite'
import type { SyncView } from '../../shared/console/data-views'
import { ControllerProcess, dataDirectory } from '../support/controller'
import { machineMs } from '../support/judge'
import { otlpUrl, sendLogs } from '../support/otlp-sender'
import { Site } from '../support/site'

const drainMs = 60_000
/** Longer than a refused edge needs for several attempts. */
const attemptsMs = 8_000

/** An edge that drives, with some records at its master already. */
async function toldSite(): Promise<{ site: Site; url: string; edgeId: string }> {
  const site = await Site.start()
  try {
    await site.startEdge({ env: { HOLDFAST_OTLP_PORT: '0' } })
    await site.linked()
    await site.drivenBy('edge')
    const url = await otlpUrl(site.edge)
    await sendLogs(url, 1, 20)
    await arrived(site, 'the first records are there', site.master, 20)
    await upToDate(site)
    return { site, url, edgeId: (await site.master.edge()).id }
  } catch (error) {
    await site[Symbol.asyncDispose]()
    throw error
  }
}

/** Nobody need wait for the edge's turn to push. */
const arrived = (site: Site, what: string, master: ControllerProcess, count: number, edge = 'Berlin') =>
  site.until(
    what,
    async () => {
      await site.push()
      return (await recordsAt(master, edge)).length === count
    },
    drainMs,
  )

const upToDate = (site: Site) =>
  site.until(
    'nothing waits at the edge',
    async () => (await site.edge.look('sync.status', {})).status?.state === 'up to date',
    drainMs,
  )

async function recordsAt(master: ControllerProcess, edge = 'Berlin'): Promise<{ n: number; historical: boolean }[]> {
  const lines = await master.look('telemetry.logs', { edge, limit: 1_000 })
  return lines
    .filter(({ service }) => service === 'till')
    .map(({ attributes, historical }) => ({ n: Number(attributes['n']), historical }))
    .sort((a, b) => a.n - b.n)
}
const numbered = (first: number, count: number, historical: boolean) =>
  Array.from({ length: count }, (_, at) => ({ n: first + at, historical }))

/** Deletes the edge and its system; gives what makes them again under the same ids. */
async function removeEdge(site: Site): Promise<() => Promise<void>> {
  await using client = await openConsole({ dataDir: site.masterData, user: 'test', clock: systemClock() })
  const { documents } = await client.call('documents.export', { kinds: ['edge', 'system'] })
  const edges = documents.filter(({ kind }) => kind === 'edge')
  const systems = documents.filter(({ kind }) => kind === 'system')
  const gone = [...systems, ...edges].map(({ kind, id }) => ({ op: 'delete', kind, id }) as const)
  await client.call('documents.apply', { changes: gone })
  return async () => {
    await using again = await openConsole({ dataDir: site.masterData, user: 'test', clock: systemClock() })
    const back = [...edges, ...systems].map(({ kind, body }) => ({ op: 'put', kind, body }) as const)
    await again.call('documents.apply', { changes: back })
  }
}

/** The edge says what happened and what to do, drives on, and keeps what it has to tell. */
async function goesOnAlone(site: Site, url: string, first: number, count: number, from: number): Promise<void> {
  await site.until('the edge is told', async () => (await site.edge.status()).link.state === 'refused')
  await site.until('it says why', async () => /^removed: /.test((await site.edge.status()).link.reason ?? ''))
  const status = await site.edge.status()
  expect(status.needs.map(({ code }) => code)).toContain('removed')
  expect(await site.edge.text('status')).toContain('holdfast join CODE')
  await sendLogs(url, first, count)
  await site.judge.drivenBy('edge', from, attemptsMs)
  const buffered = (await site.edge.ask<SyncView>('sync', 'status')).status
  expect(buffered).toMatchObject({ state: 'buffering (master unreachable)', dropped: 0 })
  expect(buffered?.pendingEntries).toBeGreaterThanOrEqual(count)
}

/** Under which edge and enrolment each record was written, by what the master has on disk. */
async function writersOf(masterData: string, edgeId: string): Promise<Map<number, string>> {
  await using stores = openTelemetryStores(path.join(masterData, 'master', 'telemetry'))
  const writers = new Map<number, string>()
  for (const { entries } of stores.of(edgeId).arrivals(0, 10_000)) {
    for (const { text, edgeId: writer, enrolmentId } of entries) {
      const n = /receipt (\d+) printed/.exec(text)?.[1]
      if (n !== undefined) writers.set(Number(n), `${writer} ${enrolmentId}`)
    }
  }
  return writers
}

const enrolmentOf = (edgeData: string): string => {
  const file = path.join(edgeData, 'secrets', 'link%2Fcredentials.secret')
  return (JSON.parse(readFileSync(file, 'utf8')) as { enrolmentId: string }).enrolmentId
}

describe.concurrent('an edge that was removed at its master', () => {
  it('is shut out also from the same id made again, and joined again with a new code pushes what it kept, as historical under its old enrolment', async () => {
    const { site: made, url, edgeId } = await toldSite()
    await using site = made
    const former = enrolmentOf(site.edgeData)
    const from = machineMs()
    const makeAgain = await removeEdge(site)
    await goesOnAlone(site, url, 21, 30, from)

    await makeAgain()
    await site.judge.drivenBy('edge', from, attemptsMs)
    expect(await site.edge.status()).toMatchObject({ link: { state: 'refused' }, control: { holder: 'edge' } })
    expect(await site.master.edge()).toMatchObject({ enrolled: false })

    const { code } = await site.master.ask<{ code: string }>('invite', '--edge', 'Berlin')
    await site.edge.ask('join', code)
    await site.linked(20_000)
    await upToDate(site)
    await sendLogs(url, 51, 10)
    await arrived(site, 'all of it is there', site.master, 60)
    const expected = [...numbered(1, 20, false), ...numbered(21, 30, true), ...numbered(51, 10, false)]
    expect(await recordsAt(site.master)).toEqual(expected)
    expect((await site.edge.ask<SyncView>('sync', 'status')).status).toMatchObject({ dropped: 0, deadLetters: 0 })
    await site.judge.drivenBy('edge', from, attemptsMs)

    const present = enrolmentOf(site.edgeData)
    expect(present).not.toBe(former)
    await site.edge.end()
    await site.master.end()
    const writers = await writersOf(site.masterData, edgeId)
    const told = expected.map(({ n }) => writers.get(n))
    expect(told).toEqual(expected.map(({ n }) => `${edgeId} ${n <= 50 ? former : present}`))
  }, 180_000)

  it('joined to another master tells it what it kept, under its old ids', async () => {
    const { site: made, url, edgeId } = await toldSite()
    await using site = made
    const former = enrolmentOf(site.edgeData)
    await removeEdge(site)
    await goesOnAlone(site, url, 21, 30, machineMs())
    const { other, code } = await otherMaster(site)
    await site.edge.ask('join', code)
    await site.until('it is linked', async () => (await other.edge('Oslo')).link.state === 'connected', 30_000)
    await upToDate(site)
    await site.until('all of it is there', async () => (await recordsAt(other, 'Oslo')).length === 30, drainMs)
    expect(await recordsAt(other, 'Oslo')).toEqual(numbered(21, 30, true))
    const { id } = await other.edge('Oslo')
    expect(id).not.toBe(edgeId)
    await site.edge.end()
    await other.end()
    expect(new Set((await writersOf(other.data, id)).values())).toEqual(new Set([`${edgeId} ${former}`]))
  }, 180_000)

  it('joined with --drop-backlog gives up what it kept, counted as lost', async () => {
    const { site: made, url } = await toldSite()
    await using site = made
    await removeEdge(site)
    await goesOnAlone(site, url, 21, 30, machineMs())
    const { other, code } = await otherMaster(site)
    await site.edge.ask('join', code, '--drop-backlog')
    await site.until('it is linked', async () => (await other.edge('Oslo')).link.state === 'connected', 30_000)
    await sendLogs(url, 51, 10)
    await arrived(site, 'the new ones are there', other, 10, 'Oslo')
    expect(await recordsAt(other, 'Oslo')).toEqual(numbered(51, 10, false))
    const { status, buffer } = await site.edge.ask<SyncView>('sync', 'status')
    expect(status?.dropped).toBeGreaterThanOrEqual(30)
    expect(buffer?.droppedBecause).toEqual({ 'dropped-by-operator': status?.dropped })
    expect(buffer?.dropped.logs?.entries).toBeGreaterThanOrEqual(30)
    // Not again after a restart.
    await sendLogs(url, 61, 10)
    await site.edge.end()
    await site.startEdge({ env: { HOLDFAST_OTLP_PORT: '0' } })
    await site.until('nothing more is lost', async () => (await recordsAt(other, 'Oslo')).length === 20, drainMs)
    expect((await site.edge.ask<SyncView>('sync', 'status')).status?.dropped).toBe(status?.dropped)
  }, 180_000)
})

async function otherMaster(site: Site): Promise<{ other: ControllerProcess; code: string }> {
  const { dir: data } = site.use(dataDirectory('other-master'))
  const other = site.use(await ControllerProcess.start({ role: 'master', data, linkPort: 0 }))
  const { code } = await other.ask<{ code: string }>('invite', '--edge', 'Oslo')
  return { other, code }
}
