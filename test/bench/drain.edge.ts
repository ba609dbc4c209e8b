// The edge's end of `drain`: buffers so many entries while its push is paused, then lets them go and writes an alert every half second.
import { setTimeout as sleep } from 'node:timers/promises'
import { wallMs } from '../../shared/model/time'
import { edgeProcess } from '../support/push-process'

const [folder = '', code = '', count = '0'] = process.argv.slice(2)
const ENTRIES = Number(count)
const AT_ONCE = 1_000
const ALERT_EVERY_MS = 500

const edge = await edgeProcess(folder, code)
edge.push.pause(true)
while (edge.session === null) await sleep(5)
for (let at = 0; at < ENTRIES; at += AT_ONCE) {
  const entries = Array.from({ length: Math.min(AT_ONCE, ENTRIES - at) }, (_, n) => ({
    category: 'logs' as const,
    at: wallMs(Date.now()),
    json: `{"body":"motor ${(at + n) % 50} reports","severity":9,"n":${at + n},"note":"${'steady run '.repeat(18)}"}`,
  }))
  await edge.outbox.append(entries)
}
process.send!({ ready: true })
process.on('disconnect', () => process.exit(0))
process.once('message', () => void drain())

const lane = (name: string) => edge.outbox.feeds().find((feed) => feed.lane === name && feed.isCurrent)!

async function drain(): Promise<void> {
  globalThis.gc?.()
  const rss = process.memoryUsage().rss
  let highest = rss
  const started = performance.now()
  const marks: number[] = []
  const cpu = process.cpuUsage()
  const cpuMarks: number[] = []
  const cpuMs = () => (({ user, system }) => Math.round((user + system) / 1_000))(process.cpuUsage(cpu))
  const alertMs: number[] = []
  let isDone = false
  edge.push.pause(false)
  const alerts = (async () => {
    while (!isDone) {
      const written = performance.now()
      await edge.outbox.append([{ category: 'alerts', at: wallMs(Date.now()), json: '{"text":"fresh"}' }])
      const { head } = lane('alerts')
      while (lane('alerts').throughSeq < head) await sleep(2)
      alertMs.push(Math.round(performance.now() - written))
      await sleep(ALERT_EVERY_MS)
    }
  })()
  for (;;) {
    const left = lane('telemetry').pendingEntries
    highest = Math.max(highest, process.memoryUsage().rss)
    while (marks.length < 4 && left <= ENTRIES * (1 - (marks.length + 1) / 4)) {
      marks.push(performance.now() - started)
      cpuMarks.push(cpuMs())
    }
    if (left === 0) break
    await sleep(10)
  }
  isDone = true
  await alerts
  const steps = (all: readonly number[]) => all.map((at, n) => Math.round(at - (all[n - 1] ?? 0)))
  const [quarters, cpuQuartersMs] = [steps(marks), steps(cpuMarks)]
  process.send!({
    done: {
      seconds: marks[3]! / 1_000,
      quarters,
      cpuQuartersMs,
      alertMs,
      rssGrowthMiB: Math.round((highest - rss) / 2 ** 20),
    },
  })
}
