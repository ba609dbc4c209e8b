import { Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { LINE_FD, lineCutter, readLineToHost, writeLine, type LineFromHost, type Suspicion } from './host-line'
import { SharedState, permitClockMs } from './host-shared'

const TICK_MS = 200
/** Ticks without a beat of the main thread after which it counts as spinning: counted in ticks, so that a stopped process proves nothing. */
const SPIN_TICKS = 7
/** Loading all drivers may take this long on a slow machine before the first beat. */
const LOAD_TICKS = 75
const SLOW_EVERY_TICKS = 3
/** Memory outside the heap (buffers) that a host may have on top of its heap limit and its own code. */
const OUTSIDE_HEAP_MIB = 320
const WRITE_WAIT_MS = 80
const LAST_WORDS_MS = 20

export interface WatchData {
  buffer: SharedArrayBuffer
  heapMib: number
}

/** What the watch thread tells the main thread, so that it connects, or drops its sockets. */
export type WatchNews = { gate: 'open' } | { gate: 'closed'; seq: number | null }

/** Body of the watch thread. Keeps the permit, watches the main thread and the controller, and ends the process when either is lost. */
export function runWatch(): void {
  const { buffer, heapMib } = workerData as WatchData
  const shared = new SharedState(buffer)
  const line = new Socket({ fd: LINE_FD, readable: true, writable: true })
  const parentPid = process.ppid
  let expiry: NodeJS.Timeout | undefined

  const die = () => process.kill(process.pid, 'SIGKILL')
  const say = (words: LineFromHost) => line.write(writeLine(words))
  const tell = (news: WatchNews) => parentPort?.postMessage(news)
  const dieBecause = (slot: number, why: Suspicion) => {
    line.write(writeLine({ word: 'suspect', slot, why }), die)
    setTimeout(die, LAST_WORDS_MS)
  }

  function expire() {
    shared.set('open', 0)
    tell({ gate: 'closed', seq: null })
  }

  function hear(text: string) {
    const words = readLineToHost(text)
    if (words === null) return
    if (words.word === 'beat') return void say({ word: 'heard', seq: words.seq })
    clearTimeout(expiry)
    if (words.word === 'close') {
      // A write that hangs inside a driver leaves this unanswered; the controller then kills the host.
      if (shared.close(WRITE_WAIT_MS)) say({ word: 'closed', seq: words.seq })
      return tell({ gate: 'closed', seq: words.seq })
    }
    const now = permitClockMs()
    const before = shared.epochAt(now)
    shared.permit(words.epoch, now + words.validForMs)
    expiry = setTimeout(expire, words.validForMs)
    say({ word: 'heard', seq: words.seq })
    if (before === null) tell({ gate: 'open' })
  }

  line.setEncoding('utf8')
  line.on('data', lineCutter(hear))
  // The other end is closed by the system whatever way the controller went.
  line.on('error', die)
  line.on('close', die)

  let beats = -1
  let entries = -1
  let silentTicks = 0
  let ticks = 0

  function tick() {
    ticks += 1
    if (ticks % SLOW_EVERY_TICKS === 0 && process.ppid !== parentPid) return die()
    const running = shared.get('running')
    silentTicks = shared.get('beats') === beats ? silentTicks + 1 : 0
    beats = shared.get('beats')
    if (silentTicks >= (beats === 0 ? LOAD_TICKS : SPIN_TICKS)) return dieBecause(running, 'spin')
    if (running !== 0 && shared.get('entries') === entries) say({ word: 'suspect', slot: running, why: 'busy' })
    entries = shared.get('entries')
    watchMemory()
  }

  function watchMemory() {
    if (ticks % SLOW_EVERY_TICKS === 0 && process.memoryUsage.rss() / 1_048_576 > heapMib + OUTSIDE_HEAP_MIB)
      return dieBecause(shared.mostGrown() || shared.get('running'), 'memory')
    if (shared.get('pressure') === 0) return
    const slot = shared.mostGrown()
    if (slot !== 0) say({ word: 'suspect', slot, why: 'heap' })
  }

  setInterval(tick, TICK_MS)
}
