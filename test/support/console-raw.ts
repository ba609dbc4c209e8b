import { once } from 'node:events'
import { request, type IncomingHttpHeaders } from 'node:http'
import { afterEach, expect } from 'vitest'
import { WebSocket } from 'ws'
import { startConsoleDouble, type ConsoleDouble } from './console-double'

/** A console server per test, ended after it with everything that was opened. Call at the top of a test file. */
export function useConsole() {
  const closing: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
  })
  return {
    onEnd(close: () => Promise<unknown>): void {
      closing.push(close)
    },
    async start(options: Parameters<typeof startConsoleDouble>[0] = {}): Promise<ConsoleDouble> {
      const double = await startConsoleDouble(options)
      closing.push(async () => double[Symbol.asyncDispose]())
      return double
    },
    /** A greeted WebSocket, by default as the owner of the key file. */
    async open(double: ConsoleDouble, headers: Record<string, string> = bearer(double)): Promise<Raw> {
      const socket = new WebSocket(`ws://127.0.0.1:${double.server.port}/console`, { headers })
      const raw = new Raw(socket)
      closing.push(async () => {
        if (socket.readyState === socket.CLOSED) return
        const gone = once(socket, 'close')
        socket.terminate()
        await gone
      })
      await once(socket, 'open')
      await raw.next((message) => message.type === 'hello')
      return raw
    },
  }
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

/** Plain HTTP with any headers and any path, also the ones a browser or `fetch` would mend. */
export function ask(
  port: number,
  options: { path?: string; method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { path = '/health', method = 'GET', headers = {}, body } = options
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }))
    })
    sent.on('error', reject).end(body)
  })
}

/** The HTTP status an upgrade is refused with, or 101. */
export async function upgrade(port: number, headers: Record<string, string>, at = '/console'): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${at}`, { headers })
  const status = await new Promise<number>((resolve, reject) => {
    socket.on('open', () => resolve(101))
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode!))
    socket.on('error', reject)
  })
  socket.terminate()
  return status
}

export const bearer = (double: ConsoleDouble) => ({ Authorization: `Bearer ${double.key}` })
export const keyOf = (link: { url: string }): string => new URL(link.url).hash.slice('#key='.length)

export async function logIn(double: ConsoleDouble): Promise<string> {
  const body = JSON.stringify({ key: keyOf(double.server.oneTimeLink()) })
  const answer = await ask(double.server.port, { path: '/login', method: 'POST', body })
  expect(answer.status).toBe(200)
  return answer.headers['set-cookie']![0]!.split(';')[0]!
}

/** Any message of the controller, with the fields a test may look at. */
export interface Message {
  type: string
  id?: number
  failure?: { code: string }
}

/** A WebSocket with the messages that came (beats aside). */
export class Raw {
  readonly messages: Message[] = []
  readonly socket: WebSocket
  private waiting: (() => void) | null = null
  closeCode: number | null = null
  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Message
      if (message.type !== 'beat') this.messages.push(message)
      this.waiting?.()
    })
    socket.on('close', (code) => {
      this.closeCode = code
      this.waiting?.()
    })
    socket.on('error', () => {})
  }
  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }
  /** The first message that fits, now or later; removes it and those before it. */
  async next(fits: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const index = this.messages.findIndex(fits)
      if (index >= 0) return this.messages.splice(0, index + 1).at(-1)!
      if (this.closeCode !== null) throw new Error(`closed with ${this.closeCode}`)
      await new Promise<void>((resolve) => (this.waiting = resolve))
    }
  }
  async closed(): Promise<number> {
    while (this.closeCode === null) await new Promise<void>((resolve) => (this.waiting = resolve))
    return this.closeCode
  }
}
