import { HoldfastError } from '../../shared/model/failures'
import type { ModuleView } from '../../shared/model/modules'
import { INVENTORY_SINCE_VERSION, type InventoryAnswer } from '../../shared/wire/inventory'
import type { OperationHandlers } from '../console/operations'
import type { InventoryAsk, InventoryFeed } from '../inventory/inventory'
import type { LinkSession } from '../link/link'
import type { Clock, Collector, Logger, Random } from '../platform/ports'
import { InventoryWatch, ownRows } from './inventory'
import { siteCollectors, type SiteParts } from './inventory-site'

export interface SiteInventoryOptions {
  readonly feed: InventoryFeed
  /** What reads this machine. */
  readonly machine: readonly Collector[]
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly logger: Logger
}

/** What exists and runs at this site: looked at while the edge lives, served to its master. */
export class SiteInventory {
  readonly feed: InventoryFeed
  readonly #options: SiteInventoryOptions
  #watch: InventoryWatch | null = null
  #session: LinkSession | null = null
  readonly #signs = new Map<string, string>()

  constructor(options: SiteInventoryOptions) {
    this.#options = options
    this.feed = options.feed
  }

  /** Begins to look. One site at a time: `stop` comes first. */
  begin(site: SiteParts): void {
    const { feed, machine, clock, random, logger } = this.#options
    this.#watch = new InventoryWatch({
      ...{ feed, clock, random, logger },
      collectors: [...machine, ...siteCollectors(site)],
      changed: (head) => this.#session?.sendEvent('inventory.changed', { head }),
    })
    this.#watch.start()
  }

  /** Settles when no look runs any more. */
  async stop(): Promise<void> {
    const watch = this.#watch
    this.#watch = null
    await watch?.end()
  }

  /** Views of modules have changed; most often only a variable of a device, which is no news here. */
  modulesChanged(changed: readonly ModuleView[], removed: readonly string[]): void {
    let isNews = removed.length > 0
    for (const id of removed) this.#signs.delete(id)
    for (const { id, state, connected } of changed) {
      const sign = `${state} ${connected}`
      isNews ||= this.#signs.get(id) !== sign
      this.#signs.set(id, sign)
    }
    if (isNews) this.siteChanged()
  }

  /** Documents of modules or systems have changed, or who drives them. */
  siteChanged(): void {
    this.#watch?.poke('module')
    this.#watch?.poke('system')
  }

  /** The master pulls at each link-up by itself; this is where changes are told. */
  linked(session: LinkSession): void {
    if (session.peer.version < INVENTORY_SINCE_VERSION) return
    this.#session = session
    void session.closed.then(() => {
      if (this.#session === session) this.#session = null
    })
  }

  /** Serves `inventory.read`. */
  read(ask: InventoryAsk): InventoryAnswer {
    return this.feed.read(ask)
  }

  /** Mount points of file systems, for the metrics of the host. */
  mounts(): string[] {
    return this.feed.rows('storage').flatMap(({ attributes, state }) => {
      const { type, mount } = attributes
      return type === 'filesystem' && state !== 'unknown' && typeof mount === 'string' ? [mount] : []
    })
  }
}

type InventoryHandlers = Pick<OperationHandlers, 'inventory.list'>

/** The edge's own rows, first-hand. */
export function ownInventoryOperations(
  inventory: SiteInventory,
  self: () => { readonly edgeId: string; readonly name: string } | null,
  clock: Pick<Clock, 'wall'>,
): InventoryHandlers {
  return {
    'inventory.list': ({ edge, kind, limit, after }) => {
      const site = self()
      if (edge !== undefined && edge !== site?.edgeId && edge !== site?.name)
        throw new HoldfastError(
          'not-found',
          `The site of this controller is ${site ? `"${site.name}"` : 'not joined'}.`,
        )
      const all = ownRows(inventory.feed, kind)
      const isAfter = (row: { kind: string; id: string }): boolean =>
        after === undefined || row.kind > after.kind || (row.kind === after.kind && row.id > after.id)
      const rest = all.filter(isAfter)
      return {
        edgeId: site?.edgeId ?? '',
        asOf: clock.wall(),
        isStale: false,
        ...{ rows: rest.slice(0, limit), total: all.length, more: rest.length > limit },
      }
    },
  }
}
