import path from 'node:path'
import type { StatusView } from '../../shared/console/views'
import type { Decision } from '../../shared/model/control'
import { failureOf } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import type { ActivityEntry } from '../activity/activity'
import { decisionEntry, eventEntry, type Names } from '../activity/entries'
import { asCsv, asNdjson } from '../activity/exporting'
import { glanceAt, whatHappened, type Glance } from '../activity/glance'
import { ActivityRecorder } from '../activity/recorder'
import { openActivity } from '../activity/sqlite'
import type { OperationHandlers } from '../console/operations'
import type { Documents } from '../journal/journal'
import type { Clock, Logger } from '../platform/ports'

type ActivityHandlers = Pick<OperationHandlers, 'activity.list' | 'activity.export'>

/** Changes of the status within this time are one look at it. */
const LOOK_AFTER_MS = 1_000
/** A look waits this many times as long as the last one took: a master of thousands of edges spends 2 % of a core on it at most. */
const REST_FACTOR = 50

/** The audit of this controller: `activity.db` in its data directory. */
export function openActivityLog(
  { dataDir, clock, log }: { dataDir: string; clock: Clock; log: Logger },
  stack: AsyncDisposableStack,
): ActivityRecorder {
  const store = stack.use(openActivity(path.join(dataDir, 'activity.db'), { clock }))
  return stack.use(new ActivityRecorder({ store, clock, log: log.child('activity') }))
}

export function activityOperations(recorder: ActivityRecorder): ActivityHandlers {
  return {
    'activity.list': (query) => {
      const { items, next } = recorder.page(query)
      return { items: [...items], next }
    },
    'activity.export': ({ format, ...query }) => {
      const { items, next } = recorder.page(query)
      const text = format === 'csv' ? asCsv(items, query.before === undefined) : asNdjson(items)
      return { text, items: items.length, next }
    },
  }
}

export function subscribeActivity(
  recorder: ActivityRecorder,
  params: Record<string, unknown>,
  listener: Parameters<ActivityRecorder['subscribe']>[1],
): () => void {
  return recorder.subscribe(params, listener)
}

/** What references mean, by the documents this controller has. `edgeIdOfNode`: of the fleet it keeps; null: there is no such node, or it is no edge's. */
export function namesOf(documents: Documents, edgeIdOfNode: (reference: string) => string | null = () => null): Names {
  const edge: Names['edge'] = (reference) => {
    const found = documents.get('edge', reference) ?? documents.list('edge').find(({ body }) => body.name === reference)
    return found ? { id: found.id, name: found.body.name } : null
  }
  return {
    edge,
    edgeOf(kind, reference) {
      if (kind === 'node') return edge(edgeIdOfNode(reference) ?? reference)
      const id =
        documents.get(kind, reference)?.id ?? documents.list(kind).find(({ body }) => body.name === reference)?.id
      const system = documents
        .list('system')
        .find(({ id: own, body }) => (kind === 'system' ? own === id : body.modules.includes(id ?? '')))
      return system?.body.edgeId === undefined ? null : edge(system.body.edgeId)
    },
    user: (id) => documents.get('user', id)?.body.name ?? null,
  }
}

export interface WatchedSite {
  readonly recorder: ActivityRecorder
  readonly clock: Clock
  readonly log: Logger
  status(): StatusView
}

/** Writes down decisions, links that come and go, and what needs a person. `changed` is told of every change of the status and costs nothing by itself. */
export class ActivityWatch implements Disposable {
  readonly #site: WatchedSite
  #last: Glance | null = null
  #timer: Disposable | null = null
  #tookMs = 0

  constructor(site: WatchedSite) {
    this.#site = site
  }

  decided(decision: Decision): void {
    const { recorder } = this.#site
    recorder.record([decisionEntry(decision, recorder.names.edge(decision.edgeId)?.name ?? null)])
  }

  changed(): void {
    const { clock } = this.#site
    const waitMs = Math.max(LOOK_AFTER_MS, this.#tookMs * REST_FACTOR)
    this.#timer ??= clock.at(after(clock.mono(), waitMs), () => {
      this.#timer = null
      this.look()
    })
  }

  look(): void {
    const { recorder, clock, log } = this.#site
    const beganAt = clock.mono()
    try {
      const glance = glanceAt(this.#site.status())
      if (this.#last !== null) recorder.record(whatHappened(this.#last, glance, clock.wall()))
      this.#last = glance
    } catch (error) {
      log.log('warn', 'The status could not be looked at for the audit', failureOf(error))
    }
    this.#tookMs = clock.mono() - beganAt
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
  }
}

/** `lastEnd`: of the run before this one; null: the first on this data directory. */
export function controllerStarted(
  recorder: ActivityRecorder,
  { at, role, version, lastEnd }: { at: number; role: string; version: string; lastEnd: 'orderly' | 'unclean' | null },
): void {
  const unclean = lastEnd === 'unclean' ? '; the run before ended without order' : ''
  recorder.record([
    eventEntry({
      ...{ at, kind: 'controller', outcome: 'started' },
      text: `The controller started (${role}, ${version})${unclean}`,
      details: { role, version, lastEnd },
    }),
  ])
}

export function controllerStopped(recorder: ActivityRecorder, at: number): void {
  recorder.record([eventEntry({ at, kind: 'controller', outcome: 'stopped', text: 'The controller stopped' })])
}

/** An edge has used its join code. */
export const enrolmentEntry = (edgeId: string, name: string, at: number): ActivityEntry =>
  eventEntry({
    ...{ at, kind: 'enrolment', outcome: 'joined', actor: `edge:${edgeId}`, via: 'link', edgeId, edgeName: name },
    text: `${name} joined`,
    object: { kind: 'edge', id: edgeId, name },
  })
