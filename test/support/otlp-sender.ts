import type { ControllerProcess } from './controller'
import { until } from './until'

const RECORDS_AT_ONCE = 500

/** Where a controller that was given port 0 receives OpenTelemetry, from its log. */
export async function otlpUrl(controller: ControllerProcess): Promise<string> {
  const line = await until('the receiver says its port', () =>
    controller.log.split('\n').findLast((each) => each.includes('receiving OpenTelemetry')),
  )
  const port = /"port":(\d+)/.exec(line)?.[1] ?? /port=(\d+)/.exec(line)?.[1]
  if (port === undefined) throw new Error(`no port in: ${line}`)
  return `http://127.0.0.1:${port}`
}

/** Sends these records in one request, whatever becomes of it. */
export async function postLogs(url: string, records: readonly object[]): Promise<{ status: number; answer: unknown }> {
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'till' } }] }
  const logRecords = records.map((each) => ({ timeUnixNano: `${Date.now()}000000`, ...each }))
  const response = await fetch(`${url}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ scope: { name: 'till' }, logRecords }] }] }),
  })
  return { status: response.status, answer: await response.json() }
}

/** Sends log records, each with its own number as the attribute `n`, as an exporter does. Resolves with the numbers that were accepted. */
export async function sendLogs(url: string, first: number, count: number): Promise<number[]> {
  const accepted: number[] = []
  for (let from = first; from < first + count; from += RECORDS_AT_ONCE) {
    const numbers = Array.from({ length: Math.min(RECORDS_AT_ONCE, first + count - from) }, (_, at) => from + at)
    const response = await fetch(`${url}/v1/logs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        resourceLogs: [
          {
            resource: { attributes: [{ key: 'service.name', value: { stringValue: 'till' } }] },
            scopeLogs: [{ scope: { name: 'till' }, logRecords: numbers.map(record) }],
          },
        ],
      }),
    })
    const answer = (await response.json()) as { partialSuccess?: { rejectedLogRecords?: string | number } }
    if (!response.ok || Number(answer.partialSuccess?.rejectedLogRecords ?? 0) > 0)
      throw new Error(`refused with ${response.status}: ${JSON.stringify(answer)}`)
    accepted.push(...numbers)
  }
  return accepted
}

const record = (n: number) => ({
  timeUnixNano: `${Date.now()}000000`,
  severityNumber: 9,
  severityText: 'INFO',
  body: { stringValue: `receipt ${n} printed at the till, drawer closed, customer display cleared` },
  attributes: [{ key: 'n', value: { intValue: String(n) } }],
})
