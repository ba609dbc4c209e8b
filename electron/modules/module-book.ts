import type { ModuleDocument } from '../../shared/model/documents'
import type { ModuleMethod, ModuleState, ModuleView } from '../../shared/model/modules'
import type { WallMs } from '../../shared/model/time'
import { after } from '../../shared/model/time'
import type { Clock } from '../platform/ports'
import type { Json } from './contract'

const TELL_EVERY_MS = 100

/** What is known of one module of the set. */
export interface ModuleRecord {
  document: ModuleDocument
  /** Stopped by request although the set runs. */
  isHeld: boolean
  state: ModuleState
  connected: boolean
  since: WallMs
  status: Record<string, Json>
  /** Names that the present life has set: a copy from elsewhere does not overwrite them. */
  own: Set<string>
  fault: string | null
  restarts: number
  retryAt: WallMs | null
  retry: Disposable | null
  /** Number of the present start in its host; 0: none. */
  slot: number
  methods: readonly ModuleMethod[]
}

export type ViewListener = (changed: readonly ModuleView[], removed: readonly string[]) => void

/** The records of a set and the views made from them. Listeners hear of changes together, at most every 100 ms. */
export class ModuleBook {
  readonly #clock: Clock
  /** When the module's host was heard last, and whether it is silent now; null: it has none. */
  readonly #hostSign: (id: string) => { heardAt: WallMs; isSilent: boolean } | null
  readonly #records = new Map<string, ModuleRecord>()
  readonly #seeds = new Map<string, ModuleView>()
  readonly #listeners = new Set<ViewListener>()
  readonly #changed = new Set<string>()
  readonly #removed = new Set<string>()
  #timer: Disposable | null = null

  constructor(clock: Clock, hostSign: (id: string) => { heardAt: WallMs; isSilent: boolean } | null) {
    this.#clock = clock
    this.#hostSign = hostSign
  }

  get(id: string): ModuleRecord | undefined {
    return this.#records.get(id)
  }

  all(): readonly ModuleRecord[] {
    return [...this.#records.values()]
  }

  /** Takes a document in; the status of an earlier copy comes with it. */
  put(document: ModuleDocument): void {
    const known = this.#records.get(document.id)
    if (known) known.document = document
    else
      this.#records.set(document.id, {
        document,
        isHeld: false,
        state: 'stopped',
        connected: false,
        since: this.#clock.wall(),
        status: { ...this.#seeds.get(document.id)?.status },
        own: new Set(),
        fault: null,
        restarts: 0,
        retryAt: null,
        retry: null,
        slot: 0,
        methods: [],
      })
    this.#removed.delete(document.id)
    this.touch(document.id)
  }

  remove(id: string): void {
    this.#records.get(id)?.retry?.[Symbol.dispose]()
    if (!this.#records.delete(id)) return
    this.#changed.delete(id)
    this.#removed.add(id)
    this.#arm()
  }

  seed(views: readonly ModuleView[]): void {
    for (const view of views) {
      this.#seeds.set(view.id, view)
      const record = this.#records.get(view.id)
      if (!record) continue
      for (const [name, value] of Object.entries(view.status)) if (!record.own.has(name)) record.status[name] = value
      this.touch(view.id)
    }
  }

  /** Changes a record; `since` follows `state` and `connected`. */
  change(id: string, change: Partial<Omit<ModuleRecord, 'document' | 'since'>>): void {
    const record = this.#records.get(id)
    if (!record) return
    const { state, connected } = record
    if (change.retry !== undefined) record.retry?.[Symbol.dispose]()
    Object.assign(record, change)
    if (record.state !== state || record.connected !== connected) record.since = this.#clock.wall()
    this.touch(id)
  }

  setStatus(id: string, variables: Record<string, Json>): void {
    const record = this.#records.get(id)
    if (!record) return
    for (const [name, value] of Object.entries(variables)) {
      record.status[name] = value
      record.own.add(name)
    }
    this.touch(id)
  }

  touch(id: string): void {
    this.#changed.add(id)
    this.#arm()
  }

  view(id: string): ModuleView | undefined {
    const record = this.#records.get(id)
    if (!record) return undefined
    const { document, state, connected, since, status, fault, restarts, retryAt } = record
    const sign = this.#hostSign(id)
    return {
      id,
      name: document.name,
      driver: document.driver,
      role: document.role,
      state: sign?.isSilent ? 'unknown' : state,
      connected,
      since,
      asOf: sign ? sign.heardAt : this.#clock.wall(),
      status: { ...status },
      fault,
      restarts,
      retryAt,
    }
  }

  views(): readonly ModuleView[] {
    return [...this.#records.keys()].flatMap((id) => this.view(id) ?? [])
  }

  onChange(listener: ViewListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    this.#listeners.clear()
    for (const { retry } of this.#records.values()) retry?.[Symbol.dispose]()
  }

  #arm(): void {
    if (this.#timer || this.#listeners.size === 0) return
    this.#timer = this.#clock.at(after(this.#clock.mono(), TELL_EVERY_MS), () => this.#tell())
  }

  #tell(): void {
    this.#timer = null
    const changed = [...this.#changed].flatMap((id) => this.view(id) ?? [])
    const removed = [...this.#removed]
    this.#changed.clear()
    this.#removed.clear()
    if (changed.length + removed.length === 0) return
    for (const listener of this.#listeners) listener(changed, removed)
  }
}
