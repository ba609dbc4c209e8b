// Some hundred edges that push a batch each, in turn, to one master: more files than are kept open, so that batches wait in the inbox and go into the files of their edges
// with others. Against the same with a file of an edge opened for each batch, and against as many edges as fit. All of it: stored, moved, made searchable.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { systemClock } from '../../electron/platform/clock'
import { openTelemetryStores } from '../../electron/telemetry/sqlite'
import type { ArrivedBatch } from '../../electron/telemetry/telemetry'
import { wallMs } from '../../shared/model/time'

const MANY = 300
const FEW = 100
/** After two that are not counted. With them as many as wait in the inbox, and two: what was counted has been moved, but for two. */
const ROUNDS = 32
const ENTRIES = 30
/** Batches on their way at once. */
const AT_ONCE = 16
/** A batch of each of 5,000 edges every 30 s is 6 ms for each. */
const TARGET_MS = 6

function batch(edge: string, round: number): ArrivedBatch {
  const at = wallMs(Date.now())
  const firstSeq = round * ENTRIES + 1
  const writer = { runId: 'run-1', sourceId: edge, edgeId: edge, enrolmentId: 'enrolment-1' }
  const entries = Array.from({ length: ENTRIES }, (_, n) => ({
    ...{ seq: firstSeq + n, ...writer, category: 'metrics' as const, at, doNotPropagate: false, isBytes: false },
    text: `{"name":"figure.${n}","unit":"1","points":[{"time":${at + n},"value":${n / ENTRIES}}]}`,
  }))
  const payload = [JSON.stringify(entries.map(({ seq }) => [seq, at, 0, 0])), ...entries.map(({ text }) => text)]
  const packed = { writers: [writer], zipped: gzipSync(payload.join('\n')) }
  const range = { firstSeq, lastSeq: firstSeq + ENTRIES - 1 }
  const more = { gaps: [], historical: false, sentAt: at, packed }
  return { feedId: `feed-${edge}`, lane: 'telemetry', ...range, entries, ...more }
}

async function round(edges: number, hasInbox: boolean) {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-stores-'))
  const clock = systemClock()
  try {
    await using stores = openTelemetryStores(folder, hasInbox ? { clock } : {})
    stores.onMoved((_, store) => void store.index(10_000))
    const before = process.memoryUsage().rss
    let cpuMs = 0
    let ms = 0
    for (let n = 0; n < ROUNDS + 2; n++) {
      const batches = Array.from({ length: edges }, (_, edge) => batch(`edge-${edge}`, n))
      const [began, cpu] = [performance.now(), process.cpuUsage()]
      let next = 0
      const worker = async () => {
        for (let edge = next++; edge < edges; edge = next++) {
          const { isWaiting } = await stores.receive(`edge-${edge}`, batches[edge]!, clock.wall())
          if (!isWaiting) stores.of(`edge-${edge}`).index(10_000)
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, worker))
      for (const edge of stores.due()) stores.of(edge)
      const { user, system } = process.cpuUsage(cpu)
      if (n < 2) continue
      cpuMs += (user + system) / 1_000
      ms += performance.now() - began
    }
    const all = ROUNDS * edges
    const digits = (value: number) => Math.round(value * 100) / 100
    const rssMiB = digits((process.memoryUsage().rss - before) / 2 ** 20)
    return { ms: digits(ms / all), cpuMs: digits(cpuMs / all), rssMiB }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const few = await round(FEW, true)
const each = await round(MANY, false)
const many = await round(MANY, true)
const ratio = Math.round((many.cpuMs / each.cpuMs) * 100) / 100
const details = { edges: MANY, fewEdges: FEW, entries: ENTRIES, baselineIs: 'a file opened for each', few, each, many }
const line = { bench: 'many-stores', figure: many.cpuMs, unit: 'ms of processor time a batch', baseline: each.cpuMs }
if (process.argv.includes('--json'))
  console.log(JSON.stringify({ ...line, ratio, target: TARGET_MS, met: many.cpuMs <= TARGET_MS, details }))
else console.log(`many-stores: ${many.cpuMs} ms a batch, ${ratio} times that of a file opened for each`, details)
