import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import type { SyncView } from '../../shared/console/data-views'
import { machineMs } from '../support/judge'
import { otlpUrl, sendLogs } from '../support/otlp-sender'
import { memoryOf, resetPeakOf } from '../support/processes'
import { askedEveryMs, Site } from '../support/site'

const MIB = 1024 * 1024
const JSON_TYPE = { 'content-type': 'application/json' }
const PROTOBUF_TYPE = { 'content-type': 'application/x-protobuf' }
/** What one request may hold (16 MiB as sent, and as decoded) with something for the collector of garbage. */
const growthMaxMiB = 96
/** A device that is asked every `askedEveryMs` and was not for so long was neglected. */
const neglectedMs = askedEveryMs + 1_000
const deadlineMs = 15_000

/** Sends pieces until they are gone or the receiver has answered, as a sender that never looks. */
function stream(url: string, headers: Record<string, string>, pieces: Iterable<Buffer>): Promise<number> {
  return new Promise((resolve, reject) => {
    let status = 0
    const request = httpRequest(`${url}/v1/logs`, { method: 'POST', headers }, (response) => {
      status = response.statusCode ?? 0
      response.resume()
      response.on('end', () => resolve(status))
    })
    request.on('error', (error) => (status === 0 ? reject(error) : resolve(status)))
    Readable.from(pieces).pipe(request)
  })
}

function* repeated(piece: Buffer, times: number): Generator<Buffer> {
  for (let index = 0; index < times; index += 1) yield piece
}

/** Headers, and then a byte now and then. Resolves with the status of the answer. */
function slow(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    const drip = setInterval(() => socket.write(' '), 500)
    let text = ''
    socket.write(
      'POST /v1/logs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n',
    )
    socket.setEncoding('latin1').on('data', (some: string) => (text += some))
    socket.on('error', () => {})
    socket.on('close', () => {
      clearInterval(drip)
      const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]
      if (status === undefined) reject(new Error(`closed without an answer: ${text}`))
      else resolve(Number(status))
    })
  })
}

it('bad input to the receiver gets its status, takes no memory and no time from the devices', async () => {
  await using site = await Site.start()
  await site.startEdge()
  await site.linked()
  await site.drivenBy('edge')
  const { edge } = site
  const url = await otlpUrl(edge)
  const post = async (headers: Record<string, string>, body: BodyInit) => {
    const answer = await fetch(`${url}/v1/logs`, { method: 'POST', headers, body })
    await answer.arrayBuffer()
    return answer.status
  }
  // What the first requests need once stays.
  await sendLogs(url, 1, 1_000)
  const before = memoryOf(edge.pid)
  resetPeakOf(edge.pid)
  const beganAt = machineMs()

  expect(await post({ 'content-type': 'text/plain' }, '{}')).toBe(415)
  expect(await post({ ...JSON_TYPE, 'content-encoding': 'br' }, '{}')).toBe(415)
  expect(await post(PROTOBUF_TYPE, Buffer.from([0x0a, 0xff, 0xff, 0x01]))).toBe(400)
  expect(await post(JSON_TYPE, '{"resourceLogs":[{')).toBe(400)
  const slowly = Array.from({ length: 8 }, () => slow(url))
  const piece = Buffer.alloc(MIB, 0x20)
  const announced = { ...JSON_TYPE, 'content-length': String(1_024 * MIB) }
  expect(await stream(url, announced, repeated(piece, 1_024))).toBe(413)
  expect(await stream(url, { ...JSON_TYPE, 'transfer-encoding': 'chunked' }, repeated(piece, 1_024))).toBe(413)
  const bomb = Buffer.concat(Array<Buffer>(16).fill(gzipSync(Buffer.alloc(64 * MIB))))
  for (let time = 0; time < 5; time++)
    expect(await post({ ...PROTOBUF_TYPE, 'content-encoding': 'gzip' }, bomb)).toBe(413)
  const slowAt = machineMs()
  expect(await Promise.all(slowly)).toEqual(Array(8).fill(408))
  expect(machineMs() - slowAt).toBeLessThan(deadlineMs)

  const after = memoryOf(edge.pid)
  console.log(`memory in MiB: ${before.rss} before, ${after.peak} at the most, ${after.rss} after`)
  expect(after.peak - before.rss).toBeLessThan(growthMaxMiB)
  await site.judge.look()
  const asked = site.judge.requests('edge', beganAt).map(({ atMono }) => atMono)
  const gaps = asked.slice(1).map((at, index) => at - asked[index]!)
  expect(asked.length).toBeGreaterThan(10)
  expect(Math.max(...gaps)).toBeLessThan(neglectedMs)
  expect(site.judge.connections('edge', beganAt)).toEqual([])
  expect(await sendLogs(url, 2_000, 10)).toHaveLength(10)
  expect((await edge.ask<SyncView>('sync', 'status')).status).toMatchObject({ dropped: 0, deadLetters: 0 })
}, 120_000)
