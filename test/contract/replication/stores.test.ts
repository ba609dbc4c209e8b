import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { InventoryAnswer } from '../../../shared/wire/inventory'
import type { RequestResult } from '../../../shared/wire/requests'
import { module, put as putDocument, remove } from '../../support/documents'
import { AT, EDGE, copyOf, gone, inventoryPlace, put, vm } from '../../support/inventory'
import { openTelemetry } from '../../../electron/telemetry/edge-file'
import type { OutboxSlice } from '../../../electron/outbox/outbox'
import { journalIn, replicaIn } from '../../support/journal'
import { entry, feedOf, outboxIn, pending, temporaryFolder } from '../../support/outbox'
import { feedContract, type FeedPair } from './feed-contract'

const EVENTS_KEPT = 20

feedContract('documents', async (): Promise<FeedPair<RequestResult<'documents.read'>>> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-feed-'))
  const openSource = () => journalIn(folder, { limits: { snapshotEvery: 20, trailing: EVENTS_KEPT, snapshotsKept: 2 } })
  let [journal, replica] = [openSource(), replicaIn(folder)]
  const rowsOf = (documents: typeof journal | typeof replica) =>
    documents
      .list('module')
      .map(({ id, body }) => [id, String((body.settings as { value?: unknown }).value)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    eventsKept: EVENTS_KEPT,
    write(name, value) {
      const change =
        value === null ? remove('module', name) : putDocument('module', module(name, { settings: { value } }))
      const outcome = journal.change([change], { actor: 'test' })
      if (!outcome.ok) throw new Error(JSON.stringify(outcome))
    },
    read: (ask) => journal.read(ask),
    apply: (answer) => replica.apply(answer),
    first: () => ({ cursor: replica.cursor, snapshotAt: null, offset: 0 }),
    get cursor() {
      return replica.cursor
    },
    get head() {
      return journal.head
    },
    source: () => rowsOf(journal),
    copy: () => rowsOf(replica),
    async reopenSource() {
      await journal[Symbol.asyncDispose]()
      journal = openSource()
    },
    async reopenCopy() {
      await replica[Symbol.asyncDispose]()
      replica = replicaIn(folder)
    },
    async rebuildSource() {
      await journal[Symbol.asyncDispose]()
      for (const name of await readdir(folder)) if (name.startsWith('journal.db')) await rm(path.join(folder, name))
      journal = openSource()
    },
    async end() {
      await journal[Symbol.asyncDispose]()
      await replica[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
})

feedContract('inventory', async (): Promise<FeedPair<InventoryAnswer>> => {
  const place = await inventoryPlace()
  const openSource = () => place.feed({ limits: { eventsKept: EVENTS_KEPT, historyMs: 0 } })
  let [feed, copies] = [openSource(), place.copies()]
  const rowsOf = (rows: readonly { id: string; attributes: Record<string, unknown> }[]) =>
    rows.map(({ id, attributes }) => [id, String(attributes['value'])] as const)
  return {
    eventsKept: EVENTS_KEPT,
    write: (name, value) =>
      void feed.write([value === null ? gone(name) : put(vm(name, { attributes: { value } }))], AT),
    read: (ask) => feed.read(ask),
    apply: (answer) => copies.apply(EDGE, answer, AT),
    first: () => copies.next(EDGE),
    get cursor() {
      return copies.cursor(EDGE)
    },
    get head() {
      return feed.head
    },
    source: () => rowsOf(feed.rows()),
    copy: () => rowsOf(copyOf(copies)),
    async reopenSource() {
      await feed[Symbol.asyncDispose]()
      feed = openSource()
    },
    async reopenCopy() {
      await copies[Symbol.asyncDispose]()
      copies = place.copies()
    },
    async rebuildSource() {
      await feed[Symbol.asyncDispose]()
      for (const name of await readdir(place.folder))
        if (name.startsWith('edge.db')) await rm(path.join(place.folder, name))
      feed = openSource()
    },
    async end() {
      await feed[Symbol.asyncDispose]()
      await copies[Symbol.asyncDispose]()
      await place[Symbol.asyncDispose]()
    },
  }
})

type Told = { readonly mode: 'events'; readonly feedId: string; readonly slice: OutboxSlice | null }

/** A row of telemetry is an entry: nothing replaces it, and what is gone is told like anything else. */
feedContract(
  'telemetry',
  (): Promise<FeedPair<Told>> => {
    const folder = temporaryFolder()
    const openCopy = () => openTelemetry(path.join(folder.path, 'copy.db'))
    let [outbox, store] = [outboxIn(folder.path), openCopy()]
    const current = () => feedOf(outbox, 'telemetry')
    const rowOf = (seq: number, text: string) => [String(seq).padStart(6, '0'), text] as const
    const first = () => ({ cursor: cursor(), snapshotAt: null, offset: 0 })
    const cursor = () => ({ feedId: current().feedId, seq: store.position(current().feedId).throughSeq, runId: 'any' })
    return Promise.resolve({
      eventsKept: EVENTS_KEPT,
      write: async (name, value) => void (await outbox.append([entry('logs', { name, value })], { urgent: true })),
      read({ cursor: asked }) {
        const { feedId } = current()
        const from = { after: asked?.seq ?? 0 }
        const slice = outbox.read(feedId, { from, maxEntries: 1_000, maxBytes: 48 * 1024 })
        return { mode: 'events', feedId, slice }
      },
      apply({ feedId, slice }) {
        if (slice === null) return null
        const { firstSeq, lastSeq, gaps } = slice
        const entries = slice.entries.map(({ body, ...more }) => ({ ...more, isBytes: false, text: body as string }))
        store.receive(
          { feedId, lane: 'telemetry', firstSeq, lastSeq, gaps, entries, historical: false, sentAt: AT },
          AT,
        )
        return store.position(feedId).throughSeq < current().head ? first() : null
      },
      first,
      get cursor() {
        return cursor()
      },
      get head() {
        return current().head
      },
      source: () => pending(outbox).map(({ seq, body }) => rowOf(seq, body as string)),
      copy: () => store.entries({ feedId: current().feedId, limit: 1_000 }).map(({ seq, text }) => rowOf(seq, text)),
      async reopenSource() {
        await outbox[Symbol.asyncDispose]()
        outbox = outboxIn(folder.path)
      },
      async reopenCopy() {
        await store[Symbol.asyncDispose]()
        store = openCopy()
      },
      rebuildSource: () => Promise.reject(new Error('telemetry has no snapshot')),
      async end() {
        await outbox[Symbol.asyncDispose]()
        await store[Symbol.asyncDispose]()
        folder[Symbol.dispose]()
      },
    })
  },
  { hasSnapshot: false },
)
