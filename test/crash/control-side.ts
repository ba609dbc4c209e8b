import { writeSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { enrolledControl } from '../../electron/core/control/stored'
import { EdgeControl } from '../../electron/edge/edge-control'
import { CredentialStore } from '../../electron/link/credentials'
import { Enrolments } from '../../electron/link/enrolments'
import { joinMaster } from '../../electron/link/joining'
import type { LinkDialer, LinkSession } from '../../electron/link/link'
import { wsDialer } from '../../electron/link/ws-client'
import { listenWs } from '../../electron/link/ws-server'
import { MasterControl } from '../../electron/master/master-control'
import type { ModuleRuntime, Permit } from '../../electron/modules/runtime'
import { openAuthority } from '../../electron/platform/authority'
import { systemClock } from '../../electron/platform/clock'
import type { Logger } from '../../electron/platform/ports'
import { systemRandom } from '../../electron/platform/random'
import { fileSecrets } from '../../electron/platform/secrets'
import type { ControlRecords } from '../../electron/records/records'
import { openRecords } from '../../electron/records/sqlite'
import type { Side } from '../../shared/model/control'
import { HoldfastError } from '../../shared/model/failures'
import { monoMs } from '../../shared/model/time'
import type { Said } from './control-said'

/**
 * One side of an edge's control as a process of its own, to be killed: the real driver and machine, records and link; only its modules are a gate that
 * says when it opens and closes. Arguments: side, folder, link port, take-over timeout, join code (edge, first start). Reads orders, says what
 * happens, one JSON value per line, unbuffered.
 *
 *   arm K NAME  kill -9 when the point of this name comes for the K-th time from now on; K 0: only tell the points
 *   disarm      no more
 *   restore, failover     as asked by a person
 */
const [side = 'edge', folder = '.', port = '0', timeoutMs = '60000', code = ''] = process.argv.slice(2) as [
  Side,
  ...string[],
]
const edgeId = 'berlin'
const programVersion = '0.1.0'
const clock = systemClock()
const random = systemRandom()
const logger: Logger = { log: () => {}, child: () => logger }
const secrets = fileSecrets(path.join(folder, 'secrets'))
const records = openRecords(path.join(folder, 'control.db'))
const isFirst = records.load(edgeId) === null
if (isFirst) records.save(edgeId, enrolledControl(clock.wall()))

const say = (said: Said) => void writeSync(1, `${JSON.stringify(said)}\n`)
/** The machine's clock: the same for both sides. */
const now = () => Number(process.hrtime.bigint()) / 1e6

let killAt: { readonly name: string; readonly time: number } | null = null
const passed = new Map<string, number>()

/** A point at which the process may be killed. */
function point(name: string): void {
  if (killAt === null) return
  const time = (passed.get(name) ?? 0) + 1
  passed.set(name, time)
  say({ type: 'point', name, time })
  if (name !== killAt.name || time !== killAt.time) return
  process.kill(process.pid, 'SIGKILL')
  for (;;);
}
/** The same, and once more when what was written has had its turn to leave. */
function pointAndLater(name: string): void {
  point(name)
  setImmediate(() => point(`${name}, a turn later`))
}

const watchedRecords: ControlRecords = {
  ...records,
  save(id, control, decision) {
    point('before persist')
    records.save(id, control, decision)
    say({ type: 'saved', floor: control.floor, epoch: control.record.epoch, holder: control.record.holder })
    pointAndLater('after persist')
  },
}

function watchedSession(session: LinkSession): LinkSession {
  return {
    id: session.id,
    peer: session.peer,
    closed: session.closed,
    open: (handlers) => session.open(handlers),
    request: (name, params, options) => session.request(name, params, options),
    sendEvent: (name, body) => session.sendEvent(name, body),
    close: (reason, failure) => session.close(reason, failure),
    sendControl(message) {
      // Pings come and go by the clock: as points they would be others in each run.
      const isPing = message.type === 'ping' || message.type === 'pong'
      if (!isPing) point(`before send ${message.type}`)
      session.sendControl(message)
      if (!isPing) pointAndLater(`after send ${message.type}`)
    },
  }
}

/** Modules that are all there is to see of modules: a gate under a permit, and one device that connects at once. */
class GateRuntime implements ModuleRuntime {
  readonly #permit: () => Permit | null
  readonly #listeners = new Set<Parameters<ModuleRuntime['onChange']>[0]>()
  #started = false
  #open: number | null = null
  readonly #renewal = setInterval(() => this.renewPermit(), 100)

  constructor(permit: () => Permit | null) {
    this.#permit = permit
  }
  async start(): Promise<void> {
    point('before start modules')
    this.#started = true
    pointAndLater('after start modules')
    this.#tell()
  }
  async stop(): Promise<void> {
    point('before stop modules')
    this.#set(null)
    this.#started = false
    this.#tell()
    pointAndLater('after stop modules')
  }
  renewPermit(): void {
    this.#set(this.#permit()?.epoch ?? null)
  }
  async closeGate(): Promise<void> {
    this.#set(null)
    pointAndLater('after close gate')
  }
  devices() {
    return { started: this.#started, connected: this.#started && this.#open !== null ? 1 : 0, total: 1 }
  }
  onChange(listener: Parameters<ModuleRuntime['onChange']>[0]): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
  update = async () => {}
  views = () => []
  methods = () => []
  execute = () => Promise.reject(new Error('there is nothing to execute'))
  debug = () => () => {}
  seed = () => {}
  keepSpare = () => {}
  waiting = () => null
  onWaiting = () => () => {}
  spareReady = async () => {}
  startModules = async () => {}
  stopModules = async () => {}
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#renewal)
  }

  #set(epoch: number | null): void {
    if (epoch === this.#open) return
    this.#open = epoch
    say({ type: 'gate', epoch, at: now() })
    if (epoch !== null) point('gate opened')
    this.#tell()
  }
  #tell(): void {
    setImmediate(() => this.#listeners.forEach((listener) => listener([], [])))
  }
}

const refuse = () => Promise.reject(new HoldfastError('refused', 'Only control is here.'))
const handlers = () => ({ request: refuse, event: () => {} })
const shared = {
  ...{ edgeId, clock, random, logger, records: watchedRecords, predecessorsGone: () => Promise.resolve() },
  ...{ handlers, report: () => {}, decided: () => {} },
  runtime: (permit: () => Permit | null) => new GateRuntime(permit),
}
type Control = Pick<EdgeControl | MasterControl, 'switchTo'>
let told = ''

/** Says what the machine thinks, when that changed. */
function tellState(state: EdgeControl['state'] | MasterControl['state'], isLinked: boolean): void {
  const { record, floor } = state.stored
  const said: Said = { type: 'state', holder: record.holder, epoch: record.epoch, floor, isLinked }
  const text = JSON.stringify(said)
  if (text !== told) say(said)
  told = text
}

async function edge(): Promise<Control> {
  const credentials = new CredentialStore(secrets)
  const given = { instanceId: 'instance-1', programVersion, clock, random, logger, credentials }
  if ((await credentials.load()) === null) await joinMaster({ ...given, code, timeZone: 'UTC' })
  const dialer = await wsDialer(given)
  const watched: LinkDialer = {
    url: dialer.url,
    dial: async (signal) => watchedSession(await dialer.dial(signal)),
  }
  const control: EdgeControl = new EdgeControl({
    ...shared,
    ...{ instanceId: 'instance-1', bootId: random.id(), dialer: watched },
    document: () => ({ failover: true, journalSeq: 0 }),
    linked: () => {},
    pinged: () => {},
    startModules: (runtime) => runtime.start([]),
    changed: () => control && tellState(control.state, control.state.link.kind === 'linked'),
  })
  control.start()
  return control
}

async function master(): Promise<Control> {
  const authority = await openAuthority({ secrets, clock, random, logger, names: [] })
  const enrolments = new Enrolments({
    ...{ rows: records, secrets, clock, random, logger, caSha256: authority.caSha256 },
    masterUrls: () => [`wss://127.0.0.1:${port}`],
    edge: () => ({ name: 'Berlin', epochFloor: records.load(edgeId)?.floor ?? 1 }),
  })
  const stored = records.load(edgeId)
  if (stored === null) throw new Error('the record is gone')
  const standing = {
    ...{ failover: true, timeoutMs: Number(timeoutMs), stableForMs: 1_000, paused: false, draining: false },
    ...{ enrolled: true, window: () => null, journalHead: 0 },
  }
  const control: MasterControl = new MasterControl({
    ...shared,
    ...{ booted: false, stored, standing: () => standing, lastViews: () => [], linkChanged: () => {} },
    startModules: (runtime) => runtime.start([]),
    changed: () => {
      const { link } = control?.state ?? {}
      if (link) tellState(control.state, link.kind === 'linked' && link.agreed)
    },
  })
  const listener = await listenWs({
    ...{ host: '127.0.0.1', port: Number(port), authority, planeId: 'plane-1', programVersion },
    ...{ directory: enrolments, joinDesk: enrolments, clock, random, logger },
  })
  // The wait for edges of a starting master, shorter.
  const booted = clock.at(monoMs(clock.mono() + 1_000), () => control.ready())
  listener.onSession((session) => {
    booted[Symbol.dispose]()
    control.attach(watchedSession(session))
    control.ready()
  })
  if (isFirst) say({ type: 'code', code: (await enrolments.invite({ id: edgeId }, { actor: 'test' })).code })
  return control
}

const control = await (side === 'edge' ? edge() : master())
const loaded = records.load(edgeId)
say({ type: 'started', floor: loaded?.floor ?? 0 })

for await (const line of createInterface({ input: process.stdin })) {
  const [order, time, ...name] = line.split(' ')
  if (order === 'arm') {
    passed.clear()
    killAt = { name: name.join(' '), time: Number(time) }
  } else if (order === 'disarm') {
    killAt = null
    say({ type: 'disarmed' })
  } else
    control
      .switchTo(order === 'restore' ? 'edge' : 'master', 'test')
      .then(({ outcome, epoch }) => say({ type: 'switched', outcome, epoch }))
      .catch((error: unknown) => say({ type: 'switched', outcome: String(error), epoch: 0 }))
}
process.exit(0)
