import { HoldfastError } from '../../shared/model/failures'
import type { DebugLine } from '../../shared/model/modules'
import type { EventBody, EventName, RequestInput, RequestName, RequestResult } from '../../shared/wire/requests'
import { modulesOfOwner } from '../core/documents/site'
import type { DocumentsReplica } from '../journal/journal'
import type { LinkSession } from '../link/link'
import type { Random } from '../platform/ports'
import type { EdgeControl } from './edge-control'
import type { RequestSpans } from './request-spans'
import type { SiteInventory } from './site-inventory'
import type { SiteTelemetry } from './site-telemetry'

/** Debug streams one session may have open. */
const DEBUGS_MAX = 100
const LINES_PER_MESSAGE = 200

export interface EdgeRequestsOptions {
  readonly control: EdgeControl
  readonly replica: DocumentsReplica
  readonly random: Random
  readonly spans: RequestSpans
  catchUp(session: LinkSession): Promise<void>
  secretsChanged(): void
  accessChanged(): void
  rotate(params: RequestInput<'secret.rotate'>): Promise<void>
  readonly telemetry: Pick<SiteTelemetry, 'push' | 'status'> | null
  readonly inventory: Pick<SiteInventory, 'read'> | null
}

/** What an edge serves to its master over the link. */
export class EdgeRequests {
  readonly #options: EdgeRequestsOptions

  constructor(options: EdgeRequestsOptions) {
    this.#options = options
  }

  handlers(session: LinkSession) {
    const debugs = new Map<string, () => void>()
    void session.closed.then(() => {
      for (const stop of debugs.values()) stop()
      debugs.clear()
    })
    return {
      request: async <N extends RequestName>(name: N, params: RequestInput<N>): Promise<RequestResult<N>> =>
        (await this.#answer(session, debugs, name, params)) as RequestResult<N>,
      event: <N extends EventName>(name: N, body: EventBody<N>): void => {
        if (
          name === 'documents.changed' &&
          (body as EventBody<'documents.changed'>).head > this.#options.replica.head
        ) {
          this.#options.catchUp(session).catch(() => {})
        }
        if (name === 'secrets.changed') this.#options.secretsChanged()
        if (name === 'access.changed') this.#options.accessChanged()
      },
    }
  }

  async #answer(
    session: LinkSession,
    debugs: Map<string, () => void>,
    name: RequestName,
    params: unknown,
  ): Promise<unknown> {
    const { control, replica } = this.#options
    switch (name) {
      case 'modelUpdated': {
        const { head } = params as RequestInput<'modelUpdated'>
        if (replica.head < head) await this.#options.catchUp(session)
        return { seq: replica.head }
      }
      case 'expireCache':
        await this.#options.catchUp(session)
        return {}
      case 'system.start':
      case 'system.stop':
        return {
          modules: await this.#system((params as RequestInput<'system.start'>).systemId, name === 'system.start'),
        }
      case 'module.execute':
        return { value: await this.#execute(params as RequestInput<'module.execute'>) }
      case 'module.status': {
        const { moduleId } = params as RequestInput<'module.status'>
        const modules = control.runtime.views().filter((view) => moduleId === undefined || view.id === moduleId)
        return moduleId === undefined ? { modules } : { modules, methods: [...control.runtime.methods(moduleId)] }
      }
      case 'debug.start':
        return { subscription: this.#debug(session, debugs, (params as RequestInput<'debug.start'>).moduleId) }
      case 'debug.stop': {
        const { subscription } = params as RequestInput<'debug.stop'>
        debugs.get(subscription)?.()
        debugs.delete(subscription)
        return {}
      }
      case 'liveReload': {
        this.#requireControl()
        const { moduleIds } = params as RequestInput<'liveReload'>
        await control.runtime.stopModules(moduleIds)
        await control.runtime.startModules(moduleIds)
        return {}
      }
      case 'secret.rotate':
        await this.#options.rotate(params as RequestInput<'secret.rotate'>)
        return {}
      case 'drainBuffer':
        return this.#telemetry().push.drain((params as RequestInput<'drainBuffer'>).limit ?? null)
      case 'getSyncStatus':
        return this.#telemetry().status()
      case 'inventory.read': {
        const { inventory } = this.#options
        if (!inventory) throw new HoldfastError('refused', 'This edge keeps no inventory.')
        return inventory.read(params as RequestInput<'inventory.read'>)
      }
      case 'repository':
        throw new HoldfastError('refused', 'Repositories are not part of this version.')
      default:
        throw new HoldfastError('refused', `${name} is not served by an edge.`)
    }
  }

  #telemetry(): Pick<SiteTelemetry, 'push' | 'status'> {
    const { telemetry } = this.#options
    if (telemetry === null) throw new HoldfastError('refused', 'This controller keeps no telemetry.')
    return telemetry
  }

  /** Refuses what only the side in control may do. */
  #requireControl(epoch: number | null = null): void {
    const { state } = this.#options.control
    if (state.tenure.kind !== 'driving')
      throw new HoldfastError('not-in-control', 'The edge does not drive its devices now.')
    const current = state.stored.record.epoch
    if (epoch !== null && epoch < current) {
      throw new HoldfastError('stale-epoch', `Control has moved: the epoch is ${current}, not ${epoch}.`)
    }
  }

  /** By the documents: a module that is only about to start can be listened to. */
  #requireModule(moduleId: string): void {
    const { control, replica } = this.#options
    const systems = replica.list('system').map(({ body }) => body)
    const own = modulesOfOwner(control.edgeId, systems, (id) => replica.get('module', id)?.body ?? null)
    if (!own.some(({ id }) => id === moduleId))
      throw new HoldfastError('not-found', `There is no module "${moduleId}" at this edge.`)
  }

  async #execute({ moduleId, method, args, requestId, epoch }: RequestInput<'module.execute'>): Promise<unknown> {
    const { control, spans } = this.#options
    const value = await spans.execute({ moduleId, method, requestId, from: 'master' }, (device) => {
      this.#requireControl(epoch)
      return device(() => control.runtime.execute(moduleId, method, args, { requestId }))
    })
    return value ?? null
  }

  async #system(systemId: string, start: boolean): Promise<number> {
    this.#requireControl()
    const system = this.#options.replica.get('system', systemId)
    if (!system) throw new HoldfastError('not-found', `There is no system "${systemId}".`)
    const { control, spans } = this.#options
    return spans.system({ systemId, start, from: 'master' }, control.runtime, system.body.modules)
  }

  #debug(session: LinkSession, debugs: Map<string, () => void>, moduleId: string): string {
    this.#requireControl()
    this.#requireModule(moduleId)
    if (debugs.size >= DEBUGS_MAX)
      throw new HoldfastError('busy', `At most ${DEBUGS_MAX} debug streams at once.`, { retryAfterMs: 1_000 })
    const subscription = this.#options.random.id()
    const stop = this.#options.control.runtime.debug(moduleId, (lines: readonly DebugLine[], dropped) => {
      session.sendEvent('debug.lines', {
        subscription,
        lines: lines.slice(0, LINES_PER_MESSAGE).map(({ at, level, text }) => ({ at, level, text })),
        dropped: dropped + Math.max(0, lines.length - LINES_PER_MESSAGE),
      })
    })
    debugs.set(subscription, stop)
    return subscription
  }
}
