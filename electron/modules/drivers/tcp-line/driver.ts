import { z } from 'zod'
import { HoldfastError } from '../../../../shared/model/failures'
import {
  defineDriver,
  type DriverContext,
  type DriverInstance,
  type DriverMethod,
  type Json,
  type Link,
  type Turn,
} from '../../contract'
import { Exchange, lines, pollOnwards } from '../exchange'
import { secret, secretText } from '../secret'
import { fill, parameters, placesOf, schemaOf } from '../template'
import { lineRule, match, pattern, unescaped, variablesOf, type LineRule } from './patterns'

const text = z.string().min(1).max(1_000)

const command = z.strictObject({
  title: z.string().max(100).optional(),
  send: text,
  params: parameters,
  /** The answer that confirms it. Absent: the device does not answer this command, and that it was sent is all that is known. */
  match: pattern.optional(),
  set: lineRule.shape.set,
  as: lineRule.shape.as,
  changesDevice: z.boolean().default(true),
})

const settings = z
  .strictObject({
    delimiter: z.string().min(1).max(8).default('\\r\\n'),
    encoding: z.enum(['utf8', 'ascii', 'latin1']).default('utf8'),
    lineBytesMax: z.int().min(16).max(65_536).default(4_096),
    timeoutMs: z.int().min(100).max(30_000).default(3_000),
    /** Stands for `{password}` in `opening`. */
    password: secret.optional(),
    /** Said in this order after each connect, each with the answer that must come. */
    opening: z
      .array(z.strictObject({ send: text, match: pattern }))
      .max(10)
      .default([]),
    /** At least one: without a question there is no way to know that the device is there. */
    polls: z
      .array(lineRule.extend({ send: text, everyMs: z.int().min(100).max(3_600_000).default(5_000) }))
      .min(1)
      .max(100),
    /** Lines that the device sends by itself. */
    unsolicited: z.array(lineRule).max(100).default([]),
    /** A line by which the device refuses a question or command. */
    refused: pattern.optional(),
    commands: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/), command).default({}),
  })
  .superRefine(({ commands }, problems) => {
    for (const [name, { send, params }] of Object.entries(commands)) {
      const unknown = placesOf(send).find((place) => !Object.hasOwn(params, place))
      if (unknown === undefined) continue
      const message = `only declared parameters in braces: ${Object.keys(params).join(', ') || 'none is declared'}`
      problems.addIssue({ code: 'custom', path: ['commands', name, 'send'], message, input: send })
    }
  })
type Settings = z.output<typeof settings>

const compiled = (source: string) => new RegExp(source)
type Rule = LineRule & { expression: RegExp }
const compiledRule = (rule: LineRule): Rule => ({ ...rule, expression: compiled(rule.match) })

class LineDevice implements DriverInstance {
  readonly #context: DriverContext<Settings>
  readonly #delimiter: string
  readonly #unsolicited: readonly Rule[]
  readonly #refused: RegExp | null
  #exchange: Exchange<string> | null = null

  constructor(context: DriverContext<Settings>) {
    this.#context = context
    this.#delimiter = unescaped(context.settings.delimiter)
    this.#unsolicited = context.settings.unsolicited.map(compiledRule)
    this.#refused = context.settings.refused === undefined ? null : compiled(context.settings.refused)
  }

  async connect(link: Link): Promise<void> {
    const { uri, settings } = this.#context
    const password = secretText(settings.password)
    const socket = await link.tcp({ host: uri?.host ?? '', port: uri?.port ?? 0, timeoutMs: settings.timeoutMs })
    this.#exchange = new Exchange(socket, lines(this.#delimiter, settings.encoding, settings.lineBytesMax), {
      unsolicited: (line) => this.#hear(line),
      ended: (error) => this.#context.lost(error),
    })
    for (const { send, match: answer } of settings.opening) await this.#open(link, send, answer, password)
    const rounds = Map.groupBy(settings.polls, ({ everyMs }) => everyMs)
    const questions = [...rounds].map(([everyMs, polls]) => ({
      everyMs,
      polls: polls.map((one) => ({ ...compiledRule(one), send: one.send })),
    }))
    for (const { polls } of questions) for (const poll of polls) await this.#poll(link, poll)
    for (const { everyMs, polls } of questions) {
      pollOnwards(link, everyMs, async (turn) => {
        for (const poll of polls) await this.#poll(turn, poll)
      })
    }
  }

  async disconnect(): Promise<void> {
    this.#exchange?.end()
    this.#exchange = null
  }

  async execute(method: string, params: never, turn: Turn): Promise<Json> {
    const chosen = this.#context.settings.commands[method]
    if (!chosen) throw new HoldfastError('not-found', `there is no command ${method}`)
    const line = fill(chosen.send, params, chosen.params)
    if (chosen.match === undefined) {
      await this.#connected().tell(this.#bytes(line), turn)
      return { sent: line }
    }
    const rule = compiledRule({ match: chosen.match, as: chosen.as, ...(chosen.set ? { set: chosen.set } : {}) })
    const answer = await this.#ask(turn, line, rule.expression, chosen.changesDevice)
    this.#learn(rule, answer)
    return { sent: line, answer }
  }

  async #open(link: Link, send: string, answer: string, password: string | null): Promise<void> {
    const carriesPassword = placesOf(send).includes('password')
    if (carriesPassword && password === null) {
      throw new HoldfastError('unauthenticated', 'the opening needs a password', { hint: 'Set settings.password.' })
    }
    try {
      await this.#ask(
        link,
        fill(send, { password: password ?? '' }),
        compiled(answer),
        false,
        carriesPassword ? send : undefined,
      )
    } catch (error) {
      if (!carriesPassword || !(error instanceof HoldfastError) || error.code !== 'refused') throw error
      throw new HoldfastError('unauthenticated', 'the device refused the password', {
        hint: 'Check settings.password.',
        cause: error,
      })
    }
  }

  async #poll(turn: Turn, poll: Rule & { send: string }): Promise<void> {
    this.#learn(poll, await this.#ask(turn, poll.send, poll.expression, false))
  }

  /** `shown` is what debug lines and refusals say instead of a line that carries a password. */
  async #ask(turn: Turn, line: string, expected: RegExp, changesDevice: boolean, shown = line): Promise<string> {
    const answer = await this.#connected().ask({
      bytes: this.#bytes(line),
      turn,
      answeredBy: (said) => match(expected, said) !== null || this.#refuses(said),
      timeoutMs: this.#context.settings.timeoutMs,
      changesDevice,
    })
    this.#context.debug('trace', `${shown} -> ${answer}`)
    if (!this.#refuses(answer)) return answer
    throw new HoldfastError(
      'refused',
      `the device answered ${JSON.stringify(answer.slice(0, 60))} to ${JSON.stringify(shown)}`,
    )
  }

  #refuses(line: string): boolean {
    return this.#refused !== null && match(this.#refused, line) !== null
  }

  /** A line that nobody asked for. */
  #hear(line: string): boolean {
    const rule = this.#unsolicited.find(({ expression }) => match(expression, line) !== null)
    this.#context.debug(rule ? 'trace' : 'warn', `${rule ? 'heard' : 'not understood'}: ${line.slice(0, 200)}`)
    if (rule) this.#learn(rule, line)
    return rule !== undefined
  }

  #learn(rule: Rule, line: string): void {
    const groups = match(rule.expression, line)
    if (!groups) return
    for (const [name, value] of Object.entries(variablesOf(rule, groups))) this.#context.setStatus(name, value)
  }

  #bytes(line: string): Buffer {
    return Buffer.from(line + this.#delimiter, this.#context.settings.encoding)
  }

  #connected(): Exchange<string> {
    if (!this.#exchange) throw new HoldfastError('unreachable', 'the device is not connected')
    return this.#exchange
  }
}

function methodsOf({ commands }: Settings): Record<string, DriverMethod> {
  return Object.fromEntries(
    Object.entries(commands).map(([name, { title, params, changesDevice }]) => [
      name,
      { title: title ?? name, changesDevice, params: schemaOf(params) },
    ]),
  )
}

export const tcpLine = defineDriver({
  name: 'tcp-line',
  title: 'Device with a line protocol over TCP',
  role: 'device',
  uri: { schemes: ['tcp'], defaultPort: null, example: 'tcp://10.0.0.9:5000' },
  settings,
  methods: {},
  methodsOf,
  create: (context) => new LineDevice(context),
})
