// A thousand edges that push a batch each, in turn, to one master: more files than are kept open. Against as many edges as fit.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openTelemetryStores } from '../../electron/telemetry/sqlite'
import type { ArrivedBatch } from '../../electron/telemetry/telemetry'
import { wallMs } from '../../shared/model/time'

const MANY = 1_000
const FEW = 100
const ROUNDS = 3
const ENTRIES = 30
/** A batch of each of 5,000 edges every 30 s is 6 ms for each. */
const TARGET_MS = 6

function batch(edge: string, round: number): ArrivedBatch {
  const at = wallMs(Date.now())
  const firstSeq = round * ENTRIES + 1
  const entries = Array.from({ length: ENTRIES }, (_, n) => ({
    ...{ seq: firstSeq + n, runId: 'run-1', sourceId: edge, edgeId: edge, enrolmentId: 'enrolment-1' },
    ...{ category: 'metrics' as const, at, doNotPropagate: false, isBytes: false },
    text: `{"name":"cpu","points":[{"time":${at + n},"value":${n / ENTRIES}}]}`,
  }))
  const range = { firstSeq, lastSeq: firstSeq + ENTRIES - 1 }
  return { feedId: `feed-${edge}`, lane: 'telemetry', ...range, entries, gaps: [], historical: false, sentAt: at }
}

async function round(edges: number) {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-stores-'))
  try {
    await using stores = openTelemetryStores(folder)
    const before = process.memoryUsage().rss
    let slowest = 0
    let started = 0
    // The first round makes the files.
    for (let n = 0; n <= ROUNDS; n++) {
      if (n === 1) started = performance.now()
      for (let edge = 0; edge < edges; edge++) {
        const begun = performance.now()
        const id = `edge-${edge}`
        stores.of(id).receive(batch(id, n), wallMs(Date.now()))
        if (n > 0) slowest = Math.max(slowest, performance.now() - begun)
      }
    }
    const ms = (performance.now() - started) / (ROUNDS * edges)
    return { ms, slowest, rssMiB: (process.memoryUsage().rss - before) / 2 ** 20 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const few = await round(FEW)
const many = await round(MANY)
const figure = Math.round(many.ms * 100) / 100
const ratio = Math.round((many.ms / few.ms) * 100) / 100
const details = { edges: MANY, fewEdges: FEW, entries: ENTRIES, few, many }
const line = { bench: 'many-stores', figure, unit: 'ms a batch', baseline: Math.round(few.ms * 100) / 100, ratio }
if (process.argv.includes('--json'))
  console.log(JSON.stringify({ ...line, target: TARGET_MS, met: many.ms <= TARGET_MS, details }))
else console.log(`many-stores: ${figure} ms a batch, ${ratio} times that of ${FEW} edges`, details)
