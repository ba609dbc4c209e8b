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
import { pollOnwards } from '../exchange'
import { secret, secretText } from '../secret'
import { fill, fillJson, parameters, placesOf, schemaOf, type Values } from '../template'
import { pick, steps } from './pointer'
import { webRequest, type WebAnswer } from './request'

const visible = /^[\u0020-\u007e]*$/
const path = z
  .string()
  .max(1_000)
  .regex(/^\/[\u0021-\u007e]*$/, 'begins with "/", no spaces')
const pointer = z
  .string()
  .max(500)
  .refine(
    (text) => steps(text) !== null,
    'a JSON pointer such as /air/temperature, or a path such as $.air.temperature',
  )
const variableName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/, 'a letter, then letters, digits, "_", "." or "-", up to 64')

const command = z.strictObject({
  title: z.string().max(100).optional(),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
  path,
  params: parameters,
  /** A JSON value; a string that is `{name}` alone becomes the parameter with its type. */
  body: z.json().optional(),
  /** Variables read from the answer. */
  variables: z.record(variableName, pointer).default({}),
  /** Only a GET may say false, which allows a repeat. */
  changesDevice: z.boolean().optional(),
})

const settings = z
  .strictObject({
    polls: z
      .array(
        z.strictObject({
          path: path.default('/'),
          everyMs: z.int().min(250).max(3_600_000).default(5_000),
          variables: z.record(variableName, pointer),
        }),
      )
      .min(1)
      .max(20),
    commands: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/), command).default({}),
    headers: z.record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/), z.string().max(1_000).regex(visible)).default({}),
    /** Sent as `Authorization: Bearer`. */
    token: secret.optional(),
    /** With the user of the URI, sent as `Authorization: Basic`. */
    password: secret.optional(),
    timeoutMs: z.int().min(100).max(60_000).default(5_000),
    bodyBytesMax: z
      .int()
      .min(64)
      .max(4 * 1024 * 1024)
      .default(256 * 1024),
    verifyCertificate: z.boolean().default(true),
  })
  .superRefine(({ commands }, problems) => {
    for (const [name, one] of Object.entries(commands)) {
      const places = [...placesOf(one.path), ...(one.body === undefined ? [] : placesOf(JSON.stringify(one.body)))]
      if (places.some((place) => !Object.hasOwn(one.params, place))) {
        const message = `only declared parameters in braces: ${Object.keys(one.params).join(', ') || 'none is declared'}`
        problems.addIssue({ code: 'custom', path: ['commands', name, 'path'], message, input: one.path })
      }
      if (one.changesDevice === false && one.method !== 'GET') {
        problems.addIssue({
          code: 'custom',
          path: ['commands', name, 'changesDevice'],
          message: 'true, unless the method is GET',
          input: false,
        })
      }
    }
  })
type Settings = z.output<typeof settings>
type Command = Settings['commands'][string]

const changesDevice = (one: Command) => one.changesDevice ?? one.method !== 'GET'

class WebDevice implements DriverInstance {
  readonly #context: DriverContext<Settings>
  #link: Link | null = null

  constructor(context: DriverContext<Settings>) {
    this.#context = context
  }

  async connect(link: Link): Promise<void> {
    this.#link = link
    for (const poll of this.#context.settings.polls) await this.#poll(link, poll)
    for (const poll of this.#context.settings.polls) pollOnwards(link, poll.everyMs, (turn) => this.#poll(turn, poll))
  }

  async disconnect(): Promise<void> {
    this.#link = null
  }

  async execute(method: string, params: never, turn: Turn): Promise<Json> {
    const chosen = this.#context.settings.commands[method]
    if (!chosen) throw new HoldfastError('not-found', `there is no command ${method}`)
    const values = params as Values
    const body = chosen.body === undefined ? null : JSON.stringify(fillJson(chosen.body, values, chosen.params))
    const answer = await this.#ask(
      turn,
      chosen.method,
      fill(chosen.path, values, chosen.params, encodeURIComponent),
      body,
    )
    if (Object.keys(chosen.variables).length > 0) this.#learn(parsed(answer), chosen.variables)
    return { status: answer.status }
  }

  async #poll(turn: Turn, { path: at, variables }: Settings['polls'][number]): Promise<void> {
    this.#learn(parsed(await this.#ask(turn, 'GET', at, null)), variables)
  }

  #learn(body: Json, variables: Readonly<Record<string, string>>): void {
    for (const [name, where] of Object.entries(variables)) {
      const value = pick(body, steps(where) ?? [])
      if (value === undefined) this.#context.debug('warn', `the answer has nothing at ${where}`)
      this.#context.setStatus(name, value ?? null)
    }
  }

  async #ask(turn: Turn, method: string, at: string, body: string | null): Promise<WebAnswer> {
    const { uri, settings } = this.#context
    if (!this.#link || !uri) throw new HoldfastError('unreachable', 'the device is not connected')
    const base = uri.path.replace(/\/+$/, '')
    const answer = await webRequest(this.#link, turn, {
      ...settings,
      secure: uri.scheme === 'https',
      host: uri.host,
      port: uri.port,
      method,
      path: base + at,
      body,
      headers: {
        accept: 'application/json',
        host: `${uri.host.includes(':') ? `[${uri.host}]` : uri.host}:${uri.port}`,
        ...settings.headers,
        ...this.#authorization(),
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      },
    })
    this.#context.debug('trace', `${method} ${base}${at} -> ${answer.status} ${answer.text.slice(0, 200)}`)
    if (answer.status >= 200 && answer.status < 300) return answer
    throw refusal(`${method} ${base}${at}`, answer)
  }

  #authorization(): Record<string, string> {
    const { uri, settings } = this.#context
    const token = secretText(settings.token)
    if (token !== null) return { authorization: `Bearer ${token}` }
    const password = secretText(settings.password) ?? uri?.password ?? ''
    if (!uri?.username && !password) return {}
    return { authorization: `Basic ${Buffer.from(`${uri?.username ?? ''}:${password}`).toString('base64')}` }
  }
}

function refusal(what: string, { status, text }: WebAnswer): HoldfastError {
  if (status === 401 || status === 403) {
    return new HoldfastError('unauthenticated', `the device refused ${what} with ${status}`, {
      hint: 'Check settings.token or settings.password.',
    })
  }
  const hint =
    status >= 300 && status < 400
      ? 'Redirects are not followed: give the final address.'
      : `It said: ${text.slice(0, 200)}`
  return new HoldfastError('refused', `the device refused ${what} with ${status}`, { hint, details: { status } })
}

function parsed({ text }: WebAnswer): Json {
  try {
    return JSON.parse(text) as Json
  } catch (error) {
    throw new HoldfastError('refused', `the device did not answer JSON: ${JSON.stringify(text.slice(0, 60))}`, {
      cause: error,
    })
  }
}

function methodsOf({ commands }: Settings): Record<string, DriverMethod> {
  return Object.fromEntries(
    Object.entries(commands).map(([name, one]) => [
      name,
      { title: one.title ?? name, changesDevice: changesDevice(one), params: schemaOf(one.params) },
    ]),
  )
}

export const httpJson = defineDriver({
  name: 'http-json',
  title: 'Device with a JSON interface over HTTP',
  role: 'device',
  uri: { schemes: ['http', 'https'], defaultPort: 80, example: 'http://10.0.0.8/api' },
  settings,
  methods: {},
  methodsOf,
  create: (context) => new WebDevice(context),
})
