import { createHash, randomBytes } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import type { SimulatedDevice, Stage } from './device-server'

export interface ProjectorOptions {
  /** Null: the projector asks for no authentication. */
  readonly password: string | null
  readonly name: string
  /** How long it stays in `warming` and `cooling`. */
  readonly warmMs: number
}

const end = '\r'
/** A class 1 command is at most 136 bytes long, with the digest before it. */
const lineBytesMax = 256
const inputs = ['11', '12', '21', '22', '31', '32', '51']
const powerValues = { off: '0', on: '1', cooling: '2', warming: '3' } as const
type Power = keyof typeof powerValues

/** A projector that speaks PJLink class 1 (JBMIA): greeting with a salt, MD5 digest before the first command, `%1XXXX` commands. */
export function pjlinkProjector(stage: Stage, options: ProjectorOptions): SimulatedDevice {
  const projector = {
    on: false,
    changedAt: -Infinity,
    input: '31',
    mute: '30',
    errors: '000000',
    lampHours: 1234,
    name: options.name,
  }

  const power = (): Power => {
    if (stage.nowMs() - projector.changedAt >= options.warmMs) return projector.on ? 'on' : 'off'
    return projector.on ? 'warming' : 'cooling'
  }

  /** Performs `command` with `argument` and returns what stands after `=`. */
  function perform(command: string, argument: string): string {
    const asks = argument === '?'
    switch (command) {
      case 'POWR':
        return asks ? powerValues[power()] : setPower(argument)
      case 'INPT':
        if (asks) return power() === 'on' ? projector.input : 'ERR3'
        if (!inputs.includes(argument)) return 'ERR2'
        if (power() !== 'on') return 'ERR3'
        projector.input = argument
        return 'OK'
      case 'AVMT':
        return asks ? projector.mute : setMute(argument)
      case 'ERST':
        return projector.errors
      case 'LAMP':
        return `${projector.lampHours} ${projector.on ? 1 : 0}`
      case 'INST':
        return inputs.join(' ')
      case 'NAME':
        return projector.name
      case 'INF1':
        return 'Holdfast'
      case 'INF2':
        return 'Simulated projector'
      case 'CLSS':
        return '1'
      default:
        return 'ERR1'
    }
  }

  function setPower(argument: string): string {
    if (argument !== '0' && argument !== '1') return 'ERR2'
    const now = power()
    // Like a real lamp: nothing is accepted while it warms up or cools down.
    if (now === 'warming' || now === 'cooling') return 'ERR3'
    const on = argument === '1'
    if (on !== projector.on) projector.changedAt = stage.nowMs()
    projector.on = on
    return 'OK'
  }

  function setMute(argument: string): string {
    if (!/^[123][01]$/.test(argument)) return 'ERR2'
    if (power() !== 'on') return 'ERR3'
    const muted = {
      video: projector.mute === '11' || projector.mute === '31',
      audio: projector.mute === '21' || projector.mute === '31',
    }
    const on = argument.endsWith('1')
    if (argument.startsWith('1') || argument.startsWith('3')) muted.video = on
    if (argument.startsWith('2') || argument.startsWith('3')) muted.audio = on
    projector.mute = muted.video && muted.audio ? '31' : muted.video ? '11' : muted.audio ? '21' : '30'
    return 'OK'
  }

  function converse(socket: Socket): void {
    const salt = options.password === null ? null : randomBytes(4).toString('hex')
    const digest = salt === null ? null : createHash('md5').update(`${salt}${options.password}`).digest('hex')
    let proven = digest === null
    let pending = ''
    socket.write(salt === null ? `PJLINK 0${end}` : `PJLINK 1 ${salt}${end}`)
    socket.on('data', (bytes) => {
      pending += bytes.toString('latin1')
      if (pending.length > lineBytesMax * 16) return void socket.destroy()
      for (let at = pending.indexOf(end); at >= 0; at = pending.indexOf(end)) {
        const line = pending.slice(0, at)
        pending = pending.slice(at + 1)
        obey(line)
      }
    })

    function obey(line: string): void {
      const command = proven ? line : line.slice(digest?.length ?? 0)
      if (!proven && !line.startsWith(digest ?? '')) {
        stage.sight(socket, 'read', 'refused digest')
        return void socket.end(`PJLINK ERRA${end}`)
      }
      proven = true
      const match = /^%1([A-Z0-9]{4}) (.{1,128})$/.exec(command)
      if (!match) return
      const [, name = '', argument = ''] = match
      const answer = (value: string) => Buffer.from(`%1${name}=${value}${end}`, 'utf8')
      stage.respond(socket, {
        kind: argument === '?' ? 'read' : 'write',
        what: `${name} ${argument}`,
        perform: () => answer(perform(name, argument)),
        refuse: () => answer('ERR3'),
      })
    }
  }

  return {
    server: createServer(converse),
    state: () => ({ ...projector, power: power(), changedAt: undefined }),
    change(values) {
      for (const [key, value] of Object.entries(values)) {
        if (key === 'power') Object.assign(projector, { on: value === 'on', changedAt: -Infinity })
        else if (key === 'input' || key === 'mute' || key === 'errors' || key === 'name') projector[key] = String(value)
        else if (key === 'lampHours') projector.lampHours = Number(value)
        else throw new RangeError(`a projector has no ${key}`)
      }
    },
  }
}
