import { availableParallelism, loadavg } from 'node:os'
import type { ModuleDocument } from '../../shared/model/documents'
import { MODULES_PER_HOST } from '../../shared/model/defaults'
import type { Clock, Logger, Random } from '../platform/ports'
import { HostLedger } from './host-ledger'
import { HostStarts } from './host-starts'
import type { HostLaunch } from './process-host'
import type { ModuleRuntimes, Permit } from './runtime'
import { Supervisor } from './supervisor'

export interface ProcessRuntimesOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly launch: HostLaunch
  /** `hosts.json` in the data directory. */
  readonly ledgerPath: string
  /** Default 50. */
  readonly modulesPerHost?: number
  /** Heap limit of one host. Default 128. */
  readonly heapMib?: number
  /** Hosts that may be starting at once. Default: two for each core. */
  readonly startingMax?: number
  /** Puts values in place of references to secrets just before a host is given a document. Default: none. */
  readonly resolve?: (document: ModuleDocument) => ModuleDocument
}

const HEAP_MIB = 128
/** A master that loses many edges at once does not start a process for each before it is known whether they come back. */
const SPARES_MAX = 8
/** The start of one keeps a core busy; a second one uses what the first leaves. */
const STARTING_MAX = 2 * availableParallelism()

export interface ProcessRuntimes extends ModuleRuntimes {
  create(name: string, permit: () => Permit | null): Supervisor
}

/** Module runtimes whose hosts are processes of their own. */
export function processRuntimes(options: ProcessRuntimesOptions): ProcessRuntimes {
  const { clock, random, logger, launch, modulesPerHost = MODULES_PER_HOST, heapMib = HEAP_MIB } = options
  const { startingMax: most = STARTING_MAX } = options
  const ledger = new HostLedger(options.ledgerPath)
  const spares = { taken: 0, most: SPARES_MAX }
  const starts = new HostStarts({
    ...{ clock, logger, most, memory: () => process.availableMemory() },
    load: () => (loadavg()[0] ?? 0) / availableParallelism(),
  })
  return {
    endPredecessors: () => ledger.endPredecessors(),
    create: (name, permit) => {
      const title = `holdfast-modules ${name}`
      const scoped = logger.child('modules')
      const resolve = options.resolve === undefined ? {} : { resolve: options.resolve }
      const about = { launch, ledger, spares, starts, modulesPerHost, heapMib, title, ...resolve }
      return new Supervisor({ clock, random, logger: scoped, ...about }, permit)
    },
  }
}
