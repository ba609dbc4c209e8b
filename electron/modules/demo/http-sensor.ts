import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { garbage, type SimulatedDevice, type Stage } from './device-server'

export interface SensorOptions {
  readonly name: string
  /** Null: no token is asked for. */
  readonly password: string | null
  /** True: readings wander with time, as in a room; false: they stay as they are set. */
  readonly lively: boolean
}

const bodyBytesMax = 16 * 1024

interface Answer {
  readonly status: number
  readonly body: unknown
}

/** A room sensor with a small display: `GET /api/status`, `PUT /api/display`, `POST /api/calibrate`, JSON throughout. */
export function httpSensor(stage: Stage, options: SensorOptions): SimulatedDevice {
  const sensor = {
    name: options.name,
    air: { temperature: 21.5, humidity: 44, co2: 620 },
    occupied: false,
    display: { brightness: 60, text: 'Welcome' },
    calibrations: 0,
  }

  function readings(): Record<string, unknown> {
    if (!options.lively) return sensor
    const minutes = stage.nowMs() / 60_000
    const wave = (periodMin: number) => Math.sin((2 * Math.PI * minutes) / periodMin)
    const air = {
      temperature: Math.round((sensor.air.temperature + 0.8 * wave(11)) * 10) / 10,
      humidity: Math.round(sensor.air.humidity + 3 * wave(17)),
      co2: Math.round(sensor.air.co2 + 180 * wave(7)),
    }
    return { ...sensor, air, occupied: sensor.occupied || air.co2 > 700 }
  }

  function perform(request: IncomingMessage, text: string): Answer {
    const route = `${request.method} ${(request.url ?? '').split('?')[0]}`
    if (route === 'GET /api/status') return { status: 200, body: readings() }
    if (route === 'POST /api/calibrate') {
      sensor.calibrations += 1
      return { status: 200, body: { calibrations: sensor.calibrations } }
    }
    if (route === 'PUT /api/display') return setDisplay(text)
    return { status: 404, body: { error: `nothing at ${route}` } }
  }

  function setDisplay(text: string): Answer {
    const wish: unknown = parsed(text)
    if (typeof wish !== 'object' || wish === null) return { status: 400, body: { error: 'a JSON object is expected' } }
    const { brightness = sensor.display.brightness, text: words = sensor.display.text } = wish as Record<
      string,
      unknown
    >
    if (typeof brightness !== 'number' || brightness < 0 || brightness > 100) {
      return { status: 422, body: { error: 'brightness: 0 to 100' } }
    }
    if (typeof words !== 'string' || words.length > 40)
      return { status: 422, body: { error: 'text: up to 40 characters' } }
    sensor.display = { brightness, text: words }
    return { status: 200, body: sensor.display }
  }

  function answer(request: IncomingMessage, response: ServerResponse, text: string): void {
    const send = ({ status, body }: Answer) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
    const isWrite = request.method !== 'GET'
    const what = `${request.method} ${request.url}${text ? ` ${text}` : ''}`
    const behaviour = stage.sight(request.socket, isWrite ? 'write' : 'read', what)
    if (behaviour === 'closed') return
    if (options.password !== null && request.headers.authorization !== `Bearer ${options.password}`) {
      return send({ status: 401, body: { error: 'a bearer token is expected' } })
    }
    if (behaviour === 'refuse') return send({ status: 503, body: { error: 'not now' } })
    if (behaviour === 'garbage') return void request.socket.end(garbage)
    const done = perform(request, text)
    if (behaviour === 'silent') return
    if (behaviour === 'ok') return send(done)
    if (behaviour === 'slow') return stage.later(() => response.destroyed || send(done))
    const body = JSON.stringify(done.body)
    response.writeHead(done.status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    response.write(body.slice(0, Math.floor(body.length / 2)))
  }

  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    let bytes = 0
    request.on('data', (part: Buffer) => {
      bytes += part.length
      if (bytes > bodyBytesMax) return void request.destroy()
      parts.push(part)
    })
    request.on('end', () => answer(request, response, Buffer.concat(parts).toString('utf8')))
  })

  return {
    server,
    state: () => readings(),
    change(values) {
      for (const [key, value] of Object.entries(values)) {
        if (key in sensor.air) sensor.air = { ...sensor.air, [key]: Number(value) }
        else if (key === 'occupied') sensor.occupied = Boolean(value)
        else if (key === 'name') sensor.name = String(value)
        else throw new RangeError(`a sensor has no ${key}`)
      }
    },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
