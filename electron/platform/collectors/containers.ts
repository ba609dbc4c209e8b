import { request } from 'node:http'
import { z } from 'zod'
import { HoldfastError } from '../../../shared/model/failures'
import type { Reading } from '../../../shared/model/inventory'
import type { Collector, Looked } from '../ports'

export interface ContainerEngine {
  readonly name: string
  /** Of its API: a socket, or a pipe on Windows. */
  readonly socket: string
}

const BYTES_MAX = 8 * 1024 * 1024

export const containerEngines: readonly ContainerEngine[] =
  process.platform === 'win32'
    ? [{ name: 'docker', socket: '//./pipe/docker_engine' }]
    : [
        { name: 'docker', socket: '/var/run/docker.sock' },
        { name: 'podman', socket: '/run/podman/podman.sock' },
      ]

const containers = z
  .array(
    z.object({
      Id: z.string().min(1).max(200),
      Names: z.array(z.string()).nullish(),
      Image: z.string().nullish(),
      State: z.string().nullish(),
      Created: z.number().nullish(),
    }),
  )
  .max(100_000)

/** Containers of the engines on this machine. Asked at their own API: what fails is told as failed, and nothing of it is deleted. */
export function containerCollector(engines = containerEngines): Collector {
  return {
    kind: 'container',
    everyMs: 30_000,
    limitMs: 10_000,
    async collect(signal) {
      const looks = await Promise.all(engines.map((engine) => look(engine, signal)))
      return { readings: looks.flatMap((each) => each.readings), unread: looks.flatMap((each) => each.unread ?? []) }
    },
  }
}

async function look({ name, socket }: ContainerEngine, signal: AbortSignal): Promise<Looked> {
  const idPrefix = `${name}:`
  try {
    return { readings: readContainers(name, await get(socket, '/containers/json?all=1', signal)) }
  } catch (error) {
    const { code } = error as { code?: unknown }
    const isAbsent = code === 'ENOENT' || code === 'ENOTDIR'
    const reason = isAbsent
      ? `No ${name} runs on this machine`
      : `${name}: ${error instanceof Error ? error.message : String(error)}`
    return { readings: [], unread: [{ idPrefix, reason, isAbsent }] }
  }
}

export function readContainers(engine: string, answer: unknown): Reading[] {
  return containers.parse(answer).map(({ Id, Names, Image, State, Created }): Reading => {
    const name = Names?.[0]?.replace(/^\//, '') ?? Id.slice(0, 12)
    return {
      kind: 'container',
      id: `${engine}:${Id}`,
      name: name.slice(0, 300),
      state: State === 'running' || State === 'restarting' ? 'running' : State === 'paused' ? 'paused' : 'stopped',
      attributes: { engine, image: (Image ?? '').slice(0, 300), createdAt: Created == null ? null : Created * 1_000 },
    }
  })
}

function get(socketPath: string, path: string, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, signal, headers: { host: 'localhost' }, agent: false }, (response) => {
      const pieces: Buffer[] = []
      let bytes = 0
      response.on('data', (piece: Buffer) => {
        bytes += piece.length
        if (bytes > BYTES_MAX) response.destroy(new HoldfastError('too-large', 'The answer is too large'))
        else pieces.push(piece)
      })
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString()
        if (response.statusCode !== 200) return reject(new HoldfastError('refused', `answered ${response.statusCode}`))
        try {
          resolve(JSON.parse(text))
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}
