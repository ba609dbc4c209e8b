import { createServer, type Socket } from 'node:net'
import type { SimulatedDevice, Stage } from './device-server'

export interface SwitcherOptions {
  readonly name: string
  /** Null: no log-in. Otherwise the first line must be `LOGIN <password>`. */
  readonly password: string | null
}

const end = '\r\n'
const ports = 4
const lineBytesMax = 1_024

/**
 * A matrix switcher with a text protocol, lines ending in CR LF:
 *   ROUTE? 2     -> ROUTE 2 1          which input output 2 shows
 *   ROUTE 2 3    -> OK ROUTE 2 3       and `!ROUTE 2 3` to every other connection
 *   MUTE 1 ON    -> OK MUTE 1 ON
 *   STATUS?      -> STATUS TEMP=41 FAN=ON
 *   anything else -> ERR 1; out of range -> ERR 2; not now -> ERR 3; not logged in -> ERR 9
 */
export function matrixSwitcher(stage: Stage, options: SwitcherOptions): SimulatedDevice {
  const switcher = { routes: [1, 2, 3, 4], muted: [false, false, false, false], temperature: 41, fan: true }
  const listeners = new Set<Socket>()

  function announce(line: string, except: Socket | null): void {
    for (const socket of listeners) if (socket !== except && !socket.destroyed) socket.write(`!${line}${end}`)
  }

  const output = (word: string | undefined) =>
    /^[1-9]$/.test(word ?? '') && Number(word) <= ports ? Number(word) : null

  function perform(line: string, from: Socket): string {
    const [verb = '', first, second] = line.split(' ')
    if (verb === 'STATUS?') return `STATUS TEMP=${switcher.temperature} FAN=${switcher.fan ? 'ON' : 'OFF'}`
    if (verb === 'NAME?') return `NAME ${options.name}`
    const at = output(first)
    if (!['ROUTE?', 'ROUTE', 'MUTE?', 'MUTE'].includes(verb)) return 'ERR 1'
    if (at === null) return 'ERR 2'
    if (verb === 'ROUTE?') return `ROUTE ${at} ${switcher.routes[at - 1]}`
    if (verb === 'MUTE?') return `MUTE ${at} ${switcher.muted[at - 1] ? 'ON' : 'OFF'}`
    if (verb === 'MUTE') {
      if (second !== 'ON' && second !== 'OFF') return 'ERR 2'
      switcher.muted[at - 1] = second === 'ON'
    } else {
      const input = output(second)
      if (input === null) return 'ERR 2'
      switcher.routes[at - 1] = input
    }
    announce(line, from)
    return `OK ${line}`
  }

  function converse(socket: Socket): void {
    let loggedIn = options.password === null
    let pending = ''
    listeners.add(socket)
    socket.on('close', () => listeners.delete(socket))
    socket.on('data', (bytes) => {
      pending += bytes.toString('utf8')
      if (pending.length > lineBytesMax) return void socket.destroy()
      for (let at = pending.indexOf(end); at >= 0; at = pending.indexOf(end)) {
        const line = pending.slice(0, at)
        pending = pending.slice(at + end.length)
        obey(line)
      }
    })

    function obey(line: string): void {
      const isLogin = line.startsWith('LOGIN ')
      const asks = isLogin || /^[A-Z]+\?/.test(line)
      stage.respond(socket, {
        kind: asks ? 'read' : 'write',
        // The password stays out of the record.
        what: isLogin ? 'LOGIN' : line,
        perform() {
          if (isLogin) loggedIn ||= line === `LOGIN ${options.password}`
          const said = isLogin ? (loggedIn ? 'OK LOGIN' : 'ERR 9') : loggedIn ? perform(line, socket) : 'ERR 9'
          return Buffer.from(said + end)
        },
        refuse: () => Buffer.from(`ERR 3${end}`),
      })
    }
  }

  return {
    server: createServer(converse),
    state: () => ({ ...switcher, name: options.name }),
    /** `{"route.2": 3, "temperature": 60}`; routes are announced as if somebody had pressed the front panel. */
    change(values) {
      for (const [key, value] of Object.entries(values)) {
        const at = output(/^route\.(\d)$/.exec(key)?.[1])
        if (at !== null) {
          switcher.routes[at - 1] = Number(value)
          announce(`ROUTE ${at} ${Number(value)}`, null)
        } else if (key === 'temperature') switcher.temperature = Number(value)
        else throw new RangeError(`a switcher has no ${key}`)
      }
    },
  }
}
