import { z } from 'zod'
import { HoldfastError } from '../../../../shared/model/failures'
import { defineDriver, type DriverContext, type DriverInstance, type Json, type Link, type Turn } from '../../contract'
import { Exchange } from '../exchange'
import { secret, secretText } from '../secret'
import {
  answers,
  commandLine,
  digestOf,
  errorsOf,
  inputNames,
  inputOf,
  isUnavailable,
  lampHoursOf,
  muteOf,
  pjlinkLines,
  powerOf,
  saltOf,
  valueOf,
} from './protocol'

const settings = z.strictObject({
  password: secret.optional(),
  /** Below 30 s, after which a projector may close an idle connection. */
  pollMs: z.int().min(250).max(25_000).default(5_000),
  timeoutMs: z.int().min(100).max(30_000).default(3_000),
})
type Settings = z.output<typeof settings>

const methods = {
  power: { title: 'Switch on or off', changesDevice: true, params: z.strictObject({ on: z.boolean() }) },
  input: {
    title: 'Choose the input',
    changesDevice: true,
    params: z.strictObject({
      input: z
        .string()
        .regex(/^(rgb|video|digital|storage|network)[1-9]$/, 'rgb, video, digital, storage or network, and 1 to 9'),
    }),
  },
  mute: {
    title: 'Mute picture or sound',
    changesDevice: true,
    params: z.strictObject({ what: z.enum(['video', 'audio', 'both']).default('both'), on: z.boolean() }),
  },
  query: { title: 'Ask for everything now', changesDevice: false, params: z.strictObject({}) },
}
type Params<Name extends keyof typeof methods> = z.output<(typeof methods)[Name]['params']>

/** Variables: `power` (off, on, cooling, warming), `input`, `mute`, `lampHours`, `errors`, `name`. */
class Projector implements DriverInstance {
  readonly #context: DriverContext<Settings>
  #exchange: Exchange<string> | null = null
  /** The digest, until the first command has carried it. */
  #proof = ''

  constructor(context: DriverContext<Settings>) {
    this.#context = context
  }

  async connect(link: Link): Promise<void> {
    const { uri, settings } = this.#context
    const password = secretText(settings.password) ?? uri?.password ?? ''
    const socket = await link.tcp({ host: uri?.host ?? '', port: uri?.port ?? 0, timeoutMs: settings.timeoutMs })
    const exchange = new Exchange(socket, pjlinkLines(), {
      unsolicited: (line) => {
        this.#context.debug('warn', `unasked: ${line}`)
        return false
      },
      ended: (error) => this.#context.lost(error),
    })
    this.#exchange = exchange
    const salt = saltOf(await exchange.greeting(link, settings.timeoutMs))
    this.#context.debug(
      'debug',
      salt === null ? 'connected, no authentication asked' : 'connected, authentication asked',
    )
    if (salt !== null && password === '') {
      throw new HoldfastError('unauthenticated', 'the projector asks for a password', {
        hint: 'Set settings.password.',
      })
    }
    this.#proof = salt === null ? '' : digestOf(salt, password)
    await this.#ask(link, 'POWR', '?')
    await this.#readOnce(link, 'name', 'NAME', (value) => value)
    link.poll(settings.pollMs, (turn) => this.#readAll(turn))
  }

  async disconnect(): Promise<void> {
    this.#exchange?.end()
    this.#exchange = null
  }

  async execute(method: keyof typeof methods, params: never, turn: Turn): Promise<Json> {
    if (method === 'power') {
      const { on } = params as Params<'power'>
      await this.#ask(turn, 'POWR', on ? '1' : '0')
    } else if (method === 'input') {
      const { input } = params as Params<'input'>
      await this.#ask(turn, 'INPT', inputNames.find(({ name }) => name === input)?.code ?? '')
    } else if (method === 'mute') {
      const { what, on } = params as Params<'mute'>
      await this.#ask(turn, 'AVMT', `${{ video: 1, audio: 2, both: 3 }[what]}${on ? 1 : 0}`)
    }
    // The command was answered: what happens to the reading after it says nothing about the command.
    await this.#readAll(turn).catch((error: unknown) => this.#context.lost(error))
    return {
      power: this.#context.status('power') ?? null,
      input: this.#context.status('input') ?? null,
      mute: this.#context.status('mute') ?? null,
    }
  }

  async #readAll(turn: Turn): Promise<void> {
    this.#context.setStatus('power', powerOf(await this.#ask(turn, 'POWR', '?')))
    await this.#readOnce(turn, 'input', 'INPT', inputOf)
    await this.#readOnce(turn, 'mute', 'AVMT', muteOf)
    await this.#readOnce(turn, 'errors', 'ERST', errorsOf)
    await this.#readOnce(turn, 'lampHours', 'LAMP', lampHoursOf)
  }

  /** Null while the projector cannot say (it is off) or never can. */
  async #readOnce(turn: Turn, variable: string, command: string, read: (value: string) => Json): Promise<void> {
    try {
      this.#context.setStatus(variable, read(await this.#ask(turn, command, '?')))
    } catch (error) {
      if (!isUnavailable(error)) throw error
      this.#context.setStatus(variable, null)
    }
  }

  async #ask(turn: Turn, command: string, argument: string): Promise<string> {
    if (!this.#exchange) throw new HoldfastError('unreachable', 'the projector is not connected')
    const bytes = Buffer.from(this.#proof + commandLine(command, argument))
    this.#proof = ''
    const line = await this.#exchange.ask({
      bytes,
      turn,
      answeredBy: (said) => answers(command, said),
      timeoutMs: this.#context.settings.timeoutMs,
      changesDevice: argument !== '?',
    })
    this.#context.debug('trace', `${command} ${argument} -> ${line}`)
    return valueOf(command, line)
  }
}

export const pjlink = defineDriver({
  name: 'pjlink',
  title: 'Projector (PJLink class 1)',
  role: 'device',
  uri: { schemes: ['pjlink', 'tcp'], defaultPort: 4352, example: 'pjlink://10.0.0.5:4352' },
  settings,
  methods,
  create: (context) => new Projector(context),
})
