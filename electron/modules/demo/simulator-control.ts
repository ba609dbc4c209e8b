import { createServer, type IncomingMessage, type Server } from 'node:http'
import { z } from 'zod'
import { behaviours, type DeviceServer, type SightingLog } from './device-server'

const bodyBytesMax = 64 * 1024
const orderOf = {
  '/behave': z.strictObject({
    mode: z.enum(behaviours),
    delayMs: z.int().min(0).max(600_000).optional(),
    /** Absent: all devices of the process. */
    device: z.int().min(0).optional(),
  }),
  '/change': z.strictObject({ values: z.record(z.string(), z.unknown()), device: z.int().min(0).default(0) }),
  '/cut': z.strictObject({ device: z.int().min(0).optional() }),
}

class ControlRefusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/**
 * The control channel of a simulator process, for tests and the demo's switches, on loopback only:
 *   GET  /log?device=0&after=12 -> {entries: Sighting[], dropped}
 *   GET  /state?device=0        -> the device's variables
 *   POST /behave {mode, delayMs?, device?}   POST /change {values, device?}   POST /cut {device?}
 */
export function simulatorControl(devices: readonly DeviceServer[], log: SightingLog): Server {
  function device(index: number): DeviceServer {
    const found = devices[index]
    if (!found) throw new ControlRefusal(404, `device: 0..${devices.length - 1}`)
    return found
  }
  const chosen = (index: number | undefined) => (index === undefined ? devices : [device(index)])

  function read(url: URL): unknown {
    const number = (name: string) => (url.searchParams.has(name) ? Number(url.searchParams.get(name)) : undefined)
    const at = number('device')
    const after = number('after')
    if (url.pathname === '/state') return device(at ?? 0).state()
    if (url.pathname !== '/log')
      throw new ControlRefusal(404, 'GET /log, GET /state, POST /behave, POST /change, POST /cut')
    const filter = { ...(at === undefined ? {} : { device: at }), ...(after === undefined ? {} : { after }) }
    return { entries: log.read(filter), dropped: log.dropped }
  }

  async function obey(path: string, body: unknown): Promise<unknown> {
    if (path === '/behave') {
      const order = orderOf[path].parse(body)
      await Promise.all(chosen(order.device).map((one) => one.behave(order.mode, order.delayMs)))
    } else if (path === '/change') {
      const order = orderOf[path].parse(body)
      device(order.device).change(order.values)
    } else if (path === '/cut') {
      for (const one of chosen(orderOf[path].parse(body).device)) one.cut()
    } else throw new ControlRefusal(404, 'POST /behave, /change or /cut')
    return { ok: true }
  }

  async function handle(request: IncomingMessage): Promise<unknown> {
    // A page in a browser on this machine must not be able to steer the devices, not even under a name that points to loopback.
    const host = (request.headers.host ?? '').replace(/:\d+$/, '')
    if (host !== '127.0.0.1' && host !== 'localhost') throw new ControlRefusal(403, 'loopback only')
    if (request.headers.origin !== undefined) throw new ControlRefusal(403, 'not for pages')
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (request.method === 'GET') return read(url)
    if (request.method !== 'POST') throw new ControlRefusal(405, 'GET or POST')
    return obey(url.pathname, await bodyOf(request))
  }

  return createServer((request, response) => {
    const send = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
    handle(request).then(
      (body) => send(200, body),
      (error: unknown) => send(error instanceof ControlRefusal ? error.status : 400, { error: String(error) }),
    )
  })
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const part of request.setEncoding('utf8')) {
    text += part as string
    if (text.length > bodyBytesMax) throw new ControlRefusal(413, `up to ${bodyBytesMax} bytes`)
  }
  return JSON.parse(text || '{}') as unknown
}
