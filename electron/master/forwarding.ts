import { suggestedId } from '../../shared/model/document-id'
import { HoldfastError } from '../../shared/model/failures'
import type { OperationHandlers } from '../console/operations'
import type { Journal } from '../journal/journal'
import { changed, edited } from './alert-operations'
import { Forwarder, type ForwarderOptions } from './forwarder'

export interface ForwardingOptions extends Omit<ForwarderOptions, 'edgeName'> {
  readonly journal: Journal
}

/** All destinations, as the documents have them. */
export class Forwarding {
  readonly #options: ForwardingOptions
  readonly #forwarders = new Map<string, Forwarder>()
  readonly #ending = new Set<Promise<void>>()
  #unsubscribe: (() => void) | null = null

  constructor(options: ForwardingOptions) {
    this.#options = options
  }

  start(): void {
    const { journal } = this.#options
    this.#follow()
    this.#unsubscribe = journal.onChange(({ changed: documents }) => {
      if (documents.some(({ kind }) => kind === 'forwarder')) this.#follow()
    })
  }

  /** After the commit of a batch. */
  arrived(edgeId: string): void {
    for (const forwarder of this.#forwarders.values()) forwarder.arrived(edgeId)
  }

  async end(): Promise<void> {
    this.#unsubscribe?.()
    await Promise.all([...[...this.#forwarders.values()].map((forwarder) => forwarder.end()), ...this.#ending])
  }

  #follow(): void {
    const { journal, store } = this.#options
    const documents = new Map(journal.list('forwarder').map(({ id, body }) => [id, body]))
    for (const [id, forwarder] of this.#forwarders) {
      if (documents.has(id)) continue
      this.#forwarders.delete(id)
      const ended = forwarder.end().finally(() => {
        this.#ending.delete(ended)
        if (!this.#forwarders.has(id)) store.forget(id)
      })
      this.#ending.add(ended)
    }
    for (const [id, document] of documents) {
      const known = this.#forwarders.get(id)
      if (known !== undefined) {
        if (known.document !== document) known.follow(document)
        continue
      }
      const edgeName = (edgeId: string) => journal.get('edge', edgeId)?.body.name ?? edgeId
      const forwarder = new Forwarder(document, { ...this.#options, edgeName })
      this.#forwarders.set(id, forwarder)
      forwarder.start()
    }
  }

  get forwarders(): ReadonlyMap<string, Forwarder> {
    return this.#forwarders
  }
}

type ForwardingHandlers = Pick<OperationHandlers, Extract<keyof OperationHandlers, `forwarding.${string}`>>

export function forwardingOperations(forwarding: Forwarding, journal: Journal): ForwardingHandlers {
  const known = (reference: string) =>
    journal.list('forwarder').find(({ id, body }) => id === reference || body.name === reference)?.body ?? null
  const required = (reference: string) => {
    const found = known(reference)
    if (found !== null) return found
    throw new HoldfastError('not-found', `There is no destination "${reference}".`, {
      hint: 'holdfast forward status lists them; holdfast forward set NAME --create url=... makes one.',
    })
  }
  return {
    'forwarding.status': () => [...forwarding.forwarders.values()].map((forwarder) => forwarder.status()),
    'forwarding.set': ({ forwarder, values, create, revision }, { actor }) => {
      const base = known(forwarder) ?? (create ? null : required(forwarder))
      const change = edited(
        journal,
        'forwarder',
        base ?? { id: suggestedId('forwarder', forwarder), name: forwarder },
        values,
        revision,
      )
      return changed(journal, change, actor, false)
    },
    'forwarding.remove': ({ forwarder }, { actor }) =>
      changed(journal, { op: 'delete', kind: 'forwarder', id: required(forwarder).id }, actor, false),
    'forwarding.retry': ({ forwarder }) => {
      forwarding.forwarders.get(required(forwarder).id)?.retry()
      return {}
    },
    'forwarding.test': ({ forwarder }) => {
      const { id, name } = required(forwarder)
      const found = forwarding.forwarders.get(id)
      if (found !== undefined) return found.test()
      throw new HoldfastError('busy', `The destination "${name}" does not run yet.`, { hint: 'Try again.' })
    },
  }
}
